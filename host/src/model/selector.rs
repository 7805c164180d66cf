//! Series selectors: which series a rule or a query means. `name{label="value"}` and, with a window, `name[5m]`.

use std::fmt;
use std::time::Duration;

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr, VectorSelector};
use regex::Regex;

use super::label::{Labels, METRIC_NAME};
use super::time::format_duration;

/// The longest selector, in bytes: a bound on what the parser and the regular expressions may cost.
pub const SELECTOR_BYTES_MAX: usize = 4096;

const SUPPORTED: &str = "write `name{label=\"value\"}` with matchers `=`, `!=`, `=~`, `!~`, and `[5m]` after it for a window";

/// Why a text is no selector. The text shows it and says what would fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Over [`SELECTOR_BYTES_MAX`].
    #[error("selector `{0}…` is longer than {SELECTOR_BYTES_MAX} bytes")]
    Long(String),
    /// PromQL that does not parse; the second is the parser's reason.
    #[error("`{0}` is no selector: {1}; {SUPPORTED}")]
    Syntax(String, String),
    /// PromQL, but more than a selector; the second says what.
    #[error("`{0}` has {1}, which a selector cannot have; {SUPPORTED}")]
    Unsupported(String, &'static str),
    /// Every series would match.
    #[error("`{0}` selects every series, give a name or at least one matcher that does not match the empty text")]
    Everything(String),
}

/// How a matcher compares a label's value. An absent label has the empty value.
#[derive(Clone, Debug)]
enum Comparison {
    Equal,
    NotEqual,
    Matches(Regex),
    MatchesNot(Regex),
}

impl Comparison {
    fn operator(&self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches(_) => "=~",
            Self::MatchesNot(_) => "!~",
        }
    }
}

/// One condition on one label. Equal where label, operator and text are equal.
#[derive(Clone, Debug)]
pub struct Matcher {
    label: Box<str>,
    comparison: Comparison,
    value: Box<str>,
}

impl Matcher {
    /// Whether a label with this value (empty: an absent one) meets the condition.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        match &self.comparison {
            Comparison::Equal => *self.value == *value,
            Comparison::NotEqual => *self.value != *value,
            Comparison::Matches(regex) => regex.is_match(value),
            Comparison::MatchesNot(regex) => !regex.is_match(value),
        }
    }

    /// The label that it looks at.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The value that it asks for, where it is an equality.
    #[must_use]
    pub fn equals(&self) -> Option<&str> {
        matches!(self.comparison, Comparison::Equal).then_some(&self.value)
    }

    fn key(&self) -> (&str, &str, &str) {
        (&self.label, self.comparison.operator(), &self.value)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.label, self.comparison.operator())?;
        quote(&self.value, f)
    }
}

/// Which series are meant, and how far back. Two that mean the same in the same words (order and repetition of matchers aside)
/// are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: Option<Box<str>>,
    matchers: Vec<Matcher>,
    window: Option<Duration>,
}

impl Selector {
    /// Reads a selector as PromQL writes it.
    ///
    /// # Errors
    /// No PromQL, more than a selector (`offset`, `@`, functions, operators, subqueries), or one that selects everything.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.len() > SELECTOR_BYTES_MAX {
            return Err(SelectorError::Long(text.chars().take(64).collect()));
        }
        let syntax = |reason: &str| SelectorError::Syntax(text.into(), reason.trim().into());
        if escapes_a_letter_beyond_ascii(text) {
            return Err(syntax("`\\` stands before a character that needs none"));
        }
        let (vector, window) = match parser::parse(text).map_err(|reason| syntax(&reason))? {
            Expr::VectorSelector(vector) => (vector, None),
            Expr::MatrixSelector(matrix) => (matrix.vs, Some(matrix.range)),
            other => return Err(SelectorError::Unsupported(text.into(), describe(&other))),
        };
        if vector.offset.is_some() || vector.at.is_some() {
            return Err(SelectorError::Unsupported(text.into(), "`offset` or `@`"));
        }
        if !vector.matchers.or_matchers.is_empty() {
            return Err(SelectorError::Unsupported(text.into(), "`or` between matchers"));
        }
        if window == Some(Duration::ZERO) {
            return Err(syntax("a window is longer than 0"));
        }
        let selector = Self::build(vector, window).map_err(|reason| syntax(&reason))?;
        if selector.name.is_none() && selector.matchers.iter().all(|matcher| matcher.accepts("")) {
            return Err(SelectorError::Everything(text.into()));
        }
        Ok(selector)
    }

    fn build(vector: VectorSelector, window: Option<Duration>) -> Result<Self, String> {
        let mut name: Option<Box<str>> = vector.name.map(Into::into);
        let mut matchers = Vec::with_capacity(vector.matchers.matchers.len());
        for parsed in vector.matchers.matchers {
            let comparison = match parsed.op {
                MatchOp::Equal => Comparison::Equal,
                MatchOp::NotEqual => Comparison::NotEqual,
                MatchOp::Re(regex) => Comparison::Matches(anchored(&regex, &parsed.value)?),
                MatchOp::NotRe(regex) => Comparison::MatchesNot(anchored(&regex, &parsed.value)?),
            };
            let is_name = parsed.name == METRIC_NAME && matches!(comparison, Comparison::Equal) && !parsed.value.is_empty();
            if is_name && name.is_none() {
                name = Some(parsed.value.into());
            } else {
                matchers.push(Matcher { label: parsed.name.into(), comparison, value: parsed.value.into() });
            }
        }
        matchers.sort_by(|a, b| a.key().cmp(&b.key()));
        matchers.dedup();
        Ok(Self { name, matchers, window })
    }

    /// The metric's exact name, where the selector tells one: an index by name needs to look nowhere else.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How far back the selector looks; `None`: the newest sample only.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        self.window
    }

    /// The conditions beside the exact name, in canonical order.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether a series with these labels (`__name__` among them) is meant.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = |label: &str| labels.get(label).unwrap_or_default();
        self.name().is_none_or(|name| value(METRIC_NAME) == name)
            && self.matchers.iter().all(|matcher| matcher.accepts(value(&matcher.label)))
    }
}

