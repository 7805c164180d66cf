//! A guest's families into the call's batch. What is wrong with a point is the batch's to find and to count.

use crate::edge::{Batch, Bucket, Quantile};
use crate::model::Kind;
use crate::plugin::bindings::types::{self, Points};

/// Whether points keep the times that the guest gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PointTimes {
    /// As given.
    Given,
    /// The call's time for all: `evaluate` stamps `now`.
    Stamped,
}

impl PointTimes {
    fn of(self, at: Option<f64>) -> Option<f64> {
        at.filter(|_| self == Self::Given)
    }
}

/// Feeds all families into the batch.
pub(crate) fn feed(batch: &mut Batch, families: &[types::Family], times: PointTimes) {
    let (mut buckets, mut quantiles) = (Vec::new(), Vec::new());
    for family in families {
        let described = batch.family(&family.name, kind(family.kind), &family.unit, &family.help, &family.label_names);
        match &family.points {
            Points::Numbers(points) => {
                for point in points {
                    batch.number(described, &point.label_values, point.value, times.of(point.at));
                }
            }
            Points::Histograms(points) => {
                for point in points {
                    buckets.clear();
                    buckets.extend(
                        point.buckets.iter().map(|bucket| Bucket { upper_bound: bucket.upper_bound, count: bucket.count }),
                    );
                    batch.histogram(described, &point.label_values, point.sum, point.count, &buckets, times.of(point.at));
                }
            }
            Points::Summaries(points) => {
                for point in points {
                    quantiles.clear();
                    quantiles
                        .extend(point.quantiles.iter().map(|part| Quantile { quantile: part.quantile, value: part.value }));
                    batch.summary(described, &point.label_values, point.sum, point.count, &quantiles, times.of(point.at));
                }
            }
            Points::Ended(ended) => {
                for values in ended {
                    batch.end_series(described, values);
                }
            }
        }
    }
}

/// What families weigh before anything of them is taken: samples, and bytes of their texts.
#[must_use]
pub(crate) fn weigh(families: &[types::Family]) -> (usize, usize) {
    let texts = |values: &[String]| values.iter().map(String::len).sum::<usize>();
    let (mut samples, mut bytes) = (0, 0);
    for family in families {
        bytes += family.name.len() + family.unit.len() + family.help.len() + texts(&family.label_names);
        match &family.points {
            Points::Numbers(points) => {
                samples += points.len();
                bytes += points.iter().map(|point| texts(&point.label_values)).sum::<usize>();
            }
            Points::Histograms(points) => {
                samples += points.iter().map(|point| point.buckets.len() + 2).sum::<usize>();
                bytes += points.iter().map(|point| texts(&point.label_values)).sum::<usize>();
            }
            Points::Summaries(points) => {
                samples += points.iter().map(|point| point.quantiles.len() + 2).sum::<usize>();
                bytes += points.iter().map(|point| texts(&point.label_values)).sum::<usize>();
            }
            Points::Ended(_) => {}
        }
    }
    (samples, bytes)
}

/// A metric's kind.
#[must_use]
pub(crate) fn kind(kind: types::Kind) -> Kind {
    match kind {
        types::Kind::Unknown => Kind::Unknown,
        types::Kind::Gauge => Kind::Gauge,
        types::Kind::Counter => Kind::Counter,
        types::Kind::StateSet => Kind::StateSet,
        types::Kind::Info => Kind::Info,
        types::Kind::Histogram => Kind::Histogram,
        types::Kind::GaugeHistogram => Kind::GaugeHistogram,
        types::Kind::Summary => Kind::Summary,
    }
}
