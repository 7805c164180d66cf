//! Whether a schema's defaults are those that serde takes: `#[serde(default = …)]` and `#[config(default = …)]` say it twice.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Each default of `schema` that differs from what `T` becomes when the key is absent, as a sentence.
pub(super) fn differing<T: DeserializeOwned + Debug>(schema: &Value) -> Vec<String> {
    let mut differing = Vec::new();
    let sample = sample(schema);
    visit::<T>(schema, &sample, &mut Vec::new(), &mut differing);
    differing
}

fn visit<T: DeserializeOwned + Debug>(schema: &Value, sample: &Value, path: &mut Vec<String>, differing: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(default) = property.get("default") {
            let (without, with) = (parse::<T>(&placed(sample, path, None)), parse::<T>(&placed(sample, path, Some(default))));
            match (without, with) {
                (Ok(without), Ok(with)) if without != with => {
                    differing.push(format!("`{}`: the schema's default gives `{with}`, serde's `{without}`", path.join(".")));
                }
                (Ok(_), Err(error)) => {
                    differing.push(format!("`{}`: serde refuses the schema's default: {error}", path.join(".")))
                }
                // A sample that is refused for another reason (a pattern, a check of the type's own) proves nothing.
                _ => {}
            }
        }
        visit::<T>(property, &placed(sample, path, Some(&self::sample(property))), path, differing);
        path.pop();
    }
}

fn parse<T: DeserializeOwned + Debug>(value: &Value) -> Result<String, String> {
    T::deserialize(value).map(|parsed| format!("{parsed:?}")).map_err(|error| error.to_string())
}

/// The sample with another value at the path, or none.
fn placed(sample: &Value, path: &[String], value: Option<&Value>) -> Value {
    let mut placed = sample.clone();
    let Some((last, parents)) = path.split_last() else { return placed };
    let parent = parents.iter().try_fold(&mut placed, |object, name| object.get_mut(name));
    if let Some(Value::Object(parent)) = parent {
        match value {
            Some(value) => drop(parent.insert(last.clone(), value.clone())),
            None => drop(parent.remove(last)),
        }
    }
    placed
}

/// The smallest value that the schema allows.
fn sample(schema: &Value) -> Value {
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(first) = schema["oneOf"].get(0).or(schema["anyOf"].get(0)) {
        return sample(first);
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            Value::Object(required.map(|name| (name.to_owned(), sample(&schema["properties"][name]))).collect::<Map<_, _>>())
        }
        Some("array") => schema["prefixItems"].as_array().map_or_else(
            || vec![sample(&schema["items"]); schema["minItems"].as_u64().unwrap_or(0) as usize].into(),
            |items| items.iter().map(sample).collect(),
        ),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
        Some("boolean") => false.into(),
        Some("string") if schema["pattern"] == crate::Span::PATTERN => "0".into(),
        Some("string") => "x".into(),
        _ => Value::Null,
    }
}
