//! What a component is, read from its bytes before anything is compiled: roles, contract, imports, manifest.

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

use crate::plugin::manifest::{self, Manifest, ManifestError};

/// The largest component, in bytes.
pub const COMPONENT_BYTES_MAX: usize = 256 << 20;
/// The contract that this host speaks.
pub const CONTRACT: Version = Version::new(0, 1, 0);
/// The contract's package.
const PACKAGE: &str = "vigie:plugin";
/// What a plugin may import of the contract.
const CAPABILITIES: [&str; 10] = ["types", "log", "state", "secrets", "sink", "metrics", "files", "system", "http", "net"];
/// The interfaces of WASI 0.2 that are linked.
const WASI_02: [(&str, &[&str]); 7] = [
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "run",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:http", &["types", "outgoing-handler"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:sockets",
        &["network", "instance-network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];
/// The interfaces of WASI 0.3 that are linked.
const WASI_03: [(&str, &[&str]); 5] = [
    (
        "wasi:cli",
        &[
            "types",
            "environment",
            "exit",
            "run",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["types", "monotonic-clock", "system-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    ("wasi:sockets", &["types", "ip-name-lookup"]),
];

/// What a plugin does for the host: which interface it exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Turns a target into samples.
    Collector,
    /// Asks one question of one target.
    HealthCheck,
    /// Says what holds now.
    Alerter,
    /// Delivers notifications.
    Notifier,
}

impl Role {
    /// All, in the order in which data flows.
    pub const ALL: [Self; 4] = [Self::Collector, Self::HealthCheck, Self::Alerter, Self::Notifier];

    /// The interface's name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::HealthCheck => "health-check",
            Self::Alerter => "alerter",
            Self::Notifier => "notifier",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What its author declares; `None` where it has no manifest.
    pub manifest: Option<Manifest>,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// The contract that it was built for.
    pub contract: Version,
    /// The capabilities that it imports.
    pub capabilities: BTreeSet<String>,
    /// Whether it exports `migration`.
    pub migrates: bool,
    /// The manifest's version, else the standard section's; empty without either.
    pub version: String,
    /// The manifest's description, else the standard section's; empty without either.
    pub description: String,
}

/// Why bytes are no plugin.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// Nothing there.
    #[error("the file is empty")]
    Empty,
    /// Over [`COMPONENT_BYTES_MAX`].
    #[error("the file has {0} bytes, a component may have {COMPONENT_BYTES_MAX}")]
    Large(usize),
    /// WebAssembly text.
    #[error("the file is WebAssembly text, plugins are binary: `wasm-tools parse FILE -o NAME.wasm`")]
    Text,
    /// Some other file.
    #[error("the file is no WebAssembly: it begins with `{0}`, a component with `\\0asm`")]
    Foreign(String),
    /// A core module.
    #[error(
        "the file is a core module, plugins are components: build for `wasm32-wasip2`, or `wasm-tools component new FILE -o NAME.wasm`"
    )]
    CoreModule,
    /// Damaged.
    #[error("the component is damaged or incomplete at byte {at} of {len}: {problem}")]
    Damaged {
        /// Where.
        at: u64,
        /// Of how many.
        len: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A contract that this host does not speak.
    #[error(
        "the component is built for `{PACKAGE}@{0}`, this host speaks {major}.{minor}: build it against `{PACKAGE}@{CONTRACT}`, or run another version of vigie",
        major = CONTRACT.major,
        minor = CONTRACT.minor
    )]
    Contract(Version),
    /// An import that this host does not have.
    #[error("the component imports `{import}`, which this host has not: {hint}")]
    Import {
        /// The import.
        import: String,
        /// What to do.
        hint: &'static str,
    },
    /// No role.
    #[error(
        "the component exports no role: export `lifecycle` and one of `collector`, `health-check`, `alerter`, `notifier` of `{PACKAGE}@{CONTRACT}`"
    )]
    NoRole,
    /// A role without `lifecycle`.
    #[error("the component exports `{0}` but not `{PACKAGE}/lifecycle@{CONTRACT}`: every plugin has an `init`")]
    NoLifecycle(Role),
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// More than one manifest.
    #[error("the component has two different manifests, in the custom section `{section}`: leave one", section = manifest::SECTION)]
    Manifests,
}

/// Reads what a component is. Takes time in proportion to the number of its sections, not to its size.
///
/// # Errors
/// It is none, is damaged, wants what this host has not, has no role, or has a wrong manifest.
pub fn describe(bytes: &[u8]) -> Result<Description, DescribeError> {
    check_preamble(bytes)?;
    let sections = Sections::read(bytes)?;
    let contract = check_names(&sections)?;
    let roles = roles(&sections)?;
    let manifest = sections.manifest.map(Manifest::parse).transpose()?;
    let declared = |of: fn(&Manifest) -> String, section: &Option<String>| {
        manifest.as_ref().map(of).filter(|text| !text.is_empty()).or_else(|| section.clone()).unwrap_or_default()
    };
    Ok(Description {
        version: declared(|manifest| manifest.version.to_string(), &sections.version),
        description: declared(|manifest| manifest.description.clone(), &sections.description),
        roles,
        contract,
        capabilities: sections.imports.iter().filter_map(|name| capability(name)).collect(),
        migrates: sections.exports.iter().any(|name| interface_of(name, "migration")),
        manifest,
    })
}

