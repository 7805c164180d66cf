//! What an answer's body must hold.

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;
use vigie_plugin::{Config, Result, http::Response};

use super::regex;
use crate::verdict::{Verdict, shown};

/// A value that stands somewhere in a body of JSON.
#[derive(Debug, Clone, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonSetting {
    /// Keys and indexes joined by dots (`checks.0.status`), or a JSON pointer (`/checks/0/status`).
    path: String,
    /// What must stand there; numbers are compared by value. Without it, anything but null will do.
    #[serde(default)]
    equals: Option<Value>,
}

/// What the body must hold, with expressions compiled.
#[derive(Debug, Default)]
pub(crate) struct Body {
    contains: Vec<String>,
    lacks: Vec<String>,
    matches: Vec<Regex>,
    json: Vec<JsonSetting>,
}

impl Body {
    /// Compiles the settings.
    pub(crate) fn compile(
        contains: Vec<String>,
        lacks: Vec<String>,
        matches: &[String],
        json: Vec<JsonSetting>,
    ) -> Result<Self> {
        let matches = matches.iter().map(|pattern| regex("body-matches", pattern)).collect::<Result<_>>()?;
        Ok(Self { contains, lacks, matches, json })
    }

    pub(crate) fn judge(&self, response: &Response, verdict: &mut Verdict) {
        if self.contains.is_empty() && self.lacks.is_empty() && self.matches.is_empty() && self.json.is_empty() {
            return;
        }
        let text = response.text();
        // What was not found may have stood behind the bound.
        let cut = if response.truncated { format!(" in its first {} bytes", response.body.len()) } else { String::new() };
        for part in self.contains.iter().filter(|part| !text.contains(part.as_str())) {
            verdict.down(format!("the body lacks {}{cut}", shown(part)));
        }
        for part in self.lacks.iter().filter(|part| text.contains(part.as_str())) {
            verdict.down(format!("the body contains {}", shown(part)));
        }
        for pattern in self.matches.iter().filter(|pattern| !pattern.is_match(&text)) {
            verdict.down(format!("the body does not match {}{cut}", shown(pattern.as_str())));
        }
        self.judge_json(response, verdict);
    }

    fn judge_json(&self, response: &Response, verdict: &mut Verdict) {
        if self.json.is_empty() {
            return;
        }
        if response.truncated {
            let len = response.body.len();
            verdict.down(format!("the body is longer than {len} bytes, too long to read as JSON: raise `body-bytes-max`"));
            return;
        }
        let document: Value = match serde_json::from_slice(&response.body) {
            Ok(document) => document,
            Err(error) => {
                verdict.down(format!("the body is no JSON: {error}"));
                return;
            }
        };
        for wanted in &self.json {
            if let Some(why) = wanted.fault(&document) {
                verdict.down(why);
            }
        }
    }
}

impl JsonSetting {
    /// What is wrong with the value at the path.
    fn fault(&self, document: &Value) -> Option<String> {
        let path = &self.path;
        let Some(found) = find(document, path).filter(|found| !found.is_null()) else {
            return Some(format!("the body has no `{path}`"));
        };
        match &self.equals {
            Some(wanted) if !equal(found, wanted) => {
                Some(format!("`{path}` in the body is {}, expected {}", shown(&found.to_string()), shown(&wanted.to_string())))
            }
            _ => None,
        }
    }
}

fn find<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    if path.starts_with('/') {
        return document.pointer(path);
    }
    path.split('.').try_fold(document, |node, key| match node {
        Value::Object(object) => object.get(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// `1` and `1.0` are one number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(body: &Body, response: &Response) -> String {
        let mut verdict = Verdict::default();
        body.judge(response, &mut verdict);
        verdict.report("fine".into()).message
    }

    fn texts(contains: &[&str], lacks: &[&str], matches: &[&str]) -> Body {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Body::compile(own(contains), own(lacks), &own(matches), vec![]).unwrap()
    }

    fn value(setting: Value) -> Body {
        Body::compile(vec![], vec![], &[], vec![serde_json::from_value(setting).unwrap()]).unwrap()
    }

    #[test]
    fn texts_that_must_and_must_not_stand_there() {
        let response = Response::new(200).body("all systems operational, 3 of 3");
        assert_eq!(judged(&texts(&["operational"], &["error"], &["[0-9] of [0-9]"]), &response), "fine");
        assert_eq!(
            judged(&texts(&["welcome", "systems"], &["all"], &["^[0-9]"]), &response),
            "the body lacks `welcome`; the body contains `all`; the body does not match `^[0-9]`"
        );
    }

    #[test]
    fn what_may_stand_behind_the_bound_is_said_so() {
        let response = Response { truncated: true, ..Response::new(200).body("half of") };
        assert_eq!(judged(&texts(&["it"], &[], &[]), &response), "the body lacks `it` in its first 7 bytes");
        assert!(judged(&value(json!({"path": "a"})), &response).ends_with("too long to read as JSON: raise `body-bytes-max`"));
    }

    #[test]
    fn values_in_json_by_path_and_pointer() {
        let response =
            Response::new(200).body(r#"{"status": "green", "nodes": [{"up": true, "load": 1}], "a.b": 5, "none": null}"#);
        let cases = [
            (json!({"path": "status", "equals": "green"}), "fine"),
            (json!({"path": "nodes.0.up", "equals": true}), "fine"),
            (json!({"path": "nodes.0.load", "equals": 1.0}), "fine"),
            (json!({"path": "/a.b", "equals": 5}), "fine"),
            (json!({"path": "nodes"}), "fine"),
            (json!({"path": "none"}), "the body has no `none`"),
            (json!({"path": "nodes.1.up", "equals": true}), "the body has no `nodes.1.up`"),
            (json!({"path": "status.x", "equals": 1}), "the body has no `status.x`"),
            (json!({"path": "status", "equals": "red"}), "`status` in the body is `\"green\"`, expected `\"red\"`"),
        ];
        for (setting, expected) in cases {
            assert_eq!(judged(&value(setting.clone()), &response), expected, "{setting}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_says_where() {
        let response = Response::new(200).body("<html>");
        assert_eq!(judged(&value(json!({"path": "a"})), &response), "the body is no JSON: expected value at line 1 column 1");
    }

    #[test]
    fn a_wrong_expression_is_named_with_its_setting() {
        let message = Body::compile(vec![], vec![], &["[".into()], vec![]).unwrap_err().message;
        assert!(message.starts_with("`body-matches`: `[` is no regular expression"), "{message}");
    }
}
