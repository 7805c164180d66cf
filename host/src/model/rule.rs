//! A condition that an alerter watches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::label::Labels;

/// An alert rule as an alerter declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique within its plugin; becomes the label `alertname`.
    pub name: String,
    /// Rules of a group run in order at one time.
    pub group: String,
    /// `None`: as soon as a selector has new samples, and on the plugin's interval.
    pub interval: Option<Duration>,
    /// For people: what the rule says; empty if it is code.
    pub expression: String,
    /// Series selectors as the alerter wrote them.
    pub selectors: Vec<String>,
    /// How long a finding must hold before its alert fires.
    pub hold_for: Duration,
    /// How long an alert goes on firing after its finding is gone.
    pub keep_firing_for: Duration,
    /// Laid over each finding's labels.
    pub labels: Labels,
    /// Below each finding's annotations.
    pub annotations: Labels,
}
