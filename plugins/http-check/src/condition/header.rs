//! What an answer's headers must say.

use regex_lite::Regex;
use serde::Deserialize;
use vigie_plugin::{Config, Error, Result, http::Response};

use super::regex;
use crate::verdict::{Verdict, shown};

/// A condition on a header. With only `name`, the header must be there.
#[derive(Debug, Clone, Deserialize, Config)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Setting {
    /// The header's name; upper and lower case are the same.
    name: String,
    /// The whole value.
    #[serde(default)]
    equals: Option<String>,
    /// A part of the value.
    #[serde(default)]
    contains: Option<String>,
    /// A regular expression that the value matches.
    #[serde(default)]
    matches: Option<String>,
    /// The header must not be there.
    #[serde(default)]
    absent: bool,
}

/// A condition with its expression compiled.
#[derive(Debug)]
pub(crate) struct Header {
    name: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Present,
    Absent,
    Equals(String),
    Contains(String),
    Matches(Regex),
}

impl Header {
    /// Compiles a setting.
    pub(crate) fn compile(setting: Setting) -> Result<Self> {
        let Setting { name, equals, contains, matches, absent } = setting;
        let test = match (equals, contains, matches, absent) {
            (None, None, None, false) => Test::Present,
            (None, None, None, true) => Test::Absent,
            (Some(value), None, None, false) => Test::Equals(value),
            (None, Some(part), None, false) => Test::Contains(part),
            (None, None, Some(pattern), false) => Test::Matches(regex("header-conditions", &pattern)?),
            _ => {
                return Err(Error::config(format!(
                    "`header-conditions`: `{name}` has more than one of `equals`, `contains`, `matches`, `absent`: write one \
                     condition for each"
                )));
            }
        };
        Ok(Self { name, test })
    }

    /// A header that comes several times is judged by its values one by one: one that fits is enough.
    pub(crate) fn judge(&self, response: &Response, verdict: &mut Verdict) {
        let name = &self.name;
        let of_name = response.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let values: Vec<&str> = of_name.map(|(_, value)| value.as_str()).collect();
        let fits = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
        let (well, wanted) = match &self.test {
            Test::Present => (!values.is_empty(), String::new()),
            Test::Absent if !values.is_empty() => {
                verdict.down(format!("the header `{name}` is there: {}", shown(values[0])));
                return;
            }
            Test::Absent => return,
            Test::Equals(wanted) => (fits(&|value| value == wanted), format!(", expected {}", shown(wanted))),
            Test::Contains(part) => (fits(&|value| value.contains(part)), format!(", expected {} in it", shown(part))),
            Test::Matches(pattern) => {
                (fits(&|value| pattern.is_match(value)), format!(", expected to match {}", shown(pattern.as_str())))
            }
        };
        match values.first() {
            _ if well => {}
            Some(value) => verdict.down(format!("the header `{name}` is {}{wanted}", shown(value))),
            None => verdict.down(format!("the header `{name}` is missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(setting: serde_json::Value, response: &Response) -> String {
        let mut verdict = Verdict::default();
        Header::compile(serde_json::from_value(setting).unwrap()).unwrap().judge(response, &mut verdict);
        verdict.report("fine".into()).message
    }

    #[test]
    fn each_test_says_what_it_found() {
        let response = Response::new(200).header("content-type", "text/html").header("X-Frame-Options", "DENY");
        let cases = [
            (serde_json::json!({"name": "Content-Type"}), "fine"),
            (serde_json::json!({"name": "Content-Type", "contains": "html"}), "fine"),
            (serde_json::json!({"name": "Content-Type", "matches": "^text/"}), "fine"),
            (serde_json::json!({"name": "x-frame-options", "equals": "DENY"}), "fine"),
            (serde_json::json!({"name": "Server", "absent": true}), "fine"),
            (serde_json::json!({"name": "Server"}), "the header `Server` is missing"),
            (serde_json::json!({"name": "Server", "contains": "x"}), "the header `Server` is missing"),
            (
                serde_json::json!({"name": "Content-Type", "equals": "application/json"}),
                "the header `Content-Type` is `text/html`, expected `application/json`",
            ),
            (
                serde_json::json!({"name": "Content-Type", "contains": "utf-8"}),
                "the header `Content-Type` is `text/html`, expected `utf-8` in it",
            ),
            (
                serde_json::json!({"name": "Content-Type", "matches": "json$"}),
                "the header `Content-Type` is `text/html`, expected to match `json$`",
            ),
            (serde_json::json!({"name": "X-Frame-Options", "absent": true}), "the header `X-Frame-Options` is there: `DENY`"),
        ];
        for (setting, expected) in cases {
            assert_eq!(judged(setting.clone(), &response), expected, "{setting}");
        }
    }

    #[test]
    fn of_several_values_one_that_fits_is_enough() {
        let response = Response::new(200).header("Set-Cookie", "a=1").header("Set-Cookie", "b=2");
        assert_eq!(judged(serde_json::json!({"name": "Set-Cookie", "equals": "b=2"}), &response), "fine");
    }

    #[test]
    fn two_tests_in_one_condition_are_an_error_of_the_configuration() {
        let setting = serde_json::json!({"name": "A", "equals": "x", "absent": true});
        let message = Header::compile(serde_json::from_value(setting).unwrap()).unwrap_err().message;
        assert!(message.starts_with("`header-conditions`: `A` has more than one of"), "{message}");
    }
}
