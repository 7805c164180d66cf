//! Rules, checked: what the settings say, in a form in which nothing is wrong any more.

use std::collections::BTreeMap;

use vigie_plugin::{Error, Finding, Labels, Result, Rule, Series, Span, Watched, labels};

use crate::rate::rate;
use crate::selector::{Selector, pattern};
use crate::settings::{CheckStatus, Op, RuleSettings, Settings};
use crate::template::{Template, is_label_name};

/// A rule that can be evaluated.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What the host is told.
    pub declared: Rule,
    condition: Condition,
    annotations: Vec<(String, Template)>,
}

#[derive(Debug, Clone)]
enum Condition {
    Compared { op: Op, value: f64, clear: Option<f64>, window_ms: Option<f64> },
    Status,
    Absent(Labels),
}

/// Label sets of a rule with hysteresis whose alert is there and has not been cleared.
pub type Held = std::collections::BTreeSet<String>;

/// All rules of the settings.
///
/// # Errors
/// The first rule that is wrong, by name, with the key and what would fix it.
pub fn check(settings: &Settings) -> Result<Vec<Checked>> {
    let mut rules: Vec<Checked> = Vec::with_capacity(settings.rules.len());
    for (at, rule) in settings.rules.iter().enumerate() {
        let name = &rule.name;
        let checked = Checked::of(rule).map_err(|problem| match name.as_str() {
            "" => Error::config(format!("rule {}: {problem}", at + 1)),
            _ => Error::config(format!("rule `{name}`: {problem}")),
        })?;
        if rules.iter().any(|other| other.declared.name == *name) {
            return Err(Error::config(format!("rule `{name}` is there twice: each needs a name of its own")));
        }
        rules.push(checked);
    }
    Ok(rules)
}

type Problem<T> = std::result::Result<T, String>;

impl Checked {
    fn of(rule: &RuleSettings) -> Problem<Self> {
        if rule.name.trim().is_empty() {
            return Err("`name` is empty".to_owned());
        }
        let (condition, selector, expression) = match (&rule.series, &rule.check, &rule.absent) {
            (Some(series), None, None) => compared(rule, series)?,
            (None, Some(check), None) => status(rule, check)?,
            (None, None, Some(absent)) => missing(rule, absent)?,
            (None, None, None) => return Err("watches nothing: write one of `series`, `check` and `absent`".to_owned()),
            _ => return Err("`series`, `check` and `absent` exclude each other: make a rule of each".to_owned()),
        };
        let (plain, annotations) = annotations(&rule.annotations)?;
        let declared = Rule {
            group: rule.group.clone(),
            interval_ms: interval(rule.interval)?,
            expression,
            for_ms: rule.hold_for.millis(),
            keep_firing_for_ms: rule.keep_firing_for.millis(),
            labels: alert_labels(rule)?,
            annotations: plain,
            ..Rule::new(&rule.name).selector(selector)
        };
        Ok(Self { declared, condition, annotations })
    }

    /// Whether the rule remembers from one evaluation to the next.
    #[must_use]
    pub fn remembers(&self) -> bool {
        matches!(self.condition, Condition::Compared { clear: Some(_), .. })
    }

    /// What holds for the series at `now`. `held` is what held before; what holds now is in the second part.
    #[must_use]
    pub fn evaluate(&self, now: f64, series: &[&Watched], held: &Held) -> (Vec<Finding>, Held) {
        let mut after = Held::new();
        let mut findings = Vec::new();
        match &self.condition {
            Condition::Absent(labels) if series.is_empty() => findings.push(self.finding(labels.clone(), 1.0)),
            Condition::Absent(_) => {}
            Condition::Status => {
                let holding = series.iter().filter(|watched| watched.series.latest().is_some_and(|(_, value)| value > 0.0));
                findings.extend(holding.map(|watched| self.status(&watched.series)));
            }
            Condition::Compared { op, value, clear, window_ms } => {
                for watched in series {
                    let Some(measured) = measure(&watched.series, *window_ms, now) else { continue };
                    let labels = without(&watched.series, &["__name__"]);
                    let key = clear.map(|clear| (clear, key(&labels)));
                    let threshold = key.as_ref().filter(|(_, key)| held.contains(key)).map_or(*value, |(clear, _)| *clear);
                    if op.holds(measured, threshold) {
                        after.extend(key.map(|(_, key)| key));
                        findings.push(self.finding(labels, measured));
                    }
                }
            }
        }
        (findings, after)
    }

    fn status(&self, series: &Series) -> Finding {
        let status = series.label("status").unwrap_or_default().to_owned();
        // The status is no part of the alert's identity: from degraded to down it stays the same alert.
        let finding = self.finding(without(series, &["__name__", "status"]), 1.0);
        finding.annotation("status", status)
    }

    fn finding(&self, labels: Labels, value: f64) -> Finding {
        let annotations = self.annotations.iter().map(|(name, text)| (name.clone(), text.fill(&labels, value))).collect();
        Finding { annotations, ..Finding::new(labels, value) }
    }
}

fn measure(series: &Series, window_ms: Option<f64>, now: f64) -> Option<f64> {
    match window_ms {
        None => series.latest().map(|(_, value)| value),
        Some(window) => rate(&series.samples().collect::<Vec<_>>(), window, now),
    }
}

fn without(series: &Series, names: &[&str]) -> Labels {
    series.labels.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect()
}

/// A label set as one text, whatever its order was.
fn key(labels: &Labels) -> String {
    let mut pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    pairs.sort_unstable();
    pairs.join(",")
}

type Parts = (Condition, String, String);