fn check_preamble(bytes: &[u8]) -> Result<(), DescribeError> {
    if bytes.is_empty() {
        return Err(DescribeError::Empty);
    }
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(DescribeError::Large(bytes.len()));
    }
    if bytes.starts_with(b"\0asm") || b"\0asm".starts_with(bytes) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]);
    if text.trim_start().starts_with(['(', ';']) {
        return Err(DescribeError::Text);
    }
    let start = text.chars().take(8).flat_map(char::escape_default).collect();
    Err(DescribeError::Foreign(start))
}

/// What the walk over the file's sections brings.
#[derive(Default)]
struct Sections<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    manifest: Option<&'a [u8]>,
    manifest_depth: usize,
    version: Option<String>,
    description: Option<String>,
}

impl<'a> Sections<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DescribeError> {
        let mut sections = Self::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| damaged(&error, bytes.len()))?;
            match payload {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(DescribeError::CoreModule),
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = usize::saturating_sub(depth, 1),
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        sections.imports.push(import.map_err(|error| damaged(&error, bytes.len()))?.name.name);
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        sections.exports.push(export.map_err(|error| damaged(&error, bytes.len()))?.name.name);
                    }
                }
                Payload::CustomSection(section) => sections.custom(section.name(), section.data(), depth)?,
                _ => {}
            }
        }
        Ok(sections)
    }

    /// The outermost manifest counts: packing one onto a component replaces what its SDK wrote.
    fn custom(&mut self, name: &str, data: &'a [u8], depth: usize) -> Result<(), DescribeError> {
        let text = || Some(String::from_utf8_lossy(data).into_owned());
        match name {
            manifest::SECTION => match self.manifest {
                Some(first) if depth == self.manifest_depth && first != data => return Err(DescribeError::Manifests),
                Some(_) if depth >= self.manifest_depth => {}
                _ => (self.manifest, self.manifest_depth) = (Some(data), depth),
            },
            "version" if depth == 0 => self.version = text(),
            "description" if depth == 0 => self.description = text(),
            _ => {}
        }
        Ok(())
    }
}

fn damaged(error: &BinaryReaderError, len: usize) -> DescribeError {
    DescribeError::Damaged { at: error.offset() as u64, len, problem: error.message().to_owned() }
}

/// A name as `namespace:package/interface@version`.
struct InterfaceName<'a> {
    package: &'a str,
    interface: &'a str,
    version: Option<Version>,
}

fn parse_name(name: &str) -> Option<InterfaceName<'_>> {
    let (path, version) = match name.split_once('@') {
        Some((path, version)) => (path, Some(Version::parse(version).ok()?)),
        None => (name, None),
    };
    let (package, interface) = path.split_once('/')?;
    Some(InterfaceName { package, interface, version })
}

fn capability(name: &str) -> Option<String> {
    parse_name(name).filter(|name| name.package == PACKAGE && name.interface != "types").map(|name| name.interface.to_owned())
}

fn interface_of(name: &str, interface: &str) -> bool {
    parse_name(name).is_some_and(|name| name.package == PACKAGE && name.interface == interface)
}

fn speaks(version: &Version) -> bool {
    version.major == CONTRACT.major && version.minor == CONTRACT.minor && version.pre.is_empty()
}

/// Checks all names; returns the newest contract version that occurs.
fn check_names(sections: &Sections<'_>) -> Result<Version, DescribeError> {
    let mut newest = CONTRACT;
    for name in sections.imports.iter().chain(&sections.exports) {
        let Some(InterfaceName { package: PACKAGE, version: Some(version), .. }) = parse_name(name) else { continue };
        if !speaks(&version) {
            return Err(DescribeError::Contract(version));
        }
        newest = newest.max(version);
    }
    for name in &sections.imports {
        check_import(name)?;
    }
    Ok(newest)
}

fn check_import(name: &str) -> Result<(), DescribeError> {
    let refuse = |hint| Err(DescribeError::Import { import: name.chars().take(200).collect(), hint });
    let Some(import) = parse_name(name) else {
        return refuse("import interfaces of `vigie:plugin` and `wasi` only");
    };
    if import.package == PACKAGE {
        if CAPABILITIES.contains(&import.interface) {
            return Ok(());
        }
        return refuse("it may belong to a newer version of vigie; build against a narrower world");
    }
    let Some(version) = import.version.filter(|version| version.pre.is_empty()) else {
        return refuse("only released versions of WASI are linked, build with a newer toolchain");
    };
    let linked: &[(&str, &[&str])] = match (version.major, version.minor) {
        (0, 2) => &WASI_02,
        (0, 3) => &WASI_03,
        _ if import.package.starts_with("wasi:") => return refuse("this host links WASI 0.2 and 0.3"),
        _ => return refuse("import interfaces of `vigie:plugin` and `wasi` only"),
    };
    match linked.iter().find(|(package, _)| *package == import.package) {
        Some((_, interfaces)) if interfaces.contains(&import.interface) => Ok(()),
        Some(_) => refuse("this host does not link that interface of WASI"),
        None if import.package.starts_with("wasi:") => refuse("this host does not link that package of WASI"),
        None => refuse("import interfaces of `vigie:plugin` and `wasi` only"),
    }
}

fn roles(sections: &Sections<'_>) -> Result<BTreeSet<Role>, DescribeError> {
    let exports = |interface: &str| sections.exports.iter().any(|name| interface_of(name, interface));
    let roles: BTreeSet<Role> = Role::ALL.into_iter().filter(|role| exports(role.as_str())).collect();
    match roles.first() {
        None => Err(DescribeError::NoRole),
        Some(first) if !exports("lifecycle") => Err(DescribeError::NoLifecycle(*first)),
        Some(_) => Ok(roles),
    }
}

#[cfg(test)]
#[path = "describe_tests.rs"]
mod tests;
