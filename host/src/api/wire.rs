//! The shapes that HTTP speaks: the only place that serializes for it. Names are `snake_case`, times RFC 3339 in UTC, durations
//! in the unit that the name ends with.

pub mod event;
mod summary;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Labels, Timestamp};

/// `GET /api/vigie/v1`: what answers here.
#[derive(Debug, Serialize)]
pub struct About {
    /// Always `vigie`.
    pub name: &'static str,
    /// The host's version.
    pub version: &'static str,
    /// The journal's epoch.
    pub epoch: u32,
    /// The last offset written.
    pub written: u64,
    /// The last offset synced.
    pub synced: u64,
}

/// `GET /api/vigie/v1/plugins`.
#[derive(Debug, Serialize)]
pub struct Plugins {
    /// By name.
    pub plugins: Vec<Plugin>,
}

/// One configured plugin.
#[derive(Debug, Serialize)]
pub struct Plugin {
    /// Its configured name.
    pub name: String,
    /// `starting`, `running`, `refused`, `quarantined`, `stopped`.
    pub state: &'static str,
    /// The manifest's version; empty without one.
    pub version: String,
    /// The manifest's description.
    pub description: String,
    /// What it exports.
    pub roles: Vec<String>,
    /// The component's file.
    pub file: String,
    /// BLAKE3 of the component.
    pub digest: String,
    /// Why it is refused or quarantined, or the last configuration that was not taken.
    pub error: Option<String>,
    /// Counts its starts.
    pub generation: u64,
    /// Calls by how they ended: `ok`, `error`, `trap`, `timeout`.
    pub calls: BTreeMap<&'static str, u64>,
    /// Wall time of all calls.
    pub call_seconds: f64,
    /// CPU time of all calls.
    pub cpu_seconds: f64,
    /// Linear memory now.
    pub memory_bytes: u64,
    /// Samples: `taken` = `applied` + `dropped` + `queued`.
    pub samples: Samples,
    /// Runs of its schedule that were missed.
    pub missed_runs: u64,
    /// Capability calls that were denied.
    pub denied: u64,
    /// The newest lines of its log, oldest first.
    pub log: Vec<LogLine>,
}

/// Conservation of one plugin's samples.
#[derive(Debug, Serialize)]
pub struct Samples {
    /// Handed over by the plugin.
    pub taken: u64,
    /// In the journal.
    pub applied: u64,
    /// Not taken, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Between the plugin and the journal.
    pub queued: u64,
}

/// One line of a plugin's log.
#[derive(Debug, Serialize)]
pub struct LogLine {
    /// When.
    pub at: String,
    /// `trace`, `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// What it said.
    pub message: String,
    /// Names with values.
    pub fields: BTreeMap<String, String>,
}

/// `GET /api/vigie/v1/targets`.
#[derive(Debug, Serialize)]
pub struct Targets {
    /// By check, then target.
    pub targets: Vec<Target>,
}

/// One target as one health check sees it.
#[derive(Debug, Serialize)]
pub struct Target {
    /// The check.
    pub plugin: String,
    /// The target's name.
    pub target: String,
    /// The configured address, if the target is still configured.
    pub address: Option<String>,
    /// `up`, `degraded`, `down`, `unknown`.
    pub status: &'static str,
    /// Since when.
    pub since: String,
    /// When it was last asked.
    pub checked_at: String,
    /// What the check said last.
    pub message: String,
    /// How long the target took.
    pub latency_ms: Option<f64>,
    /// How often the status changed lately.
    pub flaps: u64,
    /// Facts about the last run.
    pub details: BTreeMap<String, String>,
}

/// `GET /api/vigie/v1/alerts`.
#[derive(Debug, Serialize)]
pub struct Alerts {
    /// Firing first, then pending, then resolved lately.
    pub alerts: Vec<Alert>,
    /// Rules with what is known about their evaluation.
    pub rules: Vec<Rule>,
}

/// One alert.
#[derive(Debug, Serialize)]
pub struct Alert {
    /// The rule.
    pub rule: String,
    /// The alerter.
    pub plugin: String,
    /// `pending`, `firing`, `resolved`.
    pub state: &'static str,
    /// Final labels.
    pub labels: BTreeMap<String, String>,
    /// For people.
    pub annotations: BTreeMap<String, String>,
    /// The finding's newest value; NaN and infinities as text.
    pub value: serde_json::Value,
    /// Since when the finding holds.
    pub active_since: String,
    /// Since when it fires.
    pub fired_at: Option<String>,
    /// When it was resolved.
    pub resolved_at: Option<String>,
    /// Why it is in its state, where it is not the finding itself.
    pub reason: Option<String>,
    /// Why its rule is not evaluated at present.
    pub unevaluated: Option<String>,
    /// Of the final labels.
    pub fingerprint: String,
}

/// One alert rule.
#[derive(Debug, Serialize)]
pub struct Rule {
    /// The alerter.
    pub plugin: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub expression: String,
    /// `inactive`, `pending`, `firing`, or `unevaluated`.
    pub state: &'static str,
    /// The last journaled evaluation.
    pub evaluated_at: Option<String>,
    /// Why it cannot be evaluated.
    pub error: Option<String>,
}

/// An error as the API tells it.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// What is wrong and what would fix it.
    pub error: String,
}

/// A label set as a JSON object.
#[must_use]
pub fn object(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A time as RFC 3339.
#[must_use]
pub fn time(at: Timestamp) -> String {
    at.to_string()
}

/// A float as JSON: numbers where JSON has them, else `"NaN"`, `"+Inf"`, `"-Inf"`.
#[must_use]
pub fn float(value: f64) -> serde_json::Value {
    serde_json::Number::from_f64(value).map_or_else(
        || {
            serde_json::Value::from(if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            })
        },
        serde_json::Value::Number,
    )
}
