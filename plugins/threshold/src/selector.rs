//! Series selectors as far as this plugin must know them: whether they are well formed, and which labels they fix. The host
//! reads them again, and decides.

use vigie_plugin::Labels;

/// A selector without a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// As it was written, without blanks around it.
    pub text: String,
    /// What `label="value"` says: the labels that an absent series would have.
    pub equalities: Labels,
}

impl Selector {
    /// Reads `name{label="value",…}`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut rest = Rest(text);
        let name = rest.word(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("`{text}`: a metric's name does not begin with a digit"));
        }
        let mut selector = Self { text: text.to_owned(), equalities: Labels::new() };
        let mut matchers = 0;
        if rest.take("{") {
            while !rest.take("}") {
                selector.matcher(&mut rest).map_err(|problem| format!("`{text}`: {problem}"))?;
                matchers += 1;
                if !rest.take(",") && !rest.0.trim_start().starts_with('}') {
                    return Err(format!("`{text}`: after a matcher comes `,` or `}}`, not `{}`", rest.shown()));
                }
            }
        }
        match rest.0.trim_start() {
            "" if name.is_empty() && matchers == 0 => {
                Err("is empty: write a selector such as `node_load1{instance=\"db1\"}`".to_owned())
            }
            "" => Ok(selector),
            window if window.starts_with('[') => {
                Err(format!("`{text}` has a window: leave it out, `rate` is where a window stands"))
            }
            _ => Err(format!("`{text}` is no selector: what is `{}`?", rest.shown())),
        }
    }

    fn matcher(&mut self, rest: &mut Rest<'_>) -> Result<(), String> {
        let label = rest.word(|c| c.is_ascii_alphanumeric() || c == '_');
        if label.is_empty() {
            return Err(format!("a label's name is missing before `{}`", rest.shown()));
        }
        let equal = match ["=~", "!~", "!=", "="].iter().position(|sign| rest.take(sign)) {
            Some(sign) => sign == 3,
            None => return Err(format!("after `{label}` comes `=`, `!=`, `=~` or `!~`, not `{}`", rest.shown())),
        };
        let value = rest.quoted().ok_or_else(|| format!("the value of `{label}` is no text in quotes: `{}`", rest.shown()))?;
        if equal && !value.is_empty() && label != "__name__" {
            self.equalities.push((label.to_owned(), value));
        }
        Ok(())
    }
}

/// What is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let text = self.0.trim_start();
        let (word, rest) = text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()));
        self.0 = rest;
        word
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A text in `"`, `'` (both with escapes) or a backtick (without).
    fn quoted(&mut self) -> Option<String> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let mut value = String::new();
        let mut letters = text.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' if quote != '`' => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                end if end == quote => {
                    self.0 = &text[at + 1..];
                    return Some(value);
                }
                other => value.push(other),
            }
        }
        None
    }

    fn shown(&self) -> String {
        self.0.trim_start().chars().take(20).collect()
    }
}

/// A matcher for a name in which `*` stands for any text.
#[must_use]
pub fn pattern(label: &str, pattern: &str) -> String {
    if !pattern.contains('*') {
        return format!("{label}=\"{}\"", escaped(pattern));
    }
    let mut regex = String::new();
    for letter in pattern.chars() {
        match letter {
            '*' => regex.push_str(".*"),
            '\\' | '.' | '+' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => regex.extend(['\\', letter]),
            other => regex.push(other),
        }
    }
    format!("{label}=~\"{}\"", escaped(&regex))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_tells_which_labels_it_fixes() {
        let parsed = Selector::parse(r#" up{job="a\"b", env=~"x|y", zone!='1' ,empty="",__name__="up" } "#).unwrap();
        assert_eq!(parsed.equalities, [("job".to_owned(), "a\"b".to_owned())]);
        assert_eq!(parsed.text, r#"up{job="a\"b", env=~"x|y", zone!='1' ,empty="",__name__="up" }"#);
        for fine in ["up", "job:up:sum", "up{}", "{job=`a`}", "up{job='é',}"] {
            assert!(Selector::parse(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn what_is_no_selector_is_told_where() {
        for (text, part) in [
            ("", "is empty"),
            ("{}", "is empty"),
            ("5xx", "does not begin with a digit"),
            ("up[5m]", "has a window"),
            ("up > 4", "what is `> 4`?"),
            ("rate(up)", "what is `(up)`?"),
            ("up{job}", "after `job` comes"),
            ("up{job=a}", "no text in quotes: `a}`"),
            ("up{job=\"a}", "no text in quotes"),
            ("up{=\"a\"}", "name is missing"),
            ("up{a=\"b\" c=\"d\"}", "comes `,` or `}`, not `c=\"d\"}`"),
            ("up{a=\"b\"", "comes `,` or `}`"),
            ("up{a=\"b\\", "no text in quotes"),
            ("up offset 5m", "what is `offset 5m`?"),
        ] {
            let problem = Selector::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn a_pattern_becomes_a_matcher_that_means_only_its_stars() {
        assert_eq!(pattern("check", "web"), r#"check="web""#);
        assert_eq!(pattern("target", r#"a"b\"#), r#"target="a\"b\\""#);
        assert_eq!(pattern("target", "*.shop"), r#"target=~".*\\.shop""#);
    }
}
