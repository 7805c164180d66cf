//! Which status codes are expected.

use std::fmt;

use serde::Deserialize;
use vigie_plugin::config::{Schema, Shape};
use vigie_plugin::{Config, Error, Result};

use crate::verdict::Verdict;

/// A code (`200`), a class (`"2xx"`) or a range (`"200-299"`), as the operator writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Pattern {
    Code(u16),
    Text(String),
}

impl Config for Pattern {
    const SCHEMA: Schema = Schema::of(Shape::AnyOf(&[
        Schema::integer("uint16").min("100").max("999"),
        Schema::of(Shape::Text).pattern("^([1-9]xx|[1-9][0-9]{2}(-[1-9][0-9]{2})?)$"),
    ]));
}

/// The codes that are expected: ranges, both ends included.
#[derive(Debug)]
pub(crate) struct Codes(Vec<(u16, u16)>);

impl Codes {
    /// Parses patterns; none at all means 2xx.
    pub(crate) fn parse(patterns: &[Pattern]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(Self(vec![(200, 299)]));
        }
        Ok(Self(patterns.iter().map(parse).collect::<Result<_>>()?))
    }

    /// Whether the code is among them.
    pub(crate) fn judge(&self, status: u16, verdict: &mut Verdict) {
        if !self.0.iter().any(|(first, last)| (*first..=*last).contains(&status)) {
            verdict.down(format!("answered {status}, expected {self}"));
        }
    }
}

fn parse(pattern: &Pattern) -> Result<(u16, u16)> {
    let text = match pattern {
        Pattern::Code(code) => return Ok((*code, *code)),
        Pattern::Text(text) => text,
    };
    let range = if let Some(class) = text.strip_suffix("xx") {
        class.parse().ok().filter(|class| (1..=9).contains(class)).map(|class: u16| (class * 100, class * 100 + 99))
    } else if let Some((first, last)) = text.split_once('-') {
        first.parse().ok().zip(last.parse().ok()).filter(|(first, last)| first <= last)
    } else {
        text.parse().ok().map(|code| (code, code))
    };
    let wrong = || Error::config(format!("`status`: `{text}` is no status: write `200`, `\"2xx\"` or `\"200-299\"`"));
    range.ok_or_else(wrong)
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match (first, last) {
                (first, last) if first == last => write!(f, "{first}")?,
                (first, last) if first % 100 == 0 && *last == first + 99 => write!(f, "{}xx", first / 100)?,
                (first, last) => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vigie_plugin::Status;

    use super::*;

    fn codes(json: &str) -> Result<Codes> {
        Codes::parse(&serde_json::from_str::<Vec<Pattern>>(json).unwrap())
    }

    fn judged(json: &str, status: u16) -> Verdict {
        let mut verdict = Verdict::default();
        codes(json).unwrap().judge(status, &mut verdict);
        verdict
    }

    #[test]
    fn codes_classes_and_ranges() {
        let json = r#"[204, "301", "2xx", "410-412"]"#;
        for (status, expected) in [
            (204, Status::Up),
            (301, Status::Up),
            (299, Status::Up),
            (300, Status::Down),
            (410, Status::Up),
            (412, Status::Up),
            (413, Status::Down),
        ] {
            assert_eq!(judged(json, status).status(), expected, "{status}");
        }
        assert_eq!(codes(json).unwrap().to_string(), "204, 301, 2xx, 410-412");
    }

    #[test]
    fn without_patterns_2xx_is_expected() {
        assert_eq!(judged("[]", 200).status(), Status::Up);
        assert_eq!(judged("[]", 500).report(String::new()).message, "answered 500, expected 2xx");
    }

    #[test]
    fn what_is_no_status_is_named() {
        for wrong in ["ok", "xx", "0xx", "299-200", "200-", ""] {
            let message = codes(&format!("[\"{wrong}\"]")).unwrap_err().message;
            assert_eq!(message, format!("`status`: `{wrong}` is no status: write `200`, `\"2xx\"` or `\"200-299\"`"));
        }
    }
}
