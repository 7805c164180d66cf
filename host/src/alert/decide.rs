//! Which alerts take a step because of an event. As in Prometheus: a finding makes an alert pending, an evaluation at least
//! `for` later makes it fire, one without the finding (for `keep_firing_for`) makes it inactive or resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Alert, Book, DOWNTIME, PLUGIN_REMOVED, RULE_REMOVED, RuleEntry, RuleKey};
use super::view::AlertState;
use crate::event::{AlertChange, Event, RuleEvaluated};
use crate::model::{Finding, Fingerprint, PluginName, Timestamp};

impl Book {
    /// The steps that follow from an event, to be recorded together with the event's offset as consumed. To be asked before the
    /// event is applied; both are applied once the steps are recorded. Empty for most events.
    #[must_use]
    pub fn decide(&self, at: Timestamp, event: &Event) -> Vec<Event> {
        match event {
            Event::RuleEvaluated(evaluated) if evaluated.error.is_none() => self.decide_evaluation(evaluated),
            Event::RulesDeclared { plugin, rules } => {
                self.end_all(at, plugin, RULE_REMOVED, |name| !rules.iter().any(|rule| rule.name == name))
            }
            Event::PluginStopped { plugin, reason } if reason == "removed" => {
                self.end_all(at, plugin, PLUGIN_REMOVED, |_| true)
            }
            _ => Vec::new(),
        }
    }

    fn decide_evaluation(&self, evaluated: &RuleEvaluated) -> Vec<Event> {
        let key = RuleKey { plugin: evaluated.plugin.clone(), rule: evaluated.rule.clone() };
        let Some(entry) = self.rules.get(&key) else { return Vec::new() };
        let none = BTreeMap::new();
        let alerts = self.alerts.get(&key).unwrap_or(&none);
        let told = evaluated.began.iter().chain(&evaluated.changed);
        let evaluation = Evaluation {
            key: &key,
            entry,
            now: entry.clock(evaluated),
            told: told.map(|finding| (finding.labels.fingerprint(), finding)).collect(),
            ended: evaluated.ended.iter().copied().collect(),
        };
        let known = alerts.iter().filter_map(|(fingerprint, alert)| evaluation.next(*fingerprint, alert));
        let is_active =
            |fingerprint: &Fingerprint| alerts.get(fingerprint).is_some_and(|alert| alert.state != AlertState::Resolved);
        let new = evaluation.holding().filter(|(fingerprint, _)| !is_active(fingerprint));
        known.chain(new.map(|(fingerprint, finding)| evaluation.begin(fingerprint, finding, None))).collect()
    }

    /// The ends of all alerts of those rules of a plugin that `is_gone` names.
    fn end_all(&self, at: Timestamp, plugin: &PluginName, reason: &str, is_gone: impl Fn(&str) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        let ending = self.alerts.iter().filter(|(key, _)| key.plugin == *plugin && is_gone(&key.rule));
        for (key, alerts) in ending {
            let entry = self.rules.get(key);
            let now = entry.and_then(|entry| entry.now).map_or(at, |before| before.max(at));
            for (fingerprint, alert) in alerts {
                let last = entry.and_then(|entry| entry.last(*fingerprint));
                let change = alert.change(key, *fingerprint, last, now, Some(reason.into()));
                match alert.state {
                    AlertState::Pending => events.push(Event::AlertDismissed(change)),
                    AlertState::Firing => events.push(Event::AlertResolved(change)),
                    AlertState::Resolved => {}
                }
            }
        }
        events
    }
}

/// One evaluation of one rule, with what was known before.
struct Evaluation<'a> {
    key: &'a RuleKey,
    entry: &'a RuleEntry,
    now: Timestamp,
    told: BTreeMap<Fingerprint, &'a Finding>,
    ended: BTreeSet<Fingerprint>,
}

