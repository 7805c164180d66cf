//! The alerter `threshold`: compares series and checks with thresholds. The rules are in its settings; what each says is in
//! docs/plugins/threshold.md.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod rate;
pub mod rule;
pub mod selector;
pub mod settings;
pub mod template;

use std::collections::BTreeMap;

use rule::{Checked, Held};
use settings::Settings;
use vigie_plugin::{Alerter, Error, Finding, Input, Plugin, Result, Rule, plugin, state};

/// The rules, and what those with hysteresis remember.
#[derive(Debug)]
pub struct Threshold {
    rules: Vec<Checked>,
    /// By rule, as far as it was loaded from the state.
    held: BTreeMap<String, Held>,
}

plugin! {
    plugin: Threshold,
    roles: [Alerter],
    name: "threshold",
    interval: "15s",
    timeout: "10s",
    memory: "32MiB",
}

impl Plugin for Threshold {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self> {
        Ok(Self { rules: rule::check(&settings)?, held: BTreeMap::new() })
    }
}

impl Alerter for Threshold {
    fn rules(&mut self) -> Result<Vec<Rule>> {
        Ok(self.rules.iter().map(|rule| rule.declared.clone()).collect())
    }

    fn evaluate(&mut self, now: f64, name: &str, inputs: &[Input]) -> Result<Vec<Finding>> {
        let rule = self.rules.iter().find(|rule| rule.declared.name == name);
        let rule = rule.ok_or_else(|| Error::permanent(format!("there is no rule `{name}`")))?;
        let series: Vec<_> = inputs.iter().flat_map(|input| &input.series).collect();
        if !rule.remembers() {
            return Ok(rule.evaluate(now, &series, &Held::new()).0);
        }
        let key = format!("held/{name}");
        let before = match self.held.remove(name) {
            Some(held) => held,
            None => state::load(&key)?.unwrap_or_default(),
        };
        let (findings, after) = rule.evaluate(now, &series, &before);
        if after.is_empty() && !before.is_empty() {
            state::delete(&key)?;
        } else if after != before {
            state::save(&key, &after)?;
        }
        self.held.insert(name.to_owned(), after);
        Ok(findings)
    }
}
