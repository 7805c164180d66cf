//! Which format a scraper gets.

/// The formats of a metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4: whoever does not ask for another.
    Text,
    /// OpenMetrics 1.0.0: who names it.
    OpenMetrics,
}

/// A media range's quality in thousandths.
type Quality = u16;

impl Format {
    /// The format for an `Accept` header. OpenMetrics has to be named, wildcards mean text; of equal qualities OpenMetrics counts. Who
    /// accepts neither gets text, as from Prometheus' own libraries.
    #[must_use]
    pub fn negotiate(accept: Option<&str>) -> Self {
        let (mut text, mut openmetrics) = (0, 0);
        for range in accept.unwrap_or("*/*").split(',') {
            match media_range(range) {
                Some((Self::OpenMetrics, quality)) => openmetrics = openmetrics.max(quality),
                Some((Self::Text, quality)) => text = text.max(quality),
                None => {}
            }
        }
        if openmetrics > 0 && openmetrics >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// The page's `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Which format a media range asks for, and how much; `None` for others, and for versions that we do not write.
fn media_range(range: &str) -> Option<(Format, Quality)> {
    let mut parts = range.split(';').map(str::trim);
    let (format, versions): (_, &[&str]) = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/openmetrics-text" => (Format::OpenMetrics, &["1.0.0"]),
        "text/plain" | "text/*" | "*/*" => (Format::Text, &["0.0.4"]),
        _ => return None,
    };
    let mut quality = 1000;
    for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = parse_quality(value)?,
            "version" if !versions.contains(&value) => return None,
            _ => {}
        }
    }
    Some((format, quality))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn parse_quality(text: &str) -> Option<Quality> {
    let quality: f64 = text.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality * 1000.0) as Quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_what_they_ask_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, format) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Text),
            (Some(prometheus), Format::OpenMetrics),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8"), Format::OpenMetrics),
            (Some("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.1"), Format::Text),
            (Some("application/openmetrics-text;q=0.2, text/plain;q=0.8"), Format::Text),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/openmetrics-text;q=0.5, */*"), Format::Text),
            (Some("application/openmetrics-text;q=nonsense"), Format::Text),
            (Some("application/json"), Format::Text),
        ] {
            assert_eq!(Format::negotiate(accept), format, "{accept:?}");
        }
    }
}
