//! Alertmanager's webhook payload, version 4, and the same with more for templates.

use std::collections::BTreeMap;

use serde::Serialize;
use vigie_plugin::{Alert, AlertState, Labels, Notification};

use crate::time::rfc3339;

/// When an alert ends that has not: what Alertmanager writes for "never".
const NOT_ENDED: &str = "0001-01-01T00:00:00Z";

type Map<'a> = BTreeMap<&'a str, &'a str>;

/// The payload, with the names, the order and the forms that Alertmanager's has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload<'a> {
    receiver: &'a str,
    status: &'static str,
    /// The alerts, those that fire and those that are over.
    pub alerts: Vec<PayloadAlert<'a>>,
    group_labels: Map<'a>,
    common_labels: Map<'a>,
    common_annotations: Map<'a>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: u32,
}

/// One alert of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayloadAlert<'a> {
    status: &'static str,
    labels: Map<'a>,
    annotations: Map<'a>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: &'a str,
    /// What only templates see.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<MoreOfAlert<'a>>,
}

#[derive(Debug, Serialize)]
struct MoreOfAlert<'a> {
    value: f64,
    rule: &'a str,
}

/// What a template sees: the payload, and what Alertmanager's has no place for.
#[derive(Debug, Serialize)]
pub struct TemplateContext<'a> {
    #[serde(flatten)]
    payload: Payload<'a>,
    id: &'a str,
    attempt: u32,
    previous: Option<&'a str>,
}

impl<'a> Payload<'a> {
    /// The payload for a notification.
    #[must_use]
    pub fn of(notification: &'a Notification, send_resolved: bool) -> Self {
        Self::with(notification, send_resolved, |_| None)
    }

    fn with(notification: &'a Notification, send_resolved: bool, more: impl Fn(&'a Alert) -> Option<MoreOfAlert<'a>>) -> Self {
        let sent = notification.alerts.iter().filter(|alert| send_resolved || alert.state == AlertState::Firing);
        let alerts: Vec<_> = sent.map(|alert| PayloadAlert::of(alert, more(alert))).collect();
        let firing = alerts.iter().any(|alert| alert.status == "firing");
        Self {
            receiver: &notification.receiver,
            status: if firing { "firing" } else { "resolved" },
            alerts,
            group_labels: map(&notification.group_labels),
            common_labels: map(&notification.common_labels),
            common_annotations: map(&notification.common_annotations),
            external_url: &notification.external_url,
            version: "4",
            group_key: &notification.group_key,
            truncated_alerts: notification.truncated,
        }
    }
}

impl<'a> TemplateContext<'a> {
    /// What a template sees of a notification.
    #[must_use]
    pub fn of(notification: &'a Notification, send_resolved: bool) -> Self {
        let more = |alert: &'a Alert| Some(MoreOfAlert { value: alert.value, rule: &alert.rule });
        Self {
            payload: Payload::with(notification, send_resolved, more),
            id: &notification.id,
            attempt: notification.attempt,
            previous: notification.previous.as_deref(),
        }
    }
}

impl<'a> PayloadAlert<'a> {
    fn of(alert: &'a Alert, more: Option<MoreOfAlert<'a>>) -> Self {
        Self {
            status: if alert.state == AlertState::Firing { "firing" } else { "resolved" },
            labels: map(&alert.labels),
            annotations: map(&alert.annotations),
            starts_at: rfc3339(alert.started_at),
            ends_at: alert.ended_at.map_or_else(|| NOT_ENDED.to_owned(), rfc3339),
            generator_url: &alert.source_url,
            fingerprint: &alert.fingerprint,
            more,
        }
    }
}

fn map(labels: &Labels) -> Map<'_> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