impl fmt::Display for Selector {
    /// The canonical form: matchers sorted, each once, values in double quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut braces = Vec::new();
        match self.name() {
            Some(name) if super::label::is_metric_name(name) && !is_number_word(name) => f.write_str(name)?,
            Some(name) => braces.push(Matcher { label: METRIC_NAME.into(), comparison: Comparison::Equal, value: name.into() }),
            None => {}
        }
        for (at, matcher) in braces.iter().chain(&self.matchers).enumerate() {
            f.write_str(if at == 0 { "{" } else { "," })?;
            fmt::Display::fmt(matcher, f)?;
        }
        if !braces.is_empty() || !self.matchers.is_empty() {
            f.write_str("}")?;
        }
        match self.window {
            Some(window) => write!(f, "[{}]", format_duration(window)),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The parser's expression again, with a dot that matches a line's end too, as in Prometheus. The parser's own is what it has
/// repaired (`a{b}` is valid in Go).
fn anchored(parsed: &Regex, value: &str) -> Result<Regex, String> {
    Regex::new(&format!("(?s){}", parsed.as_str())).map_err(|_| format!("`{value}` is no regular expression"))
}

/// The parser's reader of quoted text cuts such an escape in the middle of the character, and panics.
fn escapes_a_letter_beyond_ascii(text: &str) -> bool {
    let mut is_escaped = false;
    text.chars().any(|c| {
        let hit = is_escaped && !c.is_ascii();
        is_escaped = c == '\\' && !is_escaped;
        hit
    })
}

/// Names that the grammar reads as numbers.
fn is_number_word(name: &str) -> bool {
    name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("nan")
}

fn describe(expression: &Expr) -> &'static str {
    match expression {
        Expr::Aggregate(_) => "an aggregation",
        Expr::Unary(_) | Expr::Binary(_) => "an operator",
        Expr::Paren(_) => "parentheses",
        Expr::Subquery(_) => "a subquery",
        Expr::NumberLiteral(_) => "a number",
        Expr::StringLiteral(_) => "a quoted text",
        Expr::Call(_) => "a function",
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::Extension(_) => "an extension",
    }
}

fn quote(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in value.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            '"' => f.write_str("\\\"")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(text: &str) -> Labels {
        let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        Labels::from_trusted(pairs.map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn selectors_print_in_canonical_form() {
        for (text, canonical) in [
            ("up", "up"),
            (" up { } ", "up"),
            (r#"up{b='2', a="1",}"#, r#"up{a="1",b="2"}"#),
            (r#"up{a="1",a="1",a!="2"}"#, r#"up{a!="2",a="1"}"#),
            (r#"{__name__="up",job=~"a|b"}[90s]"#, r#"up{job=~"a|b"}[1m30s]"#),
            (r#"{"up"}"#, "up"),
            (r#"{"a b", c!~"x.*"}"#, r#"{__name__="a b",c!~"x.*"}"#),
            (r#"{__name__=~"node_.+"}"#, r#"{__name__=~"node_.+"}"#),
            ("x{p=~`c.d`}", r#"x{p=~"c.d"}"#),
            ("job:rate:5m[5m]", "job:rate:5m[5m]"),
            ("up{ä=\"1\"}", ""),
            (r#"up{a="ä"}"#, r#"up{a="ä"}"#),
        ] {
            match Selector::parse(text) {
                Ok(selector) => {
                    assert_eq!(selector.to_string(), canonical, "{text}");
                    assert_eq!(Selector::parse(canonical).unwrap(), selector, "{text}");
                }
                Err(_) => assert_eq!(canonical, "", "{text} was refused"),
            }
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_what_would_be() {
        for (text, message) in [
            ("rate(up[5m])", "`rate(up[5m])` has a function, which a selector cannot have"),
            ("up offset 5m", "`up offset 5m` has `offset` or `@`, which"),
            ("up @ 100", "`up @ 100` has `offset` or `@`, which"),
            ("up[5m] offset 1m", "`up[5m] offset 1m` has `offset` or `@`, which"),
            ("up[5m:1m]", "`up[5m:1m]` has a subquery, which"),
            ("up > 1", "`up > 1` has an operator, which"),
            ("-up", "`-up` has an operator, which"),
            ("sum(up)", "`sum(up)` has an aggregation, which"),
            ("(up)", "`(up)` has parentheses, which"),
            ("1", "`1` has a number, which"),
            (r#""up""#, "`\"up\"` has a quoted text, which"),
            (r#"{a="1" or b="2"}"#, "has `or` between matchers, which"),
            ("{}", "is no selector: "),
            (r#"{a=~".*"}"#, "is no selector: "),
            (r#"{__name__=""}"#, "is no selector: "),
            ("", "`` is no selector: "),
            ("up{", "`up{` is no selector: "),
            ("up{a=1}", "`up{a=1}` is no selector: "),
            (r#"up{a=~"("}"#, "is no selector: "),
            ("up[0]", "`up[0]` is no selector: "),
            ("up[x]", "`up[x]` is no selector: "),
            (r#"up{a="\ä"}"#, "is no selector: "),
        ] {
            let error = Selector::parse(text).expect_err(text).to_string();
            assert!(error.contains(message), "{text}: {error}");
            assert!(error.starts_with('`') && !error.contains('\n'), "{text}: {error}");
        }
        assert!(Selector::parse(&"x".repeat(5000)).unwrap_err().to_string().ends_with("is longer than 4096 bytes"));
    }

    #[test]
    fn matching_follows_prometheus() {
        let series = labels("__name__=up job=web instance=a:1");
        for (text, expected) in [
            ("up", true),
            ("down", false),
            (r#"up{job="web"}"#, true),
            (r#"up{job!="web"}"#, false),
            (r#"up{job=~"we"}"#, false),
            (r#"up{job=~"w.b"}"#, true),
            (r#"up{job=~"x|web"}"#, true),
            (r#"up{job!~"w.*"}"#, false),
            (r#"up{zone=""}"#, true),
            (r#"up{zone!=""}"#, false),
            (r#"up{zone=~".*"}"#, true),
            (r#"up{zone!~".+"}"#, true),
            (r#"{__name__=~"u.",instance="a:1"}"#, true),
            (r#"up{__name__="up"}"#, true),
            ("up[5m]", true),
        ] {
            let Ok(selector) = Selector::parse(text) else {
                assert_eq!(text, r#"up{__name__="up"}"#, "only a name twice is refused, as in Prometheus");
                continue;
            };
            assert_eq!(selector.matches(&series), expected, "{text}");
        }
        let lines = Labels::from_trusted([("__name__".into(), "up".into()), ("m".into(), "a\nb".into())]);
        assert!(Selector::parse(r#"up{m=~"a.b"}"#).unwrap().matches(&lines), "a dot matches a line's end");
    }

    #[test]
    fn name_and_window_are_told() {
        let selector = Selector::parse(r#"{__name__="up"}[1m]"#).unwrap();
        assert_eq!((selector.name(), selector.window()), (Some("up"), Some(Duration::from_secs(60))));
        assert_eq!(Selector::parse(r#"{job="a"}"#).unwrap().name(), None);
        assert_eq!(Selector::parse(r#"up{job="a"}"#).unwrap().matchers()[0].equals(), Some("a"));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused_without_a_panic(
            text in r#"([a-z_:]{0,4}|[{}\[\]()"'`\\=~!,@:5m ]|ä|inf|offset|or|\\x|\\u|0x|\PC){0,14}"#,
        ) {
            if let Ok(selector) = Selector::parse(&text) {
                prop_assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
            }
        }

        #[test]
        fn any_value_survives_printing(value in r"(\PC|[\\\n\t\r]|\p{Cc}){0,8}", is_equal: bool) {
            let selector = Selector {
                name: Some("up".into()),
                matchers: vec![Matcher {
                    label: "a".into(),
                    comparison: if is_equal { Comparison::Equal } else { Comparison::NotEqual },
                    value: value.into(),
                }],
                window: None,
            };
            prop_assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
        }
    }
}
