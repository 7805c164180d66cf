//! OpenMetrics 1.0.0.

use std::collections::HashSet;

use crate::exposition::line::{self, Quotes};
use crate::exposition::page::{Entry, Samples, Which, series_names};
use crate::model::{Family, Kind};

/// Names that are taken on a page. A typed family takes more names than its series have: a counter `x_total` is the family
/// `x` and takes `x_created`, too.
pub(super) struct Names {
    series: HashSet<String>,
    claimed: HashSet<String>,
}

impl Names {
    /// The names of all series of the page, which nobody can give up.
    pub(super) fn new<'a>(families: impl Iterator<Item = &'a Family>) -> Self {
        Self { series: families.flat_map(series_names).collect(), claimed: HashSet::new() }
    }

    /// Takes a typed family's names; `false` if one is taken.
    fn claim(&mut self, family: &Family, name: &str, suffixes: &[&str]) -> bool {
        let own: HashSet<String> = series_names(family).collect();
        let all = suffixes.iter().chain(&[""]).map(|suffix| format!("{name}{suffix}"));
        let more: HashSet<String> = all.filter(|name| !own.contains(name)).collect();
        let free = more.iter().all(|name| !self.series.contains(name) && !self.claimed.contains(name));
        if free {
            self.claimed.extend(more);
        }
        free
    }
}

/// How a kind is written: the word of its type, what its name loses, and which suffixes it takes.
fn typed(kind: Kind) -> (&'static str, &'static str, &'static [&'static str]) {
    match kind {
        Kind::Unknown => ("unknown", "", &[]),
        Kind::Gauge => ("gauge", "", &[]),
        Kind::Counter => ("counter", "_total", &["_total", "_created"]),
        Kind::StateSet => ("stateset", "", &[]),
        Kind::Info => ("info", "_info", &["_info"]),
        Kind::Histogram => ("histogram", "", &["_bucket", "_count", "_sum", "_created"]),
        Kind::GaugeHistogram => ("gaugehistogram", "", &["_bucket", "_gcount", "_gsum"]),
        Kind::Summary => ("summary", "", &["_count", "_sum", "_created"]),
    }
}

/// Writes a family: as its kind where the format can express it, else each of its series names as unknown. It cannot where a counter
/// does not end in `_total` or an info in `_info`, where the name that is left is taken, and where a histogram or summary
/// has values that the format forbids.
pub(super) fn family(out: &mut String, entry: &Entry<'_>, samples: &Samples<'_>, names: &mut Names) {
    let family = &entry.family;
    let (kind, loses, suffixes) = typed(family.kind);
    let name = family.name.strip_suffix(loses).filter(|name| !name.is_empty());
    match name {
        Some(name) if is_allowed(entry, samples) && names.claim(family, name, suffixes) => {
            samples.write(out, entry, Which::All, |out| head(out, name, kind, family));
        }
        _ => {
            for suffix in family.kind.suffixes() {
                let series = format!("{}{suffix}", family.name);
                samples.write(out, entry, Which::Named(&series), |out| head(out, &series, "unknown", family));
            }
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, family: &Family) {
    line::kind(out, name, kind);
    let unit_last = name.strip_suffix(&*family.unit).is_some_and(|rest| rest.ends_with('_'));
    if !family.unit.is_empty() && unit_last && !matches!(family.kind, Kind::Info | Kind::StateSet) {
        line::unit(out, name, &family.unit);
    }
    line::help(out, name, &family.help, Quotes::Escaped);
}

/// Whether the values are such as the format allows: counts whole, sums neither NaN nor negative (a histogram with negative bounds
/// has none, a gauge histogram's may be negative only with those), quantiles not negative.
fn is_allowed(entry: &Entry<'_>, samples: &Samples<'_>) -> bool {
    let kind = entry.family.kind;
    if !matches!(kind, Kind::Histogram | Kind::GaugeHistogram | Kind::Summary) {
        return true;
    }
    let (mut allowed, mut negative_bounds, mut negative_sum) = (true, false, false);
    samples.each(entry, |labels, value| {
        let series = labels.get("__name__").unwrap_or_default();
        match series.strip_prefix(&*entry.family.name) {
            Some("_bucket") => {
                negative_bounds |= labels.get("le").is_some_and(|bound| bound.starts_with('-'));
                allowed &= value.fract() == 0.0;
            }
            Some("_count" | "_gcount") => allowed &= value.fract() == 0.0,
            Some("_sum" | "_gsum") => {
                allowed &= !value.is_nan();
                negative_sum |= value < 0.0;
            }
            _ => allowed &= value.is_nan() || value >= 0.0,
        }
    });
    match kind {
        Kind::GaugeHistogram => allowed && (negative_bounds || !negative_sum),
        _ => allowed && !negative_bounds && !negative_sum,
    }
}
