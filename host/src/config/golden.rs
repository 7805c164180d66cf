//! Configuration files with what is expected of them: `tests/cases/config/{good,bad}/NAME.toml` beside `NAME.txt`.
//!
//! Files that begin with `host` are a `vigie.toml`, the others a plugin's; beside one of those, `NAME.manifest.json` is what its
//! manifest says. `VIGIE_BLESS=1` writes what came out as what is expected.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::model::PluginName;
use crate::model::time::parse_duration;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/config").join(kind)
}

fn manifest(file: &Path) -> PluginDefaults {
    let Ok(text) = fs::read_to_string(file.with_extension("manifest.json")) else { return PluginDefaults::default() };
    let json: Value = serde_json::from_str(&text).unwrap();
    let duration = |key: &str| -> Option<Duration> { json["defaults"][key].as_str().map(|text| parse_duration(text).unwrap()) };
    PluginDefaults {
        interval: duration("interval"),
        timeout: duration("timeout"),
        config: json["defaults"]["config"].clone(),
        schema: json.get("schema").map(|schema| Schema::new(schema).unwrap()),
        ..PluginDefaults::default()
    }
}

/// What comes out of a file, as text: what it means, or what is wrong with it.
fn read(file: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file).unwrap();
    let name = file.file_stem().unwrap().to_str().unwrap();
    let shown = PathBuf::from(file.file_name().unwrap());
    if name.starts_with("host") {
        return HostFile::parse(&shown, &text).map(|file| format!("{file:#?}\n")).map_err(|problems| format!("{problems}\n"));
    }
    let secrets = [("shop-token".to_owned(), SecretReference::Environment("SHOP_TOKEN".into()))].into();
    PluginConfig::parse(PluginName::new(name).unwrap(), &shown, &text)
        .and_then(|config| Ok((config.component.clone(), config.settle(&manifest(file), &Defaults::default(), &secrets)?)))
        .map(|(component, settings)| format!("component: {component:?}\n{settings:#?}\n"))
        .map_err(|problems| format!("{problems}\n"))
}

fn compare(kind: &str, outcome: impl Fn(&Path) -> String) {
    let mut files: Vec<_> = fs::read_dir(folder(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "no cases");
    let bless = std::env::var_os("VIGIE_BLESS").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let (got, golden) = (outcome(&file), file.with_extension("txt"));
        if bless {
            fs::write(&golden, &got).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if got != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- came\n{got}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nwith VIGIE_BLESS=1 what came becomes what is expected", wrong.join("\n"));
}

#[test]
fn good_files_mean_what_is_expected() {
    compare("good", |file| read(file).unwrap_or_else(|problems| panic!("{} was refused:\n{problems}", file.display())));
}

#[test]
fn bad_files_are_refused_with_what_is_expected() {
    compare("bad", |file| read(file).err().unwrap_or_else(|| panic!("{} was taken", file.display())));
}
