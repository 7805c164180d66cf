//! What a component's author declares about it: data in its custom section `vigie:manifest`, readable without running anything.

use std::fmt;
use std::time::Duration;

use semver::Version;
use serde::Deserialize;
use serde_json::Value;

use crate::model::time::parse_duration;
use crate::model::{Name, NameError};

/// The section's name.
pub const SECTION: &str = "vigie:manifest";
/// The version of the manifest's form that this host reads.
pub const FORM: u64 = 1;
/// The largest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Requests of one manifest.
pub const REQUESTS_MAX: usize = 256;

/// A capability that a plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityRequest {
    /// Which.
    pub capability: String,
    /// How much of it: an origin, a path; `None` where it has no scopes.
    #[serde(default)]
    pub scope: Option<String>,
    /// For the operator: what for.
    pub why: String,
}

/// How the author would have it run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestDefaults {
    /// Between two runs.
    pub interval: Option<Duration>,
    /// Of one call.
    pub timeout: Option<Duration>,
    /// Settings below the operator's; an object, or null where there are none.
    pub config: Value,
}

/// What the author thinks it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ManifestLimits {
    /// Bytes of memory of one instance.
    pub memory_bytes: Option<u64>,
    /// CPU of one call.
    pub cpu_per_call: Option<Duration>,
}

/// A checked manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The plugin's name as its author has it.
    pub name: Name,
    /// The plugin's version.
    pub version: Version,
    /// One sentence for people.
    pub description: String,
    /// JSON Schema of its configuration; `None`: it takes any.
    pub schema: Option<Value>,
    /// The capabilities that it asks for.
    pub requests: Vec<CapabilityRequest>,
    /// How it would be run.
    pub defaults: ManifestDefaults,
    /// What it needs.
    pub limits: ManifestLimits,
}

/// Why a section is no manifest: where, and what would fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    place: String,
    problem: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" | "." => write!(f, "manifest: {}", self.problem),
            place => write!(f, "manifest at `{place}`: {}", self.problem),
        }
    }
}

impl std::error::Error for ManifestError {}

/// The JSON as written. A key that this host does not know is an error: ignored, it would run the plugin otherwise than meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "manifest")]
    _manifest: u64,
    name: String,
    version: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    requests: Vec<CapabilityRequest>,
    #[serde(default)]
    defaults: WrittenDefaults,
    #[serde(default)]
    limits: WrittenLimits,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDefaults {
    interval: Option<String>,
    timeout: Option<String>,
    #[serde(default)]
    config: Value,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenLimits {
    memory: Option<String>,
    cpu_per_call: Option<String>,
}

impl Manifest {
    /// Reads the section's bytes.
    ///
    /// # Errors
    /// No JSON, another form, an unknown or missing key, or a value that breaks its rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(at("", format!("{} bytes are more than {MANIFEST_BYTES_MAX}", bytes.len())));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| at("", format!("is no JSON: {error}")))?;
        check_form(&value)?;
        let written: Written =
            serde_path_to_error::deserialize(value).map_err(|error| at(error.path().to_string(), error.inner().to_string()))?;
        written.check()
    }
}

impl Written {
    fn check(self) -> Result<Manifest, ManifestError> {
        let name = Name::new(&self.name).map_err(|error: NameError| at("name", error.to_string()))?;
        let version = Version::parse(&self.version)
            .map_err(|error| at("version", format!("`{}` is no version as in `1.2.3`: {error}", self.version)))?;
        if self.requests.len() > REQUESTS_MAX {
            return Err(at("requests", format!("{} requests are more than {REQUESTS_MAX}", self.requests.len())));
        }
        if let Some(schema) = &self.schema {
            check_schema(schema)?;
        }
        let defaults = ManifestDefaults {
            interval: duration("defaults.interval", self.defaults.interval)?,
            timeout: duration("defaults.timeout", self.defaults.timeout)?,
            config: self.defaults.config,
        };
        if !(defaults.config.is_null() || defaults.config.is_object()) {
            return Err(at("defaults.config", "is no object".into()));
        }
        let limits = ManifestLimits {
            memory_bytes: self.limits.memory.map(|text| size("limits.memory", &text)).transpose()?,
            cpu_per_call: duration("limits.cpu-per-call", self.limits.cpu_per_call)?,
        };
        let (description, schema, requests) = (self.description, self.schema, self.requests);
        Ok(Manifest { name, version, description, schema, requests, defaults, limits })
    }
}

/// The form first: of another one, no other key can be judged.
fn check_form(value: &Value) -> Result<(), ManifestError> {
    match value.get("manifest") {
        Some(form) if form.as_u64() == Some(FORM) => Ok(()),
        Some(form) => Err(at("manifest", format!("form `{form}` is not known, this host reads form {FORM}"))),
        None => Err(at("", format!("has no key `manifest`, begin it with `\"manifest\": {FORM}`"))),
    }
}

