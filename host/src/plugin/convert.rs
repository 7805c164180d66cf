//! Between the contract's types and the model's. What a guest hands over is hostile: every value is checked here or at the edge,
//! and becomes a drop or an error.

pub(crate) mod families;

use std::time::Duration;

use crate::model::{
    CheckReport, Finding, Input, Labels, Notification, NotifiedAlert, NotifiedState, Receipt, Rule, Selector, Status, Target,
    Timestamp, Watched,
};
use crate::plugin::bindings::exports::{alerter, health_check, notifier};
use crate::plugin::bindings::types;
use crate::plugin::log::clean;

/// The longest message of a check, error or receipt, in bytes; the rest is cut.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;
/// The largest set of a finding's or report's labels, in bytes.
pub(crate) const LABELS_BYTES_MAX: usize = 16 << 10;
/// Rules of one alerter.
pub(crate) const RULES_MAX: usize = 10_000;
/// Selectors of one rule.
pub(crate) const SELECTORS_MAX: usize = 64;
/// Findings of one evaluation.
pub(crate) const FINDINGS_MAX: usize = 10_000;
/// The longest duration that a guest may give: 10 years of milliseconds.
const DURATION_MS_MAX: f64 = 315_360_000_000.0;

/// The target for the guest.
#[must_use]
pub(crate) fn target(target: &Target) -> types::Target {
    let name = target.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default();
    types::Target { name, address: target.address.clone(), labels: pairs(&target.labels) }
}

/// Labels for the guest.
#[must_use]
pub(crate) fn pairs(labels: &Labels) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Labels from the guest.
///
/// # Errors
/// A name that is none, is reserved or occurs twice, or too many bytes.
pub(crate) fn labels(pairs: types::Labels) -> Result<Labels, String> {
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > LABELS_BYTES_MAX {
        return Err(format!("labels of {bytes} bytes are more than {LABELS_BYTES_MAX}"));
    }
    Labels::new(pairs).map_err(|error| error.to_string())
}

/// Labels that only tell something: those that break a rule are left out.
#[must_use]
fn details(pairs: types::Labels) -> Labels {
    let mut room = LABELS_BYTES_MAX;
    let fits = |(name, value): &(String, String)| {
        let left = room.checked_sub(name.len() + value.len());
        room = left.unwrap_or(room);
        left.is_some() && crate::model::label::is_label_name(name) && !name.starts_with("__")
    };
    Labels::from_trusted(pairs.into_iter().filter(fits).map(|(name, value)| (name.into(), value.into())))
}

/// A check's answer.
#[must_use]
pub(crate) fn report(
    status: health_check::Status,
    message: &str,
    latency_ms: Option<f64>,
    about: types::Labels,
) -> CheckReport {
    let status = match status {
        health_check::Status::Up => Status::Up,
        health_check::Status::Degraded => Status::Degraded,
        health_check::Status::Down => Status::Down,
    };
    CheckReport { status, message: text(message), latency: latency_ms.and_then(duration), details: details(about) }
}

/// A text from the guest, cut and without control characters.
#[must_use]
pub(crate) fn text(text: &str) -> String {
    clean(text, TEXT_BYTES_MAX)
}

/// A duration in milliseconds; `None` for what is none.
#[must_use]
pub(crate) fn duration(ms: f64) -> Option<Duration> {
    (0.0..=DURATION_MS_MAX).contains(&ms).then(|| Duration::from_secs_f64(ms / 1000.0))
}

/// An alerter's rules.
///
/// # Errors
/// What is wrong with the first bad rule, and its name.
pub(crate) fn rules(guests: Vec<alerter::Rule>) -> Result<Vec<Rule>, String> {
    if guests.len() > RULES_MAX {
        return Err(format!("{} rules are more than {RULES_MAX}", guests.len()));
    }
    let mut rules: Vec<Rule> = Vec::with_capacity(guests.len());
    let mut names = std::collections::BTreeSet::new();
    for guest in guests {
        let name = text(&guest.name);
        if name.is_empty() {
            return Err(format!("rule number {} has no name", rules.len() + 1));
        }
        if !names.insert(name.clone()) {
            return Err(format!("rule `{name}` occurs twice"));
        }
        rules.push(rule(guest).map_err(|problem| format!("rule `{name}`: {problem}"))?);
    }
    Ok(rules)
}

fn rule(guest: alerter::Rule) -> Result<Rule, String> {
    if guest.selectors.len() > SELECTORS_MAX {
        return Err(format!("{} selectors are more than {SELECTORS_MAX}", guest.selectors.len()));
    }
    for selector in &guest.selectors {
        Selector::parse(selector).map_err(|error| error.to_string())?;
    }
    let time = |what: &str, ms: f64| duration(ms).ok_or_else(|| format!("{what} of {ms} ms is none"));
    Ok(Rule {
        name: text(&guest.name),
        group: text(&guest.group),
        interval: guest.interval_ms.map(|ms| time("an interval", ms)).transpose()?,
        expression: text(&guest.expression),
        selectors: guest.selectors,
        hold_for: time("`for`", guest.for_ms)?,
        keep_firing_for: time("`keep-firing-for`", guest.keep_firing_for_ms)?,
        labels: labels(guest.labels)?,
        annotations: labels(guest.annotations)?,
    })
}

