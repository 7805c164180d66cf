//! What an alerter finds.

use serde::{Deserialize, Serialize};

use super::label::Labels;

/// One label set for which a rule's condition holds now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The alert's final labels: the finding's below the rule's below `alertname`.
    pub labels: Labels,
    /// What was measured.
    pub value: f64,
    /// For people.
    pub annotations: Labels,
}
