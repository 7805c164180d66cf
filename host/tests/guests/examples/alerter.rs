//! An alerter whose rules are named after what they do.

#![allow(clippy::panic, reason = "a guest that misbehaves on purpose")]

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

vigie_test_guests::world!("alerter-plugin");

struct Guest;

impl lifecycle::Guest for Guest {
    fn init(_: String) -> Result<(), Error> {
        Ok(())
    }
}

impl alerter::Guest for Guest {
    fn rules() -> Result<Vec<alerter::Rule>, Error> {
        Ok(["above", "repeatable", "bad-labels", "panic"].map(rule).into())
    }

    fn evaluate(now: f64, rule: String, inputs: Vec<alerter::Input>) -> Result<Vec<alerter::Finding>, Error> {
        match rule.as_str() {
            "above" => Ok(inputs.iter().flat_map(|input| &input.series).filter_map(above).collect()),
            "repeatable" => Ok(vec![repeatable(now)]),
            "bad-labels" => {
                Ok(vec![alerter::Finding { labels: vec![("9".into(), "x".into())], value: 0.0, annotations: Vec::new() }])
            }
            "emit" => emit(now),
            "panic" => panic!("cannot say"),
            other => Err(Error { fault: Fault::Permanent, message: format!("no rule `{other}`"), retry_after_ms: None }),
        }
    }
}

fn rule(name: &str) -> alerter::Rule {
    alerter::Rule {
        name: name.into(),
        group: String::new(),
        interval_ms: None,
        expression: "> 1".into(),
        selectors: vec!["up{job=\"a\"}".into()],
        for_ms: 60_000.0,
        keep_firing_for_ms: 0.0,
        labels: vec![("severity".into(), "page".into())],
        annotations: Vec::new(),
    }
}

fn above(watched: &alerter::Watched) -> Option<alerter::Finding> {
    let value = *watched.series.values.last()?;
    let labels = watched.series.labels.iter().filter(|(name, _)| name != "__name__").cloned().collect();
    let annotations = vec![("fresh".into(), watched.fresh.to_string())];
    (value > 1.0).then_some(alerter::Finding { labels, value, annotations })
}

/// Everything that could differ between two runs: clocks, and the order of a hash map, which is random.
fn repeatable(now: f64) -> alerter::Finding {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or(0);
    let passed = Instant::now().elapsed().as_nanos();
    let order: Vec<String> = (0..20).map(|at| (at, ())).collect::<HashMap<i32, ()>>().keys().map(ToString::to_string).collect();
    let labels =
        vec![("wall".into(), wall.to_string()), ("passed".into(), passed.to_string()), ("order".into(), order.join(" "))];
    alerter::Finding { labels, value: now, annotations: Vec::new() }
}

fn emit(now: f64) -> Result<Vec<alerter::Finding>, Error> {
    let point = Point { label_values: Vec::new(), value: 1.0, at: Some(now - 1000.0) };
    let points = Points::Numbers(vec![point]);
    let (unit, help, label_names) = (String::new(), String::new(), Vec::new());
    sink::emit(&[Family { name: "noticed".into(), kind: Kind::Gauge, unit, help, label_names, points }])?;
    Ok(Vec::new())
}