impl<'a> Evaluation<'a> {
    /// The finding, if it holds now.
    fn holds(&self, fingerprint: Fingerprint) -> Option<&'a Finding> {
        let before = || self.entry.held.get(fingerprint).filter(|_| !self.ended.contains(&fingerprint));
        self.told.get(&fingerprint).copied().or_else(before)
    }

    /// What holds now and could have no alert yet, in order of fingerprint.
    fn holding(&self) -> impl Iterator<Item = (Fingerprint, &'a Finding)> {
        let before = self
            .entry
            .held
            .iter()
            .filter(|(fingerprint, _)| !self.ended.contains(fingerprint) && !self.told.contains_key(fingerprint));
        self.told.iter().map(|(fingerprint, finding)| (*fingerprint, *finding)).chain(before)
    }

    /// The step that an alert takes, if it takes one.
    fn next(&self, fingerprint: Fingerprint, alert: &Alert) -> Option<Event> {
        match (alert.state, self.holds(fingerprint)) {
            (AlertState::Pending, None) => Some(Event::AlertDismissed(self.change(fingerprint, alert, None))),
            (AlertState::Pending, Some(finding)) if alert.is_interrupted => {
                Some(self.begin(fingerprint, finding, Some(DOWNTIME)))
            }
            (AlertState::Pending, Some(finding)) => (self.now.since(alert.active_since) >= self.entry.rule.hold_for)
                .then(|| Event::AlertFired(self.change(fingerprint, alert, Some(finding)))),
            (AlertState::Firing, None) if !self.keeps_firing(fingerprint) => {
                Some(Event::AlertResolved(self.change(fingerprint, alert, None)))
            }
            (AlertState::Firing | AlertState::Resolved, _) => None,
        }
    }

    /// Whether an alert without its finding goes on firing. The time counts from the first evaluation without the finding.
    fn keeps_firing(&self, fingerprint: Fingerprint) -> bool {
        let gone = self.entry.gone.get(&fingerprint).map(|gone| gone.since);
        let since = gone.or_else(|| self.ended.contains(&fingerprint).then_some(self.now));
        since.is_some_and(|since| self.now.since(since) < self.entry.rule.keep_firing_for)
    }

    /// A finding's first step: without `for` it fires at once.
    fn begin(&self, fingerprint: Fingerprint, finding: &Finding, reason: Option<&str>) -> Event {
        let change = AlertChange {
            plugin: self.key.plugin.clone(),
            rule: self.key.rule.clone(),
            fingerprint,
            labels: finding.labels.clone(),
            annotations: finding.annotations.clone(),
            value: finding.value,
            active_since: self.now,
            at: self.now,
            reason: reason.map(Into::into),
        };
        if self.entry.rule.hold_for.is_zero() { Event::AlertFired(change) } else { Event::AlertPended(change) }
    }

    fn change(&self, fingerprint: Fingerprint, alert: &Alert, finding: Option<&Finding>) -> AlertChange {
        alert.change(self.key, fingerprint, finding.or_else(|| self.entry.last(fingerprint)), self.now, None)
    }
}

impl RuleEntry {
    /// The finding as it was last told.
    pub(super) fn last(&self, fingerprint: Fingerprint) -> Option<&Finding> {
        self.held.get(fingerprint).or_else(|| self.gone.get(&fingerprint).map(|gone| &gone.last))
    }
}

impl Alert {
    fn change(
        &self,
        key: &RuleKey,
        fingerprint: Fingerprint,
        finding: Option<&Finding>,
        at: Timestamp,
        reason: Option<String>,
    ) -> AlertChange {
        AlertChange {
            plugin: key.plugin.clone(),
            rule: key.rule.clone(),
            fingerprint,
            labels: self.labels.clone(),
            annotations: finding.map_or(&self.annotations, |finding| &finding.annotations).clone(),
            value: finding.map_or(self.value, |finding| finding.value),
            active_since: self.active_since,
            at,
            reason,
        }
    }
}
