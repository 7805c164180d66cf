//! Tests of `describe` on components made by hand.

use proptest::prelude::*;
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentImportSection, ComponentTypeRef, ComponentTypeSection,
    CustomSection, InstanceType, Module, ModuleSection,
};

use super::*;

const LIFECYCLE: &str = "vigie:plugin/lifecycle@0.1.0";
const COLLECTOR: &str = "vigie:plugin/collector@0.1.0";

/// A component that imports and exports empty interfaces of these names; the exports re-export the first import.
fn component(imports: &[&str], exports: &[&str]) -> Component {
    let mut component = Component::new();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut section = ComponentImportSection::new();
    for name in imports {
        section.import(*name, ComponentTypeRef::Instance(0));
    }
    component.section(&section);
    let mut section = ComponentExportSection::new();
    for name in exports {
        section.export(*name, ComponentExportKind::Instance, 0, None);
    }
    component.section(&section);
    component
}

fn custom(component: &mut Component, name: &str, data: &str) {
    component.section(&CustomSection { name: name.into(), data: data.as_bytes().into() });
}

fn described(imports: &[&str], exports: &[&str]) -> Result<Description, String> {
    describe(&component(imports, exports).finish()).map_err(|error| error.to_string())
}

#[test]
fn roles_contract_and_capabilities_come_from_the_type() {
    let imports = ["vigie:plugin/types@0.1.0", "vigie:plugin/http@0.1.3", "wasi:io/poll@0.2.6", "wasi:random/random@0.3.0"];
    let description = described(&imports, &[LIFECYCLE, COLLECTOR, "vigie:plugin/health-check@0.1.0", "run"]).unwrap();
    assert_eq!(description.roles, [Role::Collector, Role::HealthCheck].into());
    assert_eq!(description.contract.to_string(), "0.1.3");
    assert_eq!(description.capabilities, ["http".to_owned()].into());
    assert!(!description.migrates && description.manifest.is_none());
}

#[test]
fn what_is_no_component_is_named() {
    let start = |bytes: &[u8]| describe(bytes).unwrap_err().to_string();
    assert_eq!(start(b""), "the file is empty");
    assert!(start(b"(component)").starts_with("the file is WebAssembly text"));
    assert!(start(b"\x7fELF\x02\x01").starts_with("the file is no WebAssembly: it begins with `\\u{7f}ELF"));
    assert!(start(&Module::new().finish()).starts_with("the file is a core module"));
    assert!(start(b"\0as").starts_with("the component is damaged or incomplete at byte 0 of 3"), "{}", start(b"\0as"));
}

#[test]
fn names_that_the_host_has_not_are_refused_with_what_to_do() {
    for (imports, exports, message) in [
        (vec![], vec!["vigie:plugin/lifecycle@0.2.0"], "is built for `vigie:plugin@0.2.0`, this host speaks 0.1"),
        (vec!["vigie:plugin/log@0.2.0"], vec![], "is built for `vigie:plugin@0.2.0`"),
        (
            vec!["vigie:plugin/teleport@0.1.0"],
            vec![],
            "imports `vigie:plugin/teleport@0.1.0`, which this host has not: it may belong to a newer",
        ),
        (vec!["wasi:nn/tensor@0.2.0"], vec![], "does not link that package of WASI"),
        (vec!["wasi:cli/run@0.3.0-rc-2025"], vec![], "only released versions of WASI"),
        (vec!["wasi:cli/environment@0.4.0"], vec![], "this host links WASI 0.2 and 0.3"),
        (vec!["acme:db/store@1.0.0"], vec![], "import interfaces of `vigie:plugin` and `wasi` only"),
        (vec!["env"], vec![], "imports `env`"),
        (vec!["vigie:plugin/log@0.1.0"], vec![LIFECYCLE], "exports no role"),
        (vec!["vigie:plugin/log@0.1.0"], vec![COLLECTOR], "exports `collector` but not `vigie:plugin/lifecycle@0.1.0`"),
    ] {
        let refusal = described(&imports, &exports).unwrap_err();
        assert!(refusal.contains(message), "{refusal}");
    }
}

fn manifest(version: &str) -> String {
    format!(r#"{{"manifest":1,"name":"a","version":"{version}"}}"#)
}

fn nested(data: &str) -> Component {
    let mut module = Module::new();
    module.section(&CustomSection { name: manifest::SECTION.into(), data: data.as_bytes().into() });
    let mut outer = component(&["vigie:plugin/log@0.1.0"], &[LIFECYCLE, COLLECTOR]);
    outer.section(&ModuleSection(&module));
    outer
}

#[test]
fn a_manifest_in_a_core_module_is_found_and_an_outer_one_wins() {
    let mut outer = nested(&manifest("1.0.0"));
    assert_eq!(describe(outer.as_slice()).unwrap().version, "1.0.0");
    custom(&mut outer, manifest::SECTION, &manifest("2.0.0"));
    custom(&mut outer, "version", "3.0.0");
    custom(&mut outer, "description", "said by the section");
    let description = describe(outer.as_slice()).unwrap();
    assert_eq!((description.version.as_str(), description.description.as_str()), ("2.0.0", "said by the section"));
    custom(&mut outer, manifest::SECTION, &manifest("4.0.0"));
    assert!(matches!(describe(outer.as_slice()), Err(DescribeError::Manifests)));
}

#[test]
fn without_a_manifest_the_standard_sections_speak() {
    let mut outer = component(&["vigie:plugin/log@0.1.0"], &[LIFECYCLE, COLLECTOR]);
    custom(&mut outer, "version", "3.0.0");
    assert_eq!(describe(outer.as_slice()).unwrap().version, "3.0.0");
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let whole = nested(&manifest("1.0.0")).finish();
        let mut bytes = whole.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = describe(&bytes);
        let _ = describe(&whole[..cut.index(whole.len())]);
    }
}
