//! The book as people and programs see it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::book::{Alert, Book, RuleEntry, RuleKey};
use crate::model::{EventId, Fingerprint, Labels, PluginName, Rule, Timestamp};

/// The state of an alert that is in the book; one that is not is inactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AlertState {
    /// Its finding holds, but not for long enough.
    Pending,
    /// Its finding has held for `for`, or held until less than `keep_firing_for` ago.
    Firing,
    /// It fired; shown for a while.
    Resolved,
}

impl AlertState {
    /// The state as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What a rule's alerts add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleState {
    /// No alert is pending or firing.
    Inactive,
    /// At least one is pending, none is firing.
    Pending,
    /// At least one is firing.
    Firing,
}

impl RuleState {
    /// The state as Prometheus writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertView<'a> {
    /// The alerter.
    pub plugin: &'a PluginName,
    /// The rule.
    pub rule: &'a str,
    /// Of the labels.
    pub fingerprint: Fingerprint,
    /// Its state.
    pub state: AlertState,
    /// Final labels, `alertname` among them.
    pub labels: &'a Labels,
    /// For people, as last told.
    pub annotations: &'a Labels,
    /// What was measured last.
    pub value: f64,
    /// Since when the finding held without a break.
    pub active_since: Timestamp,
    /// When it fired.
    pub fired_at: Option<Timestamp>,
    /// While it goes on firing without its finding: since when the finding is gone.
    pub keep_firing_since: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// Why it is in its state, where it is not the finding itself.
    pub reason: Option<&'a str>,
    /// Why it is as it was and not as it is: its rule is not evaluated. Always absent for resolved ones.
    pub unevaluated: Option<&'a str>,
    /// The event of its last step.
    pub event: EventId,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleView<'a> {
    /// The alerter.
    pub plugin: &'a PluginName,
    /// As declared.
    pub rule: &'a Rule,
    /// What its alerts add up to.
    pub state: RuleState,
    /// How many are pending.
    pub pending: usize,
    /// How many are firing.
    pub firing: usize,
    /// The last recorded evaluation; those that change nothing are not recorded.
    pub evaluated_at: Option<Timestamp>,
    /// Why it is not evaluated.
    pub error: Option<&'a str>,
}

impl Book {
    /// All alerts: firing, then pending, then resolved; within that by plugin, rule and labels, resolved ones newest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<AlertView<'_>> {
        let each = |(key, alerts)| -> Vec<AlertView<'_>> { self.view_rule(key, alerts) };
        let mut views: Vec<_> = self.alerts.iter().flat_map(each).collect();
        views.sort_by(|a, b| order(a).cmp(&order(b)));
        views
    }

    /// All declared rules by plugin, in declared order.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleView<'_>> {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(key, entry)| (&key.plugin, entry.position));
        rules.into_iter().map(|(key, entry)| self.rule_view(key, entry)).collect()
    }

    fn rule_view<'a>(&'a self, key: &'a RuleKey, entry: &'a RuleEntry) -> RuleView<'a> {
        let states = || self.alerts.get(key).into_iter().flat_map(BTreeMap::values).map(|alert| alert.state);
        let pending = states().filter(|state| *state == AlertState::Pending).count();
        let firing = states().filter(|state| *state == AlertState::Firing).count();
        let state = match (firing, pending) {
            (0, 0) => RuleState::Inactive,
            (0, _) => RuleState::Pending,
            _ => RuleState::Firing,
        };
        let error = entry.error.as_deref();
        RuleView { plugin: &key.plugin, rule: &entry.rule, state, pending, firing, evaluated_at: entry.now, error }
    }

    fn view_rule<'a>(&'a self, key: &'a RuleKey, alerts: &'a BTreeMap<Fingerprint, Alert>) -> Vec<AlertView<'a>> {
        let entry = self.rules.get(key);
        alerts.iter().map(|(fingerprint, alert)| view(key, entry, *fingerprint, alert)).collect()
    }
}

fn view<'a>(key: &'a RuleKey, entry: Option<&'a RuleEntry>, fingerprint: Fingerprint, alert: &'a Alert) -> AlertView<'a> {
    let entry = entry.filter(|_| alert.state != AlertState::Resolved);
    let last = entry.and_then(|entry| entry.last(fingerprint));
    let gone = entry.and_then(|entry| entry.gone.get(&fingerprint));
    AlertView {
        plugin: &key.plugin,
        rule: &key.rule,
        fingerprint,
        state: alert.state,
        labels: &alert.labels,
        annotations: last.map_or(&alert.annotations, |finding| &finding.annotations),
        value: last.map_or(alert.value, |finding| finding.value),
        active_since: alert.active_since,
        fired_at: alert.fired_at,
        keep_firing_since: gone.map(|gone| gone.since),
        resolved_at: alert.resolved_at,
        reason: alert.reason.as_deref(),
        unevaluated: entry.and_then(|entry| entry.error.as_deref()),
        event: alert.event,
    }
}

fn order<'a>(view: &AlertView<'a>) -> (u8, Reverse<Option<Timestamp>>, &'a PluginName, &'a str, &'a Labels) {
    let rank = match view.state {
        AlertState::Firing => 0,
        AlertState::Pending => 1,
        AlertState::Resolved => 2,
    };
    (rank, Reverse(view.resolved_at), view.plugin, view.rule, view.labels)
}