fn check_schema(schema: &Value) -> Result<(), ManifestError> {
    if !schema.is_object() {
        return Err(at("schema", "is no object".into()));
    }
    let options = jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex());
    match options.build(schema) {
        Ok(_) => Ok(()),
        Err(error) => Err(at(format!("schema{}", error.instance_path()), format!("is no JSON Schema: {error}"))),
    }
}

fn duration(place: &str, text: Option<String>) -> Result<Option<Duration>, ManifestError> {
    let Some(text) = text else { return Ok(None) };
    match parse_duration(&text) {
        Ok(Duration::ZERO) => Err(at(place, "is zero".into())),
        Ok(duration) => Ok(Some(duration)),
        Err(problem) => Err(at(place, problem)),
    }
}

fn size(place: &str, text: &str) -> Result<u64, ManifestError> {
    const UNITS: [(&str, u64); 6] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("MB", 1_000_000), ("B", 1)];
    UNITS
        .iter()
        .find_map(|(unit, bytes)| text.strip_suffix(unit)?.trim_end().parse::<u64>().ok()?.checked_mul(*bytes))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| at(place, format!("`{text}` is no size, write a whole number and a unit as in `32MiB`")))
}

fn at(place: impl Into<String>, problem: String) -> ManifestError {
    ManifestError { place: place.into(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{ "manifest": 1, "name": "http-check", "version": "0.1.0", "description": "asks",
        "schema": { "type": "object", "properties": { "status": { "type": "integer" } } },
        "requests": [ { "capability": "http", "scope": "target", "why": "asks the target's URL" } ],
        "defaults": { "interval": "15s", "timeout": "10s", "config": { "status": 200 } },
        "limits": { "memory": "32MiB", "cpu-per-call": "100ms" } }"#;

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = Manifest::parse(WHOLE.as_bytes()).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.version.to_string()), ("http-check", "0.1.0".into()));
        assert_eq!(manifest.requests[0].scope.as_deref(), Some("target"));
        assert_eq!(manifest.defaults.interval, Some(Duration::from_secs(15)));
        assert_eq!(manifest.limits.memory_bytes, Some(32 << 20));
        assert_eq!(manifest.limits.cpu_per_call, Some(Duration::from_millis(100)));
    }

    #[test]
    fn what_is_missing_has_defaults() {
        let manifest = Manifest::parse(br#"{"manifest":1,"name":"a","version":"1.0.0"}"#).unwrap();
        assert_eq!((manifest.schema, manifest.requests.len()), (None, 0));
    }

    #[test]
    fn errors_name_the_place() {
        for (text, message) in [
            ("{", "manifest: is no JSON: EOF while parsing an object at line 1 column 1"),
            ("{}", "manifest: has no key `manifest`, begin it with `\"manifest\": 1`"),
            (r#"{"manifest":2}"#, "manifest at `manifest`: form `2` is not known, this host reads form 1"),
            (r#"{"manifest":1,"name":"a"}"#, "manifest: missing field `version`"),
            (
                r#"{"manifest":1,"name":"","version":"1.0.0"}"#,
                "manifest at `name`: a name is empty, give it at least one character",
            ),
            (
                r#"{"manifest":1,"name":"a","version":"1"}"#,
                "manifest at `version`: `1` is no version as in `1.2.3`: unexpected end of input while parsing major version number",
            ),
            (
                r#"{"manifest":1,"name":"a","version":"1.0.0","requests":[{"capability":"http"}]}"#,
                "manifest at `requests[0]`: missing field `why`",
            ),
            (
                r#"{"manifest":1,"name":"a","version":"1.0.0","defaults":{"interval":"15"}}"#,
                "manifest at `defaults.interval`: `15` is no duration, write it as in `15s`, `1h30m` or `500ms`",
            ),
            (
                r#"{"manifest":1,"name":"a","version":"1.0.0","limits":{"memory":"32"}}"#,
                "manifest at `limits.memory`: `32` is no size, write a whole number and a unit as in `32MiB`",
            ),
        ] {
            assert_eq!(Manifest::parse(text.as_bytes()).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn a_schema_that_is_none_is_refused_with_its_place() {
        let text = r#"{"manifest":1,"name":"a","version":"1.0.0","schema":{"type":"object","properties":{"x":{"type":"number-ish"}}}}"#;
        let message = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message.starts_with("manifest at `schema/properties/x"), "{message}");
    }

    #[test]
    fn unknown_keys_are_refused() {
        let text = r#"{"manifest":1,"name":"a","version":"1.0.0","requets":[]}"#;
        let message = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("unknown field `requets`"), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0..WHOLE.len(), byte: u8) {
            let mut bytes = WHOLE.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = Manifest::parse(&bytes);
            let _ = Manifest::parse(&bytes[..at]);
        }
    }
}
