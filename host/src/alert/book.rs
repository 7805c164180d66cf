//! The book itself: what it keeps, and the pure step from one event to the next state.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::finding::Held;
use super::view::AlertState;
use crate::event::{AlertChange, Event, RuleEvaluated};
use crate::model::{EventId, Finding, Fingerprint, Labels, PluginName, Rule, Timestamp};

/// How long a resolved alert is still shown.
pub const RESOLVED_KEPT: Duration = Duration::from_secs(15 * 60);

/// Resolved alerts that are still shown, so that rules whose labels change all the time cannot fill the memory. Beyond it the
/// oldest are no longer shown.
pub const RESOLVED_KEPT_MAX: usize = 10_000;

/// How long the host may have been away before pending alerts begin anew, unless set otherwise.
pub const DOWNTIME_MAX: Duration = Duration::from_secs(60 * 60);

/// The reason given where an alert ends because its rule is gone.
pub const RULE_REMOVED: &str = "rule removed";
/// The reason given where an alert ends because its plugin is gone.
pub const PLUGIN_REMOVED: &str = "plugin removed";
/// The reason given where a pending alert begins anew because the host was away for too long.
pub const DOWNTIME: &str = "downtime";

/// All alerts and what they rest on. Alerts are identified by plugin, rule and fingerprint of the final labels.
///
/// Evaluations change what holds and the rules' clocks; only the alert events change alerts. Save and restore it with serde
/// (postcard; its maps have keys that JSON cannot have).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Book {
    pub(super) rules: BTreeMap<RuleKey, RuleEntry>,
    pub(super) alerts: BTreeMap<RuleKey, BTreeMap<Fingerprint, Alert>>,
    /// Resolved alerts in the order in which they leave.
    leaving: VecDeque<(Timestamp, RuleKey, Fingerprint)>,
    /// The newest time of any event: how long the host was away is counted from it.
    seen: Timestamp,
    #[serde(skip, default = "downtime_max")]
    downtime_max: Duration,
}

fn downtime_max() -> Duration {
    DOWNTIME_MAX
}

/// Names a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct RuleKey {
    pub(super) plugin: PluginName,
    pub(super) rule: String,
}

/// A declared rule and its last evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleEntry {
    pub(super) rule: Rule,
    /// Its place among its plugin's rules.
    pub(super) position: usize,
    /// The last evaluation's time.
    pub(super) now: Option<Timestamp>,
    /// Why its alerts are as they were and not as they are.
    pub(super) error: Option<String>,
    pub(super) held: Held,
    /// Findings that ended while their alert is still there.
    pub(super) gone: BTreeMap<Fingerprint, Gone>,
}

/// A finding that holds no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gone {
    pub(super) since: Timestamp,
    pub(super) last: Finding,
}

/// One alert as its last step left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Alert {
    pub(super) state: AlertState,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) value: f64,
    pub(super) active_since: Timestamp,
    pub(super) fired_at: Option<Timestamp>,
    pub(super) resolved_at: Option<Timestamp>,
    pub(super) reason: Option<String>,
    /// The event of its last step.
    pub(super) event: EventId,
    /// When that step was recorded.
    pub(super) recorded_at: Timestamp,
    /// The host was away for too long while it was pending.
    pub(super) is_interrupted: bool,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            rules: BTreeMap::new(),
            alerts: BTreeMap::new(),
            leaving: VecDeque::new(),
            seen: Timestamp::default(),
            downtime_max: DOWNTIME_MAX,
        }
    }
}

impl Book {
    /// Sets how long the host may have been away before pending alerts begin anew; to be set again after a restore.
    #[must_use]
    pub fn with_downtime_max(mut self, downtime_max: Duration) -> Self {
        self.downtime_max = downtime_max;
        self
    }

