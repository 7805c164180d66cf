//! What a notifier is told: for now a group of one alert.

use super::deliveries::Due;
use crate::event::AlertChange;
use crate::model::{Notification, NotifiedAlert, NotifiedState};

impl Due<'_> {
    /// The content of this attempt. `settings` are the receiver's as JSON, `external_url` is where this host is reached, without a
    /// slash at its end.
    #[must_use]
    pub fn notification(&self, settings: &str, external_url: &str) -> Notification {
        let change = &self.waiting.change;
        Notification {
            id: self.id.to_string(),
            attempt: self.attempt(),
            receiver: self.id.receiver.clone(),
            settings: settings.into(),
            group_key: group_key(change),
            // A group of one is grouped by all of its labels.
            group_labels: change.labels.clone(),
            common_labels: change.labels.clone(),
            common_annotations: change.annotations.clone(),
            alerts: vec![alert(self.waiting.state, change, external_url)],
            truncated: 0,
            external_url: external_url.into(),
            previous: self.previous.map(Into::into),
        }
    }
}

/// Stable for the life of an alert, and the same when it fires again: plugin, rule and fingerprint.
fn group_key(change: &AlertChange) -> String {
    format!("{}/{}:{}", change.plugin, change.rule, change.fingerprint)
}

fn alert(state: NotifiedState, change: &AlertChange, external_url: &str) -> NotifiedAlert {
    NotifiedAlert {
        fingerprint: change.fingerprint,
        state,
        rule: change.rule.clone(),
        labels: change.labels.clone(),
        annotations: change.annotations.clone(),
        value: change.value,
        started_at: change.active_since,
        ended_at: (state == NotifiedState::Resolved).then_some(change.at),
        source_url: format!("{external_url}/?alert={}", change.fingerprint),
    }
}
