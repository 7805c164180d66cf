//! A plugin's `[config]` against its manifest's JSON Schema.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::document::unknown;
use super::json::{locate, locate_key};
use super::problem::Problem;

/// The longest piece of a configuration or schema that a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 100;

/// A schema ready to check with.
#[derive(Debug)]
pub struct Schema {
    text: Value,
    validator: Validator,
}

/// Why a manifest's schema is none: its author is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest's schema is invalid at `{place}`: {reason}")]
pub struct SchemaError {
    /// Where in the schema, as a JSON pointer; `/` for the whole.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

impl Schema {
    /// A schema from its JSON. Formats are checked, patterns run in linear time, references lead nowhere outside.
    ///
    /// # Errors
    /// It is no JSON Schema.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex()).should_validate_formats(true);
        let validator = options.build(schema).map_err(|error| {
            let place = error.instance_path().as_str();
            SchemaError { place: if place.is_empty() { "/" } else { place }.to_owned(), reason: error.to_string() }
        })?;
        Ok(Self { text: schema.clone(), validator })
    }

    /// All that is wrong with `config`; places are those of `config` in the TOML `text`.
    #[must_use]
    pub fn check(&self, text: &str, config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(config) {
            self.tell(&error, text, &mut problems);
        }
        problems.dedup();
        problems
    }

    fn tell(&self, error: &ValidationError<'_>, text: &str, problems: &mut Vec<Problem>) {
        use ValidationErrorKind as Kind;
        let segments = path(error);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => match meant(context) {
                Some(branch) => branch.iter().for_each(|error| self.tell(error, text, problems)),
                None => problems.push(problem(text, &segments, message(error))),
            },
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let known = self.known_beside(error);
                for key in unexpected {
                    let at: Vec<&str> = segments.iter().copied().chain([key.as_str()]).collect();
                    let message = unknown(key, known.iter().map(String::as_str));
                    problems.push(Problem { place: locate_key(text, &at), key: written(&at), message });
                }
            }
            _ => problems.push(problem(text, &segments, message(error))),
        }
    }

    /// The properties that the schema knows where `error` met an unknown one.
    fn known_beside(&self, error: &ValidationError<'_>) -> Vec<String> {
        let keyword = error.schema_path().as_str();
        let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self.text.pointer(parent).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
    }
}

fn problem(text: &str, segments: &[&str], message: String) -> Problem {
    Problem { place: locate(text, segments), key: written(segments), message }
}

/// Of several forms the one that was meant: whose fixed values match, and which has the fewest errors. `None` if none stands out.
fn meant<'c>(branches: &'c [Vec<ValidationError<'static>>]) -> Option<&'c [ValidationError<'static>]> {
    use ValidationErrorKind as Kind;
    let fixed =
        |error: &ValidationError<'_>| matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. } | Kind::Type { .. });
    let mut plausible = branches.iter().filter(|errors| !errors.iter().any(fixed));
    let only = plausible.next().filter(|errors| !errors.is_empty())?;
    plausible.next().is_none().then_some(only)
}

/// `config`, then the error's instance path.
fn path(error: &ValidationError<'_>) -> Vec<String> {
    let pointer = error.instance_path().as_str();
    let segments = pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"));
    std::iter::once("config".to_owned()).chain(segments).collect()
}

/// A path as in other messages: `config.rules[0].name`.
fn written(segments: &[&str]) -> String {
    segments.iter().enumerate().fold(String::new(), |path, (at, segment)| match segment.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) if at == 0 => (*segment).to_owned(),
        Err(_) => format!("{path}.{segment}"),
    })
}

fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let found = shown(error.instance());
    match error.kind() {
        Kind::Required { property } => format!("`{}` is missing, the plugin needs it", property.as_str().unwrap_or_default()),
        Kind::Type { kind: TypeKind::Single(kind) } => format!("expected {}, found {found}", named(kind.as_str())),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let kinds: Vec<_> = kinds.iter().filter(|kind| kind.as_str() != "null").map(|kind| named(kind.as_str())).collect();
            format!("expected {}, found {found}", kinds.join(" or "))
        }
        Kind::Enum { options } => {
            let options = options.as_array().map(|all| all.iter().map(shown).collect::<Vec<_>>().join(", "));
            format!("{found} is not one of {}", options.unwrap_or_default())
        }
        Kind::Constant { expected_value } => format!("{found} is not {}", shown(expected_value)),
        Kind::Minimum { limit } => format!("{found} is out of range, at least {} is needed", shown(limit)),
        Kind::Maximum { limit } => format!("{found} is out of range, at most {} is possible", shown(limit)),
        Kind::ExclusiveMinimum { limit } => format!("{found} is out of range, more than {} is needed", shown(limit)),
        Kind::ExclusiveMaximum { limit } => format!("{found} is out of range, less than {} is needed", shown(limit)),
        Kind::Pattern { pattern } => format!("{found} does not match the pattern `{pattern}`"),
        Kind::Format { format } => format!("{found} is no `{format}`"),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => format!("{found} has none of the forms that the plugin takes"),
        _ => cut(&error.to_string()),
    }
}

fn named(kind: &str) -> &str {
    match kind {
        "string" => "a string in quotes",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list in brackets",
        "object" => "a table",
        _ => "nothing",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "a table".into(),
        Value::Array(_) => "a list".into(),
        Value::String(text) => format!("`{}`", cut(&text.escape_debug().to_string())),
        other => format!("`{other}`"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_that_is_none_is_the_authors_fault() {
        for (schema, said) in [
            (
                json!({"type": "strange"}),
                "the manifest's schema is invalid at `/type`: \"strange\" is not valid under any of the schemas listed in the 'anyOf' keyword",
            ),
            (json!(7), "the manifest's schema is invalid at `/`: 7 is not of types \"boolean\", \"object\""),
        ] {
            assert_eq!(Schema::new(&schema).unwrap_err().to_string(), said);
        }
        assert!(Schema::new(&json!({"$ref": "https://example.com/x.json"})).is_err(), "a reference led outside");
        assert!(Schema::new(&json!({"$ref": "file:///etc/passwd"})).is_err(), "a reference led outside");
    }

    #[test]
    fn of_several_forms_the_one_meant_is_explained() {
        let form =
            |kind: &str, needs: &str| json!({"properties": {"kind": {"const": kind}, needs: {}}, "required": ["kind", needs]});
        let schema = Schema::new(&json!({"oneOf": [form("above", "limit"), form("absent", "after")]})).unwrap();
        let said =
            |config: Value| schema.check("[config]\nkind = 'x'", &config).iter().map(Problem::to_string).collect::<Vec<_>>();
        assert_eq!(said(json!({"kind": "above"})), ["1:1: config: `limit` is missing, the plugin needs it"]);
        assert_eq!(said(json!({"kind": "x"})), ["1:1: config: a table has none of the forms that the plugin takes"]);
        assert!(said(json!({"kind": "absent", "after": 1})).is_empty());
    }
}
