//! The order of a family's series in a page: what belongs to one point stands together.

use std::cmp::Ordering;

use crate::model::label::METRIC_NAME;
use crate::model::{Kind, SeriesDefinition};

/// By the labels that name the point, then buckets or quantiles by number, then sum, then count.
pub(super) fn compare(a: Option<&SeriesDefinition>, b: Option<&SeriesDefinition>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
    let own = match a.family.kind {
        Kind::Histogram | Kind::GaugeHistogram => "le",
        Kind::Summary => "quantile",
        Kind::StateSet => &a.family.name,
        Kind::Unknown | Kind::Gauge | Kind::Counter | Kind::Info => "",
    };
    points(a, b, own).then_with(|| rank(a).cmp(&rank(b))).then_with(|| inner(a, b, own))
}

fn points(a: &SeriesDefinition, b: &SeriesDefinition, own: &str) -> Ordering {
    let named = |(name, _): &(&str, &str)| *name != METRIC_NAME && *name != own;
    a.labels.iter().filter(named).cmp(b.labels.iter().filter(named))
}

/// Buckets and quantiles, then the sum, then the count.
fn rank(definition: &SeriesDefinition) -> u8 {
    match &definition.name()[definition.family.name.len().min(definition.name().len())..] {
        "_sum" | "_gsum" => 1,
        "_count" | "_gcount" => 2,
        _ => 0,
    }
}

/// By the bound as a number; by text for states.
fn inner(a: &SeriesDefinition, b: &SeriesDefinition, own: &str) -> Ordering {
    let (a, b) = (a.labels.get(own).unwrap_or_default(), b.labels.get(own).unwrap_or_default());
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}
