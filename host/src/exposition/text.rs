//! Prometheus text 0.0.4.

use crate::exposition::line::{self, Quotes};
use crate::exposition::page::{Entry, Samples, Which};
use crate::model::Kind;

/// Writes a family. Kinds that the format lacks: state-set and info are gauges, unknown is untyped; a gauge histogram's buckets
/// are a histogram, its sum and count gauges of their own, as Prometheus' Python library has it.
pub(super) fn family(out: &mut String, entry: &Entry<'_>, samples: &Samples<'_>) {
    let family = &entry.family;
    if family.kind == Kind::GaugeHistogram {
        for (suffix, kind) in family.kind.suffixes().iter().zip(["histogram", "gauge", "gauge"]) {
            let series = format!("{}{suffix}", family.name);
            let name = if kind == "gauge" { &series } else { &*family.name };
            samples.write(out, entry, Which::Named(&series), |out| head(out, name, kind, &family.help));
        }
        return;
    }
    let kind = match family.kind {
        Kind::Unknown => "untyped",
        Kind::Counter => "counter",
        Kind::Gauge | Kind::StateSet | Kind::Info => "gauge",
        Kind::Histogram | Kind::GaugeHistogram => "histogram",
        Kind::Summary => "summary",
    };
    samples.write(out, entry, Which::All, |out| head(out, &family.name, kind, &family.help));
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line::help(out, name, help, Quotes::Plain);
    line::kind(out, name, kind);
}