/// A rule's input for the guest.
#[must_use]
pub(crate) fn inputs(inputs: Vec<Input>) -> Vec<alerter::Input> {
    let series = |series: Watched| alerter::Watched {
        series: types::Series {
            labels: pairs(&series.labels),
            times: series.times.into_iter().map(Timestamp::as_f64).collect(),
            values: series.values,
        },
        fresh: series.fresh,
    };
    let input =
        |input: Input| alerter::Input { selector: input.selector, series: input.series.into_iter().map(series).collect() };
    inputs.into_iter().map(input).collect()
}

/// What an alerter found.
///
/// # Errors
/// Too many findings, or one whose labels break a rule.
pub(crate) fn findings(guests: Vec<alerter::Finding>) -> Result<Vec<Finding>, String> {
    if guests.len() > FINDINGS_MAX {
        return Err(format!("{} findings are more than {FINDINGS_MAX}", guests.len()));
    }
    let finding = |guest: alerter::Finding| {
        Ok(Finding { labels: labels(guest.labels)?, value: guest.value, annotations: labels(guest.annotations)? })
    };
    guests.into_iter().map(finding).collect::<Result<_, String>>().map_err(|problem| format!("finding: {problem}"))
}

/// A notification for the guest.
#[must_use]
pub(crate) fn notification(notification: Notification) -> notifier::Notification {
    notifier::Notification {
        id: notification.id,
        attempt: notification.attempt,
        receiver: notification.receiver.into(),
        settings: notification.settings,
        group_key: notification.group_key,
        group_labels: pairs(&notification.group_labels),
        common_labels: pairs(&notification.common_labels),
        common_annotations: pairs(&notification.common_annotations),
        alerts: notification.alerts.iter().map(alert).collect(),
        truncated: notification.truncated,
        external_url: notification.external_url,
        previous: notification.previous,
    }
}

fn alert(alert: &NotifiedAlert) -> notifier::Alert {
    notifier::Alert {
        fingerprint: alert.fingerprint.to_string(),
        state: match alert.state {
            NotifiedState::Firing => notifier::AlertState::Firing,
            NotifiedState::Resolved => notifier::AlertState::Resolved,
        },
        rule: alert.rule.clone(),
        labels: pairs(&alert.labels),
        annotations: pairs(&alert.annotations),
        value: alert.value,
        started_at: alert.started_at.as_f64(),
        ended_at: alert.ended_at.map(Timestamp::as_f64),
        source_url: alert.source_url.clone(),
    }
}

/// A notifier's answer.
#[must_use]
pub(crate) fn receipt(guest: notifier::Receipt) -> Receipt {
    Receipt { reference: text(&guest.reference), details: details(guest.details) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    fn rule(name: &str) -> alerter::Rule {
        alerter::Rule {
            name: name.into(),
            group: String::new(),
            interval_ms: None,
            expression: String::new(),
            selectors: vec!["up".into()],
            for_ms: 0.0,
            keep_firing_for_ms: 0.0,
            labels: Vec::new(),
            annotations: Vec::new(),
        }
    }

    #[test]
    fn times_that_are_none_are_none() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(duration(1.5), Some(Duration::from_micros(1500)));
    }

    #[test]
    fn a_bad_rule_is_named() {
        let with = |change: fn(&mut alerter::Rule)| {
            let mut changed = rule("hot");
            change(&mut changed);
            rules(vec![changed]).unwrap_err()
        };
        assert_eq!(rules(vec![rule("a"), rule("a")]).unwrap_err(), "rule `a` occurs twice");
        assert_eq!(rules(vec![rule("")]).unwrap_err(), "rule number 1 has no name");
        assert_eq!(with(|rule| rule.for_ms = f64::NAN), "rule `hot`: `for` of NaN ms is none");
        assert!(with(|rule| rule.selectors = vec!["rate(x[5m])".into()]).starts_with("rule `hot`: `rate(x[5m])`"));
        assert!(with(|rule| rule.labels = vec![pair("1", "")]).starts_with("rule `hot`: `1` is no label name"));
    }

    #[test]
    fn details_keep_what_can_be_kept() {
        let kept = details(vec![
            pair("a", "1"),
            pair("b c", "2"),
            pair("__x", "3"),
            pair("d", &"x".repeat(LABELS_BYTES_MAX)),
            pair("e", "4"),
        ]);
        assert_eq!(kept.to_string(), r#"{a="1",e="4"}"#);
    }

    #[test]
    fn findings_with_bad_labels_are_an_error() {
        let finding = alerter::Finding { labels: vec![pair("__name__", "x")], value: 1.0, annotations: Vec::new() };
        assert!(findings(vec![finding]).unwrap_err().starts_with("finding: label `__name__` is reserved"));
    }
}