fn compared(rule: &RuleSettings, series: &str) -> Problem<Parts> {
    only(rule, "series", &["target", "status"])?;
    let selector = Selector::parse(series).map_err(|problem| format!("`series` {problem}"))?.text;
    let op = rule.op.ok_or("`op` is missing: write one of `>`, `>=`, `<`, `<=`, `==`, `!=`")?;
    let value = rule.value.ok_or("`value` is missing: what is compared with?")?;
    if value.is_nan() {
        return Err("`value` is not a number, with which nothing compares".to_owned());
    }
    if let Some(clear) = rule.clear {
        check_clear(op, value, clear)?;
    }
    let (watched, measured) = match rule.rate {
        None => (selector.clone(), selector),
        Some(window) if window.is_zero() => {
            return Err("`rate` is 0: write a time over which to count, such as `5m`".to_owned());
        }
        Some(window) => (format!("{selector}[{window}]"), format!("rate({selector}[{window}])")),
    };
    let until = rule.clear.map(|clear| format!(", until not {} {clear}", op.sign())).unwrap_or_default();
    let window_ms = rule.rate.map(Span::millis);
    let expression = format!("{measured} {} {value}{until}", op.sign());
    Ok((Condition::Compared { op, value, clear: rule.clear, window_ms }, watched, expression))
}

fn check_clear(op: Op, value: f64, clear: f64) -> Problem<()> {
    let (fits, side) = match op {
        Op::Greater | Op::GreaterOrEqual => (clear <= value, "at most"),
        Op::Less | Op::LessOrEqual => (clear >= value, "at least"),
        Op::Equal | Op::NotEqual => return Err(format!("`clear` has no meaning with `{}`", op.sign())),
    };
    if fits { Ok(()) } else { Err(format!("`clear` is {clear}: with `{} {value}` it must be {side} {value}", op.sign())) }
}

fn status(rule: &RuleSettings, check: &str) -> Problem<Parts> {
    only(rule, "check", &["op", "value", "clear", "rate"])?;
    if check.is_empty() {
        return Err("`check` is empty: write a check's name, or `*` for all".to_owned());
    }
    let statuses = rule.status.as_deref().unwrap_or(&[CheckStatus::Down]);
    if statuses.is_empty() {
        return Err("`status` is empty: write the statuses to alert on, such as `down`".to_owned());
    }
    let names: Vec<_> = statuses.iter().map(|status| status.label()).collect();
    let mut matchers = vec![pattern("check", check)];
    matchers.extend(rule.target.iter().map(|target| pattern("target", target)));
    matchers.push(match names[..] {
        [one] => format!("status=\"{one}\""),
        _ => format!("status=~\"{}\"", names.join("|")),
    });
    let selector = format!("check_status{{{}}}", matchers.join(","));
    let expression = format!("{selector} == 1");
    Ok((Condition::Status, selector, expression))
}

fn missing(rule: &RuleSettings, absent: &str) -> Problem<Parts> {
    only(rule, "absent", &["op", "value", "clear", "rate", "target", "status"])?;
    let selector = Selector::parse(absent).map_err(|problem| format!("`absent` {problem}"))?;
    let expression = format!("absent({})", selector.text);
    Ok((Condition::Absent(selector.equalities), selector.text, expression))
}

/// Refuses keys that mean nothing beside `kind`.
fn only(rule: &RuleSettings, kind: &str, excluded: &[&str]) -> Problem<()> {
    let there = [
        ("op", rule.op.is_some()),
        ("value", rule.value.is_some()),
        ("clear", rule.clear.is_some()),
        ("rate", rule.rate.is_some()),
        ("target", rule.target.is_some()),
        ("status", rule.status.is_some()),
    ];
    match there.iter().find(|(key, there)| *there && excluded.contains(key)) {
        Some((key, _)) => Err(format!("`{key}` has no meaning beside `{kind}`")),
        None => Ok(()),
    }
}

fn interval(interval: Option<Span>) -> Problem<Option<f64>> {
    match interval {
        Some(interval) if interval.is_zero() => {
            Err("`interval` is 0: leave it out to evaluate as soon as there are samples".to_owned())
        }
        other => Ok(other.map(Span::millis)),
    }
}

fn alert_labels(rule: &RuleSettings) -> Problem<Labels> {
    let mut found = rule.labels.clone();
    if let Some(severity) = &rule.severity
        && found.insert("severity".to_owned(), severity.clone()).is_some_and(|other| other != *severity)
    {
        return Err("`severity` and the label `severity` differ: leave one out".to_owned());
    }
    for (name, value) in &found {
        if !is_label_name(name) || name.starts_with("__") || name == "alertname" {
            return Err(format!("`labels`: `{name}` can be no label: letters, digits and `_`, not `__…`, not `alertname`"));
        }
        if value.contains("{{") {
            return Err(format!(
                "`labels`: nothing is filled into `{name}`, because labels make the alert's identity; use `annotations`"
            ));
        }
    }
    Ok(labels(found))
}

type Annotations = (Labels, Vec<(String, Template)>);

/// The annotations that are the same for every finding, and those that are filled in.
fn annotations(texts: &BTreeMap<String, String>) -> Problem<Annotations> {
    let (mut plain, mut filled) = (Labels::new(), Vec::new());
    for (name, text) in texts {
        if !is_label_name(name) {
            return Err(format!("`annotations`: `{name}` can be no name: letters, digits and `_`"));
        }
        let template = Template::parse(text).map_err(|problem| format!("`annotations`: `{name}`: {problem}"))?;
        if template.is_plain() {
            plain.push((name.clone(), text.clone()));
        } else {
            filled.push((name.clone(), template));
        }
    }
    Ok((plain, filled))
}
