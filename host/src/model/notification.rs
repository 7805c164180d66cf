//! What a notifier is told, and what it answers, as in the contract.

use serde::{Deserialize, Serialize};

use super::ids::Fingerprint;
use super::label::Labels;
use super::name::PluginName;
use super::time::Timestamp;

/// Whether an alert that is told of fires or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NotifiedState {
    /// It fires.
    Firing,
    /// It fired and is resolved.
    Resolved,
}

/// One alert in a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotifiedAlert {
    /// Of the final labels.
    pub fingerprint: Fingerprint,
    /// Firing or resolved.
    pub state: NotifiedState,
    /// The rule's name.
    pub rule: String,
    /// Final labels, `alertname` among them.
    pub labels: Labels,
    /// For people.
    pub annotations: Labels,
    /// What was measured.
    pub value: f64,
    /// Since when the finding held without a break: the same while it fires and when it is resolved.
    pub started_at: Timestamp,
    /// When it was resolved; `None` while it fires.
    pub ended_at: Option<Timestamp>,
    /// Where to look at it.
    pub source_url: String,
}

/// One notification for one receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The same for every attempt.
    pub id: String,
    /// From 1.
    pub attempt: u32,
    /// The notifier plugin that is to deliver it.
    pub receiver: PluginName,
    /// The receiver's settings as JSON.
    pub settings: String,
    /// Stable for the life of the group: what other systems call a deduplication key.
    pub group_key: String,
    /// What the alerts were grouped by.
    pub group_labels: Labels,
    /// Labels that all alerts have.
    pub common_labels: Labels,
    /// Annotations that all alerts have.
    pub common_annotations: Labels,
    /// The alerts.
    pub alerts: Vec<NotifiedAlert>,
    /// Alerts left out because of the receiver's bound.
    pub truncated: u32,
    /// Where this host is reached.
    pub external_url: String,
    /// The reference that the last delivery for this group returned.
    pub previous: Option<String>,
}

/// A notifier's answer to a notification that it delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the other side calls it (a message id), handed back as [`Notification::previous`]; empty for nothing.
    pub reference: String,
    /// Open-ended facts.
    pub details: Labels,
}
