//! Annotations: `{{ $value }}` and `{{ $labels.NAME }}` in a text, as in Prometheus' rules, and nothing more.

use vigie_plugin::{Labels, label};

/// A text with places to fill in.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value,
    Label(String),
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// A place that is not closed, or that names something unknown.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (place, after) = after.split_once("}}").ok_or_else(|| format!("`{text}`: `{{{{` without `}}}}`"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::parse(place.trim())?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// Whether there is nothing to fill in.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The text, filled in. A label that is not there is empty.
    #[must_use]
    pub fn fill(&self, labels: &Labels, value: f64) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Value => text.push_str(&value.to_string()),
                Part::Label(name) => text.push_str(label(labels, name).unwrap_or_default()),
            }
        }
        text
    }
}

impl Part {
    fn parse(place: &str) -> Result<Self, String> {
        match place.strip_prefix("$labels.") {
            _ if place == "$value" => Ok(Self::Value),
            Some(name) if is_label_name(name) => Ok(Self::Label(name.to_owned())),
            _ => Err(format!("`{{{{ {place} }}}}` is unknown: write `{{{{ $value }}}}` or `{{{{ $labels.NAME }}}}`")),
        }
    }
}

/// Whether a text may be a label's name.
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use vigie_plugin::labels;

    use super::*;

    #[test]
    fn value_and_labels_are_filled_in() {
        let labels = labels([("instance", "db1")]);
        for (text, filled) in [
            ("load of {{ $labels.instance }} is {{$value}}", "load of db1 is 4.5"),
            ("{{ $labels.none }}!", "!"),
            ("100 % } plain {", "100 % } plain {"),
            ("", ""),
        ] {
            assert_eq!(Template::parse(text).unwrap().fill(&labels, 4.5), filled, "{text}");
        }
        assert!(Template::parse("plain").unwrap().is_plain());
        assert!(!Template::parse("{{ $value }}").unwrap().is_plain());
    }

    #[test]
    fn what_is_unknown_is_refused_before_it_is_needed() {
        for (text, part) in
            [("{{ $values }}", "`{{ $values }}` is unknown"), ("a {{ $value", "without"), ("{{ $labels.a-b }}", "unknown")]
        {
            let problem = Template::parse(text).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
