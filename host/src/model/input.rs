//! What an alerter is given of the series that a rule's selectors mean.

use super::label::Labels;
use super::time::Timestamp;

/// The series of one selector.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// As the alerter wrote it.
    pub selector: String,
    /// Live series only.
    pub series: Vec<Watched>,
}

/// One series as a rule sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// All labels, `__name__` among them.
    pub labels: Labels,
    /// Ascending.
    pub times: Vec<Timestamp>,
    /// Parallel to `times`.
    pub values: Vec<f64>,
    /// How many of the last samples are new since the rule's last evaluation.
    pub fresh: u32,
}