    /// Takes an event into account. Every event is to be applied, in order, also those that say nothing about alerts: their
    /// times tell how long the host was away.
    pub fn apply(&mut self, id: EventId, at: Timestamp, event: &Event) {
        match event {
            Event::HostStarted { .. } if at.since(self.seen) > self.downtime_max => self.interrupt(),
            Event::RulesDeclared { plugin, rules } => self.declare(plugin, rules),
            Event::RuleEvaluated(evaluated) => self.evaluate(evaluated),
            Event::PluginStopped { plugin, reason } if reason == "removed" => self.rules.retain(|key, _| key.plugin != *plugin),
            Event::PluginStopped { plugin, reason } => self.mark(plugin, &format!("plugin stopped: {reason}")),
            Event::PluginQuarantined { plugin, reason, until } => {
                self.mark(plugin, &format!("plugin quarantined until {until}: {reason}"));
            }
            Event::AlertPended(change) => self.step(id, at, change, AlertState::Pending),
            Event::AlertFired(change) => self.step(id, at, change, AlertState::Firing),
            Event::AlertResolved(change) => self.step(id, at, change, AlertState::Resolved),
            Event::AlertDismissed(change) => self.dismiss(change),
            _ => {}
        }
        self.pass(at);
    }

    /// Whether an event says more to the book than the time.
    #[must_use]
    pub fn concerns(event: &Event) -> bool {
        matches!(
            event,
            Event::HostStarted { .. }
                | Event::RulesDeclared { .. }
                | Event::RuleEvaluated(_)
                | Event::PluginStopped { .. }
                | Event::PluginQuarantined { .. }
                | Event::AlertPended(_)
                | Event::AlertFired(_)
                | Event::AlertResolved(_)
                | Event::AlertDismissed(_)
        )
    }

    /// Takes into account that it is at least `at`; what applying an event that does not [concern](Self::concerns) it does.
    pub fn pass(&mut self, at: Timestamp) {
        self.seen = self.seen.max(at);
        self.forget_resolved();
    }

    /// Whether an evaluation must be recorded: something began, changed or ended, the rule's error is another, or the evaluation
    /// moves a clock that an alert waits for.
    #[must_use]
    pub fn needs_evaluation_event(&self, evaluated: &RuleEvaluated) -> bool {
        let RuleEvaluated { began, changed, ended, .. } = evaluated;
        if !(began.is_empty() && changed.is_empty() && ended.is_empty()) {
            return true;
        }
        let key = RuleKey { plugin: evaluated.plugin.clone(), rule: evaluated.rule.clone() };
        let Some(entry) = self.rules.get(&key) else { return true };
        let alerts = self.alerts.get(&key);
        let state = |fingerprint| alerts.and_then(|alerts| alerts.get(&fingerprint)).map(|alert| alert.state);
        entry.now.is_none()
            || entry.error != evaluated.error
            || entry.held.iter().any(|(fingerprint, _)| state(fingerprint) != Some(AlertState::Firing))
            || alerts.into_iter().flatten().any(|(fingerprint, alert)| match alert.state {
                AlertState::Pending => true,
                AlertState::Firing => entry.held.get(*fingerprint).is_none(),
                AlertState::Resolved => false,
            })
    }

    /// What holds by the last evaluation that the book knows: where an alerter's driver goes on after a restart.
    #[must_use]
    pub fn held(&self, plugin: &PluginName, rule: &str) -> Held {
        let key = RuleKey { plugin: plugin.clone(), rule: rule.into() };
        self.rules.get(&key).map(|entry| entry.held.clone()).unwrap_or_default()
    }

