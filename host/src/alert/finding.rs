//! From what an alerter returned to what changed since its last evaluation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::RuleEvaluated;
use crate::model::{Finding, Fingerprint, Labels, PluginName, Rule, Timestamp};

/// Findings that one rule may have at one time: each is an alert in memory and an event in the journal. More are an error of the
/// rule, since leaving some out would resolve their alerts.
pub const FINDINGS_PER_RULE_MAX: usize = 10_000;

/// The label that the rule's name is put under.
pub const ALERT_NAME: &str = "alertname";

/// What the health board says about one check of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckNote {
    /// The last answer, for people.
    pub message: String,
    /// Since when the status is what it is.
    pub since: Timestamp,
}

/// The findings of one rule that hold, by the fingerprint of their final labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held(BTreeMap<Fingerprint, Finding>);

impl Held {
    /// Takes an evaluation's changes over; an evaluation with an error has none.
    pub fn apply(&mut self, evaluated: &RuleEvaluated) {
        for finding in evaluated.began.iter().chain(&evaluated.changed) {
            self.0.insert(finding.labels.fingerprint(), finding.clone());
        }
        for ended in &evaluated.ended {
            self.0.remove(ended);
        }
    }

    /// The finding with these final labels, if it holds.
    #[must_use]
    pub fn get(&self, fingerprint: Fingerprint) -> Option<&Finding> {
        self.0.get(&fingerprint)
    }

    /// All, in order of fingerprint.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Fingerprint, &Finding)> {
        self.0.iter().map(|(fingerprint, finding)| (*fingerprint, finding))
    }

    /// How many hold.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One evaluation of one rule as an event: `outcome` is what the alerter returned (its findings as they came, or why there are
/// none), `held` what held before, `note` looks up check and target on the health board. The caller never lets a rule's `now`
/// decrease, since not every evaluation is recorded.
///
/// Equal final labels twice, or more than [`FINDINGS_PER_RULE_MAX`] findings, become an error of the rule.
#[must_use]
pub fn evaluated(
    plugin: &PluginName,
    rule: &Rule,
    now: Timestamp,
    held: &Held,
    outcome: Result<Vec<Finding>, String>,
    note: impl Fn(&str, &str) -> Option<CheckNote>,
) -> RuleEvaluated {
    let mut event = RuleEvaluated {
        plugin: plugin.clone(),
        rule: rule.name.clone(),
        now,
        began: Vec::new(),
        changed: Vec::new(),
        ended: Vec::new(),
        error: None,
    };
    match outcome.and_then(|findings| finish(rule, findings, note)) {
        Ok(findings) => compare(&mut event, held, findings),
        Err(error) => event.error = Some(error),
    }
    event
}

/// Puts what differs between `held` and `findings` into the event.
fn compare(event: &mut RuleEvaluated, held: &Held, findings: Vec<(Fingerprint, Finding)>) {
    let holding: BTreeSet<Fingerprint> = findings.iter().map(|(fingerprint, _)| *fingerprint).collect();
    event.ended = held.0.keys().filter(|fingerprint| !holding.contains(fingerprint)).copied().collect();
    for (fingerprint, finding) in findings {
        match held.get(fingerprint) {
            None => event.began.push(finding),
            Some(before) if !same(before, &finding) => event.changed.push(finding),
            Some(_) => {}
        }
    }
}

