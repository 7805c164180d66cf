//! Samples as columns, and the reasons for which a sample is dropped.

use serde::{Deserialize, Serialize};

use super::ids::SeriesId;
use super::time::Timestamp;

/// The times of a batch's samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Times {
    /// All samples have one time.
    One(Timestamp),
    /// One time a sample, parallel to the ids.
    Each(Vec<Timestamp>),
}

/// A batch of samples as columns; `ids` and `values` have equal length. Values are finite, infinite or the one canonical NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// Which series.
    pub ids: Vec<SeriesId>,
    /// When.
    pub times: Times,
    /// What.
    pub values: Vec<f64>,
}

impl Columns {
    /// No samples, at `at`.
    #[must_use]
    pub fn empty(at: Timestamp) -> Self {
        Self { ids: Vec::new(), times: Times::One(at), values: Vec::new() }
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Each sample in order.
    pub fn iter(&self) -> impl Iterator<Item = (SeriesId, Timestamp, f64)> + '_ {
        self.ids.iter().zip(&self.values).enumerate().map(|(at, (id, value))| {
            let time = match &self.times {
                Times::One(time) => *time,
                Times::Each(times) => times[at],
            };
            (*id, time, *value)
        })
    }
}

/// Why a sample was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DropReason {
    /// A name, label, bucket or value breaks the data model.
    Invalid,
    /// The series occurred before in the same batch.
    Duplicate,
    /// More than 10 minutes ahead of the host's clock.
    Time,
    /// Older than the out-of-order window.
    Late,
    /// The metric exists with another kind.
    Clash,
    /// The plugin's bound on series.
    SeriesLimit,
    /// The plugin's bound on points or bytes of one call.
    OutputLimit,
    /// The call returned an error, trapped or timed out after it had produced the sample.
    CallFailed,
    /// The journal could not take it.
    Journal,
    /// The consumer was too far behind.
    Lag,
}

impl DropReason {
    /// All reasons, in order.
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Duplicate,
        Self::Time,
        Self::Late,
        Self::Clash,
        Self::SeriesLimit,
        Self::OutputLimit,
        Self::CallFailed,
        Self::Journal,
        Self::Lag,
    ];

    /// The reason as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::Time => "time",
            Self::Late => "late",
            Self::Clash => "clash",
            Self::SeriesLimit => "series-limit",
            Self::OutputLimit => "output-limit",
            Self::CallFailed => "call-failed",
            Self::Journal => "journal",
            Self::Lag => "lag",
        }
    }
}

/// How many samples of a batch were dropped for one reason, with the first one's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropCount {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub count: u64,
    /// What was wrong with the first: names the metric and what would fix it.
    pub example: String,
}
