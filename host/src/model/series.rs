//! What a series is: its family (name, kind, unit, help) and its labels.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::label::{Labels, METRIC_NAME};

/// A metric's kind, as in OpenMetrics. Counters are cumulative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Not told.
    Unknown,
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows, but for resets.
    Counter,
    /// One series per state, 1 or 0.
    StateSet,
    /// The value 1 with labels that tell something.
    Info,
    /// Cumulative buckets with sum and count.
    Histogram,
    /// A histogram whose buckets may shrink.
    GaugeHistogram,
    /// Quantiles with sum and count.
    Summary,
}

impl Kind {
    /// The names of a family's series, as suffixes to its own. A gauge histogram's sum and count are called `_gsum` and `_gcount`,
    /// as OpenMetrics has it and Prometheus stores it, because they may go down.
    #[must_use]
    pub fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Histogram => &["_bucket", "_sum", "_count"],
            Self::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
            Self::Summary => &["", "_sum", "_count"],
            Self::Unknown | Self::Gauge | Self::Counter | Self::StateSet | Self::Info => &[""],
        }
    }
}

/// A metric: one name, kind, unit and help for all of its series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Family {
    /// As queried: counters with `_total`; histograms and summaries without `_bucket`, `_sum`, `_count`.
    pub name: Box<str>,
    /// Its kind.
    pub kind: Kind,
    /// Base unit (`seconds`, `bytes`, `ratio`); empty for none.
    pub unit: Box<str>,
    /// For people; empty for none.
    pub help: Box<str>,
}

/// One series: its family, and its labels with `__name__` (which in a histogram or summary is the family's name with a
/// suffix).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesDefinition {
    /// Shared by all series of the metric.
    pub family: Arc<Family>,
    /// All labels, `__name__`, `job` and `instance` among them.
    pub labels: Labels,
}

impl SeriesDefinition {
    /// The value of `__name__`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.labels.get(METRIC_NAME).unwrap_or_default()
    }
}
