//! The parts of which both formats are made: comment lines, sample lines, escapes.

use crate::model::Labels;
use crate::model::label::METRIC_NAME;
use crate::model::number::write_value;

/// `# TYPE name kind`.
pub(super) fn kind(out: &mut String, name: &str, kind: &str) {
    comment(out, "TYPE", name, |out| out.push_str(kind));
}

/// `# UNIT name unit`.
pub(super) fn unit(out: &mut String, name: &str, unit: &str) {
    comment(out, "UNIT", name, |out| out.push_str(unit));
}

/// `# HELP name text`; nothing without a text. OpenMetrics escapes quotes in it, Prometheus text does not.
pub(super) fn help(out: &mut String, name: &str, help: &str, quotes: Quotes) {
    if !help.is_empty() {
        comment(out, "HELP", name, |out| escape(out, help, quotes));
    }
}

fn comment(out: &mut String, word: &str, name: &str, rest: impl FnOnce(&mut String)) {
    for part in ["# ", word, " ", name, " "] {
        out.push_str(part);
    }
    rest(out);
    out.push('\n');
}

/// `name{label="value"} 1` for a collected series, which brings its name in its labels.
pub(super) fn sample(out: &mut String, labels: &Labels, value: f64) {
    let pairs = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    named_sample(out, labels.get(METRIC_NAME).unwrap_or_default(), pairs, value);
}

/// `name{label="value"} 1`.
pub(super) fn named_sample<'a>(out: &mut String, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>, value: f64) {
    out.push_str(name);
    let mut open = '{';
    for (name, value) in labels {
        out.push(open);
        out.push_str(name);
        out.push_str("=\"");
        escape(out, value, Quotes::Escaped);
        out.push('"');
        open = ',';
    }
    if open == ',' {
        out.push('}');
    }
    out.push(' ');
    write_value(out, value);
    out.push('\n');
}

/// Whether quotes are escaped, beside backslashes and line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    Escaped,
    Plain,
}

fn escape(out: &mut String, text: &str, quotes: Quotes) {
    let special = |c: char| matches!(c, '\\' | '\n') || (c == '"' && quotes == Quotes::Escaped);
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => r"\\",
            b'"' => "\\\"",
            _ => r"\n",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_escaped() {
        let labels =
            Labels::from_trusted([("__name__".into(), "x".into()), ("a".into(), "ü\"\\\n".into()), ("b".into(), "2".into())]);
        let mut out = String::new();
        sample(&mut out, &labels, f64::INFINITY);
        assert_eq!(out, "x{a=\"ü\\\"\\\\\\n\",b=\"2\"} +Inf\n");
        out.clear();
        sample(&mut out, &Labels::from_trusted([("__name__".into(), "x".into())]), 0.5);
        assert_eq!(out, "x 0.5\n");
    }

    #[test]
    fn a_help_is_escaped_as_its_format_wants() {
        let mut out = String::new();
        help(&mut out, "x", "a \"b\" \\ c\nd", Quotes::Plain);
        help(&mut out, "x", "a \"b\"", Quotes::Escaped);
        help(&mut out, "x", "", Quotes::Plain);
        assert_eq!(out, "# HELP x a \"b\" \\\\ c\\nd\n# HELP x a \\\"b\\\"\n");
    }
}