    /// The plugins whose rules or alerts it holds: one that is no longer configured is to be recorded as removed.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginName> {
        let active = self.alerts.iter().filter(|(_, alerts)| alerts.values().any(|alert| alert.state != AlertState::Resolved));
        let mut plugins: Vec<_> = self.rules.keys().chain(active.map(|(key, _)| key)).map(|key| key.plugin.clone()).collect();
        plugins.sort();
        plugins.dedup();
        plugins
    }

    fn declare(&mut self, plugin: &PluginName, rules: &[Rule]) {
        self.rules.retain(|key, _| key.plugin != *plugin || rules.iter().any(|rule| rule.name == key.rule));
        for (position, rule) in rules.iter().enumerate() {
            let key = RuleKey { plugin: plugin.clone(), rule: rule.name.clone() };
            match self.rules.get_mut(&key) {
                Some(entry) => (entry.rule, entry.position) = (rule.clone(), position),
                None => {
                    let (held, gone) = Default::default();
                    self.rules.insert(key, RuleEntry { rule: rule.clone(), position, now: None, error: None, held, gone });
                }
            }
        }
    }

    fn evaluate(&mut self, evaluated: &RuleEvaluated) {
        let key = RuleKey { plugin: evaluated.plugin.clone(), rule: evaluated.rule.clone() };
        let alerts = self.alerts.get(&key);
        let Some(entry) = self.rules.get_mut(&key) else { return };
        let now = entry.clock(evaluated);
        entry.now = Some(now);
        entry.error.clone_from(&evaluated.error);
        if evaluated.error.is_some() {
            return;
        }
        for fingerprint in &evaluated.ended {
            if let Some(last) = entry.held.get(*fingerprint) {
                entry.gone.insert(*fingerprint, Gone { since: now, last: last.clone() });
            }
        }
        entry.held.apply(evaluated);
        let is_active = |fingerprint: &Fingerprint| alerts.is_some_and(|alerts| alerts.contains_key(fingerprint));
        entry.gone.retain(|fingerprint, _| is_active(fingerprint) && entry.held.get(*fingerprint).is_none());
    }

    /// Notes why the rules of a plugin are not evaluated; their alerts stay.
    fn mark(&mut self, plugin: &PluginName, error: &str) {
        for (_, entry) in self.rules.iter_mut().filter(|(key, _)| key.plugin == *plugin) {
            entry.error = Some(error.into());
        }
    }

    fn interrupt(&mut self) {
        for alert in self.alerts.values_mut().flat_map(BTreeMap::values_mut) {
            alert.is_interrupted = alert.state == AlertState::Pending;
        }
    }

    fn step(&mut self, id: EventId, at: Timestamp, change: &AlertChange, state: AlertState) {
        let key = RuleKey { plugin: change.plugin.clone(), rule: change.rule.clone() };
        let alerts = self.alerts.entry(key.clone()).or_default();
        let fired_before = alerts.get(&change.fingerprint).and_then(|alert| alert.fired_at);
        let alert = Alert {
            state,
            labels: change.labels.clone(),
            annotations: change.annotations.clone(),
            value: change.value,
            active_since: change.active_since,
            fired_at: match state {
                AlertState::Pending => None,
                AlertState::Firing => Some(change.at),
                AlertState::Resolved => fired_before,
            },
            resolved_at: (state == AlertState::Resolved).then_some(change.at),
            reason: change.reason.clone(),
            event: id,
            recorded_at: at,
            is_interrupted: false,
        };
        alerts.insert(change.fingerprint, alert);
        if state == AlertState::Resolved {
            self.forget_gone(&key, change.fingerprint);
            self.leaving.push_back((at, key, change.fingerprint));
        }
    }

    fn dismiss(&mut self, change: &AlertChange) {
        let key = RuleKey { plugin: change.plugin.clone(), rule: change.rule.clone() };
        self.forget_gone(&key, change.fingerprint);
        self.remove(&key, change.fingerprint);
    }

    fn forget_gone(&mut self, key: &RuleKey, fingerprint: Fingerprint) {
        if let Some(entry) = self.rules.get_mut(key) {
            entry.gone.remove(&fingerprint);
        }
    }

    fn remove(&mut self, key: &RuleKey, fingerprint: Fingerprint) {
        if let Some(alerts) = self.alerts.get_mut(key) {
            alerts.remove(&fingerprint);
            if alerts.is_empty() {
                self.alerts.remove(key);
            }
        }
    }

    fn forget_resolved(&mut self) {
        while let Some((at, ..)) = self.leaving.front() {
            if self.leaving.len() <= RESOLVED_KEPT_MAX && self.seen.since(*at) <= RESOLVED_KEPT {
                return;
            }
            let Some((at, key, fingerprint)) = self.leaving.pop_front() else { return };
            let alert = self.alerts.get(&key).and_then(|alerts| alerts.get(&fingerprint));
            // It may be active again, or have been resolved once more.
            if alert.is_some_and(|alert| alert.state == AlertState::Resolved && alert.recorded_at == at) {
                self.remove(&key, fingerprint);
            }
        }
    }
}

impl RuleEntry {
    /// The time of an evaluation: a clock that goes back stands still.
    pub(super) fn clock(&self, evaluated: &RuleEvaluated) -> Timestamp {
        self.now.map_or(evaluated.now, |before| before.max(evaluated.now))
    }
}