/// The findings with final labels and annotations, each label set once.
fn finish(
    rule: &Rule,
    findings: Vec<Finding>,
    note: impl Fn(&str, &str) -> Option<CheckNote>,
) -> Result<Vec<(Fingerprint, Finding)>, String> {
    if findings.len() > FINDINGS_PER_RULE_MAX {
        return Err(format!(
            "rule `{}` has {} findings, more than {FINDINGS_PER_RULE_MAX}: aggregate in the rule",
            rule.name,
            findings.len(),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut finished = Vec::with_capacity(findings.len());
    for finding in findings {
        let labels = rule.labels.over(&finding.labels).with(ALERT_NAME, &rule.name);
        let fingerprint = labels.fingerprint();
        if !seen.insert(fingerprint) {
            return Err(format!(
                "rule `{}` has two findings with the labels `{labels}`: give them a label that tells them apart",
                rule.name,
            ));
        }
        let mut annotations = finding.annotations.over(&rule.annotations);
        if let Some(note) = labels.get("check").zip(labels.get("target")).and_then(|(check, target)| note(check, target)) {
            annotations = annotations.over(&about(&note));
        }
        finished.push((fingerprint, Finding { labels, value: finding.value, annotations }));
    }
    Ok(finished)
}

/// What the board says, as annotations.
fn about(note: &CheckNote) -> Labels {
    let since = note.since.to_string();
    Labels::from_trusted([("message".into(), note.message.as_str().into()), ("since".into(), since.into())])
}

/// Whether nothing changed that is worth an event. NaN equals itself here, else a rule over it would change at every evaluation.
fn same(a: &Finding, b: &Finding) -> bool {
    (a.value == b.value || a.value.is_nan() && b.value.is_nan()) && a.annotations == b.annotations
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().copied()).unwrap()
    }

    fn rule() -> Rule {
        Rule {
            name: "Down".into(),
            group: String::new(),
            interval: None,
            expression: String::new(),
            selectors: Vec::new(),
            hold_for: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            labels: labels(&[("severity", "page"), ("alertname", "no")]),
            annotations: labels(&[("summary", "rule's"), ("runbook", "r")]),
        }
    }

    fn finding(pairs: &[(&str, &str)], value: f64) -> Finding {
        Finding { labels: labels(pairs), value, annotations: labels(&[("summary", "finding's")]) }
    }

    fn run(held: &Held, findings: Vec<Finding>) -> RuleEvaluated {
        let note = |check: &str, target: &str| {
            (check == "http").then(|| CheckNote { message: format!("{target} refused"), since: Timestamp(0) })
        };
        evaluated(&PluginName::new("p").unwrap(), &rule(), Timestamp(1), held, Ok(findings), note)
    }

    #[test]
    fn labels_and_annotations_are_laid_over_each_other() {
        let event = run(&Held::default(), vec![finding(&[("severity", "low"), ("check", "http"), ("target", "shop")], 1.0)]);
        let got = &event.began[0];
        assert_eq!(got.labels.to_string(), r#"{alertname="Down",check="http",severity="page",target="shop"}"#);
        assert_eq!(
            got.annotations.to_string(),
            r#"{message="shop refused",runbook="r",since="1970-01-01T00:00:00.000Z",summary="finding's"}"#
        );
    }

    #[test]
    fn only_what_differs_is_told() {
        let mut held = Held::default();
        let first = run(&held, vec![finding(&[("a", "1")], f64::NAN), finding(&[("a", "2")], 2.0)]);
        assert_eq!((first.began.len(), first.changed.len(), first.ended.len()), (2, 0, 0));
        held.apply(&first);
        let same = run(&held, vec![finding(&[("a", "2")], 2.0), finding(&[("a", "1")], f64::NAN)]);
        assert_eq!((same.began.len(), same.changed.len(), same.ended.len()), (0, 0, 0));
        let next = run(&held, vec![finding(&[("a", "2")], 3.0), finding(&[("a", "3")], 1.0)]);
        assert_eq!((next.began.len(), next.changed.len(), next.ended.len()), (1, 1, 1));
        held.apply(&next);
        assert_eq!(held.len(), 2);
    }

    #[test]
    fn equal_final_labels_and_too_many_findings_are_errors_of_the_rule() {
        let twice = run(&Held::default(), vec![finding(&[("severity", "a")], 1.0), finding(&[("severity", "b")], 2.0)]);
        assert_eq!(
            twice.error.unwrap(),
            r#"rule `Down` has two findings with the labels `{alertname="Down",severity="page"}`: give them a label that tells them apart"#
        );
        assert!(twice.began.is_empty());
        let many = vec![finding(&[], 1.0); FINDINGS_PER_RULE_MAX + 1];
        assert!(run(&Held::default(), many).error.unwrap().starts_with("rule `Down` has 10001 findings, more than 10000"));
    }
}
