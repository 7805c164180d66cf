//! From TOML to JSON, and from a path in the JSON back to its place in the TOML.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Entry;
use super::problem::Place;

/// How deep tables and lists may be nested in `[config]`: guests recurse over it on small stacks.
const DEPTH_MAX: usize = 64;

/// The setting as JSON. What JSON cannot say is noted, and null in what comes out.
pub(super) fn json(entry: &Entry<'_, '_>) -> Value {
    converted(entry, 0).unwrap_or_else(|message| {
        entry.note(message);
        Value::Null
    })
}

fn converted(entry: &Entry<'_, '_>, depth: usize) -> Result<Value, String> {
    if depth > DEPTH_MAX {
        return Err(format!("nested deeper than {DEPTH_MAX}"));
    }
    let inner = |entry: &Entry<'_, '_>| {
        converted(entry, depth + 1).unwrap_or_else(|message| {
            entry.note(message);
            Value::Null
        })
    };
    Ok(match entry.value().get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Integer(integer) => {
            let signed = i64::from_str_radix(integer.as_str(), integer.radix()).map(Number::from);
            let number = signed.or_else(|_| u64::from_str_radix(integer.as_str(), integer.radix()).map(Number::from));
            Value::Number(number.map_err(|_| format!("`{integer}` is out of range for a whole number of 64 bits"))?)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("`{float}` is no finite number, which a plugin's configuration needs"))?)
        }
        DeValue::Array(_) => Value::Array(entry.list().iter().flatten().map(inner).collect()),
        DeValue::Table(_) => {
            let section = entry.section();
            let pairs = section.iter().flat_map(|section| section.entries());
            Value::Object(pairs.map(|(key, entry)| (key.to_owned(), inner(&entry))).collect::<Map<_, _>>())
        }
    })
}

/// Where the value at `path` (keys, and indices as digits) is in the TOML `text`; where there is none, what it would be in: the
/// key of the nearest table above that is there, else the text's begin.
pub(super) fn locate(text: &str, path: &[&str]) -> Place {
    Place::of(text, found(text, path).map_or_else(|deepest| deepest, |(_, value)| value))
}

/// Where the key at `path` is, else as in [`locate`].
pub(super) fn locate_key(text: &str, path: &[&str]) -> Place {
    Place::of(text, found(text, path).map_or_else(|deepest| deepest, |(key, _)| key))
}

/// The bytes at which the key and the value at `path` begin; else the byte of the deepest key that is there.
fn found(text: &str, path: &[&str]) -> Result<(usize, usize), usize> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut at = (0, 0);
    let mut here: Option<&Spanned<DeValue<'_>>> = None;
    for segment in path {
        let next = match here.map(Spanned::get_ref) {
            None => root.get_ref().get_key_value(*segment).map(|(key, value)| (key.span().start, value)),
            Some(DeValue::Table(table)) => table.get_key_value(*segment).map(|(key, value)| (key.span().start, value)),
            Some(DeValue::Array(array)) => {
                segment.parse::<usize>().ok().and_then(|index| array.get(index)).map(|value| (value.span().start, value))
            }
            Some(_) => None,
        };
        let (key, value) = next.ok_or(at.0)?;
        at = (key, value.span().start);
        here = Some(value);
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::super::document;
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        let value = document::parse(Path::new("x.toml"), text, |root| root.get("config").map(|entry| json(&entry)));
        value.map_err(|problems| problems.to_string())
    }

    #[test]
    fn every_toml_type_has_its_json() {
        let text = "[config]\na = 1\nb = -0x10\nc = 1.5\nd = true\ne = 'x'\nf = 2026-01-02\ng = [1, { h = 2 }]\nu = 18446744073709551615";
        let expected = json!({"a": 1, "c": 1.5, "d": true, "e": "x", "f": "2026-01-02", "g": [1, {"h": 2}], "u": u64::MAX});
        assert_eq!(read(&text.replace("b = -0x10\n", "")).unwrap(), expected);
        assert_eq!(
            read("config = inf").unwrap_err(),
            "x.toml:1:10: config: `inf` is no finite number, which a plugin's configuration needs"
        );
        assert!(
            read(&format!("config = {}{}", "[".repeat(70), "]".repeat(70))).unwrap_err().ends_with("nested deeper than 64")
        );
    }

    #[test]
    fn a_path_leads_to_its_place_or_to_the_nearest_above() {
        let text = "a = 1\n[config]\nb = [\n  { c = 2 },\n]\n";
        let place = |line, column| Place { line, column };
        assert_eq!(locate(text, &["config", "b", "0", "c"]), place(4, 9));
        assert_eq!(locate_key(text, &["config", "b", "0", "c"]), place(4, 5));
        assert_eq!(locate(text, &["config", "b", "1"]), place(3, 1));
        assert_eq!(locate(text, &["config", "z"]), place(2, 2));
        assert_eq!(locate(text, &["z"]), place(1, 1));
        assert_eq!(locate("", &["config"]), place(1, 1));
    }
}
