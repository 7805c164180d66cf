//! Events as the API tells them: id, kind, a sentence, and the facts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::summary::summary;
use super::{float, object, time};
use crate::event::{AlertChange, Collected, Delivery, Envelope, Event, RuleEvaluated};
use crate::model::{CheckReport, Finding};

/// Series of one event that the API lists; the rest is only counted.
const SERIES_SHOWN_MAX: usize = 100;

/// `GET /api/vigie/v1/events`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Events {
    /// In order of offset.
    pub events: Vec<WireEvent>,
    /// Where to go on: the `from` of the next request.
    pub next: u64,
}

/// One event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireEvent {
    /// `epoch-offset`.
    pub id: String,
    /// Position in the journal.
    pub offset: u64,
    /// When it was submitted.
    pub at: String,
    /// Its kind.
    pub kind: String,
    /// A sentence for people.
    pub summary: String,
    /// The facts.
    pub data: Value,
}

impl WireEvent {
    /// An event of the journal as the API tells it.
    #[must_use]
    pub fn new(envelope: &Envelope) -> Self {
        Self {
            id: envelope.id.to_string(),
            offset: envelope.id.offset.0,
            at: time(envelope.at),
            kind: envelope.event.kind().into(),
            summary: summary(&envelope.event),
            data: data(&envelope.event),
        }
    }
}

fn data(event: &Event) -> Value {
    match event {
        Event::HostStarted { version } => json!({ "version": version }),
        Event::HostStopped { reason } => json!({ "reason": reason }),
        Event::JournalTruncated { segment, bytes, reason } => json!({ "segment": segment, "bytes": bytes, "reason": reason }),
        Event::SegmentsDeleted { from, to, bytes } => json!({ "from": from.0, "to": to.0, "bytes": bytes }),
        Event::PluginLoaded(facts) => {
            json!({ "plugin": facts.plugin, "version": facts.version, "digest": facts.digest, "roles": facts.roles })
        }
        Event::PluginStopped { plugin, reason } => json!({ "plugin": plugin, "reason": reason }),
        Event::PluginRefused { plugin, file, error } => json!({ "plugin": plugin, "file": file, "error": error }),
        Event::PluginQuarantined { plugin, reason, until } => {
            json!({ "plugin": plugin, "reason": reason, "until": time(*until) })
        }
        Event::PluginReleased { plugin } => json!({ "plugin": plugin }),
        Event::SeriesDefined { series } => json!({
            "count": series.len(),
            "series": series.iter().take(SERIES_SHOWN_MAX).map(|(id, one)| json!({ "id": id.0, "labels": object(&one.labels) })).collect::<Vec<_>>(),
        }),
        Event::FamilyClashed { plugin, family, kept, came } => {
            json!({ "plugin": plugin, "family": family, "kept": format!("{kept:?}").to_lowercase(), "came": format!("{came:?}").to_lowercase() })
        }
        Event::SamplesCollected(collected) => samples(collected),
        Event::CheckCompleted { plugin, target, report } => {
            check(plugin.as_str(), target.as_ref().map(|name| name.as_str()), report)
        }
        Event::RulesDeclared { plugin, rules } => {
            json!({ "plugin": plugin, "rules": rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>() })
        }
        Event::RuleEvaluated(evaluated) => evaluation(evaluated),
        Event::AlertPended(change)
        | Event::AlertDismissed(change)
        | Event::AlertFired(change)
        | Event::AlertResolved(change) => alert(change),
        Event::NotificationSent(sent) => delivery(sent),
        Event::NotificationFailed { delivery: failed, error, retry_at } => {
            let mut told = delivery(failed);
            told["error"] = json!(error);
            told["retry_at"] = json!(retry_at.map(time));
            told
        }
        Event::JournalDamaged { segment, kept, bytes, reason, lost } => json!({
            "segment": segment, "kept": kept, "bytes": bytes, "reason": reason, "lost": lost.map(|(from, to)| [from.0, to.0]),
        }),
        Event::CursorSkipped { plugin, skipped, reason } => {
            json!({ "plugin": plugin, "from": skipped.from.0, "to": skipped.to.0, "reason": reason })
        }
        _ => call(event),
    }
}

/// The events about one call of a plugin.
fn call(event: &Event) -> Value {
    match event {
        Event::CallTrapped { plugin, subject, message, stderr } => {
            json!({ "plugin": plugin, "subject": subject, "message": message, "stderr": stderr })
        }
        Event::CallErred { plugin, subject, fault, message } => {
            json!({ "plugin": plugin, "subject": subject, "fault": format!("{fault:?}").to_lowercase(), "message": message })
        }
        Event::CallTimedOut { plugin, subject, bound } => json!({ "plugin": plugin, "subject": subject, "bound": bound }),
        Event::TargetBackedOff { plugin, target, until } => {
            json!({ "plugin": plugin, "target": target, "until": time(*until) })
        }
        Event::CapabilityDenied { plugin, capability, scope, hint } => {
            json!({ "plugin": plugin, "capability": capability, "scope": scope, "hint": hint })
        }
        Event::RunsMissed { plugin, target, count } => json!({ "plugin": plugin, "target": target, "count": count }),
        _ => Value::Null,
    }
}

fn samples(collected: &Collected) -> Value {
    let dropped: Vec<_> = collected
        .dropped
        .iter()
        .map(|drop| json!({ "reason": drop.reason.as_str(), "count": drop.count, "example": drop.example }))
        .collect();
    json!({
        "plugin": collected.plugin,
        "target": collected.target,
        "samples": collected.samples.len(),
        "ended": collected.ended.len(),
        "dropped": dropped,
    })
}

fn check(plugin: &str, target: Option<&str>, report: &CheckReport) -> Value {
    json!({
        "plugin": plugin,
        "target": target,
        "status": report.status.as_str(),
        "message": report.message,
        "latency_ms": report.latency.map(|latency| latency.as_secs_f64() * 1000.0),
        "details": object(&report.details),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({ "labels": object(&finding.labels), "value": float(finding.value), "annotations": object(&finding.annotations) })
}

fn evaluation(evaluated: &RuleEvaluated) -> Value {
    json!({
        "plugin": evaluated.plugin,
        "rule": evaluated.rule,
        "now": time(evaluated.now),
        "began": evaluated.began.iter().map(finding).collect::<Vec<_>>(),
        "changed": evaluated.changed.iter().map(finding).collect::<Vec<_>>(),
        "ended": evaluated.ended.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "error": evaluated.error,
    })
}

fn alert(change: &AlertChange) -> Value {
    json!({
        "plugin": change.plugin,
        "rule": change.rule,
        "fingerprint": change.fingerprint.to_string(),
        "labels": object(&change.labels),
        "annotations": object(&change.annotations),
        "value": float(change.value),
        "active_since": time(change.active_since),
        "at": time(change.at),
        "reason": change.reason,
    })
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "notification": delivery.notification,
        "receiver": delivery.receiver,
        "attempt": delivery.attempt,
        "alerts": delivery.alerts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "reference": delivery.reference,
        "took_ms": delivery.took.as_secs_f64() * 1000.0,
    })
}
