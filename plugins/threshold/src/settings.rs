//! What an operator may write.

use std::collections::BTreeMap;

use serde::Deserialize;
use vigie_plugin::{Config, Span};

/// Rules, each of which watches series or checks.
#[derive(Debug, Clone, Default, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is watched.
    #[serde(default)]
    pub rules: Vec<RuleSettings>,
}

/// One rule: exactly one of `series`, `check` and `absent` says what it watches.
#[derive(Debug, Clone, Default, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleSettings {
    /// The rule's name, which becomes the label `alertname`.
    #[config(min_length = 1)]
    pub name: String,
    /// A selector, as in `node_load1{instance="db1"}`: the newest value of each of its series is compared with `value`.
    pub series: Option<String>,
    /// How each value is compared with `value`.
    pub op: Option<Op>,
    /// What each value is compared with.
    pub value: Option<f64>,
    /// Hysteresis: an alert once there stays until a value no longer compares so with `clear`. For `>` it lies below `value`, for
    /// `<` above it.
    pub clear: Option<f64>,
    /// Compares the increase per second over this time instead of the value: for counters.
    pub rate: Option<Span>,
    /// The name of a health check, in which `*` stands for any text: its targets' status is compared with `status`.
    pub check: Option<String>,
    /// The names of the targets whose check is watched, in which `*` stands for any text. Without it: all.
    pub target: Option<String>,
    /// The statuses that are alerted on. Without it: `down`.
    pub status: Option<Vec<CheckStatus>>,
    /// A selector of which no series should be missing: holds while there is none.
    pub absent: Option<String>,
    /// How long it must hold before the alert fires.
    #[serde(default, rename = "for")]
    #[config(default = "0")]
    pub hold_for: Span,
    /// How long the alert goes on firing after it no longer holds.
    #[serde(default)]
    #[config(default = "0")]
    pub keep_firing_for: Span,
    /// The time between two evaluations. Without it: as soon as there are new samples.
    pub interval: Option<Span>,
    /// Rules of a group are evaluated in order at one time.
    #[serde(default)]
    #[config(default = "")]
    pub group: String,
    /// The label `severity`.
    pub severity: Option<String>,
    /// Labels for the alert, beside those of the series.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Texts for people, in which `{{ $value }}` and `{{ $labels.NAME }}` are filled in.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Config)]
#[allow(missing_docs, reason = "the names say it, and words would make the schema longer")]
pub enum Op {
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
}

impl Op {
    /// Whether the comparison holds. NaN differs from everything and is neither more nor less.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            #[expect(clippy::float_cmp, reason = "what the operator asked for")]
            Self::Equal => left == right,
            #[expect(clippy::float_cmp, reason = "what the operator asked for")]
            Self::NotEqual => left != right,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// A check's status, as its series `check_status` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Config)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it, and words would make the schema longer")]
pub enum CheckStatus {
    Up,
    Degraded,
    Down,
    Unknown,
}

impl CheckStatus {
    /// As the label `status` has it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}
