//! Between the contract's exports and the author's traits. `plugin!` writes the calls; authors need none of this.

use std::cell::RefCell;

use serde_json::Value;

use crate::error::{Context, Error, Fault, Result, into_wire};
use crate::roles::{Alerter, Collector, HealthCheck, Migration, Notifier, Plugin};
use crate::bindings::imports::vigie::plugin::types;
use crate::types::{Family, Finding, Input, Notification, Receipt, Report, Rule, Target, TimestampMs};

/// The plugin of this instance, once `init` made it. Also what a native test drives a plugin with, as the host does.
#[derive(Debug)]
pub struct Instance<T>(RefCell<Option<State<T>>>);

#[derive(Debug)]
struct State<T> {
    plugin: T,
    config: Value,
}

/// What an export returns.
pub type Wire<T> = std::result::Result<T, types::Error>;

impl<T> Default for Instance<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Instance<T> {
    /// Before `init`.
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    fn with<R>(&self, call: impl FnOnce(&mut State<T>) -> Result<R>) -> Wire<R> {
        let mut instance = self.0.borrow_mut();
        let state = instance.as_mut().ok_or_else(|| into_wire(Error::permanent("called before `init`")))?;
        call(state).map_err(into_wire)
    }
}

fn parse<T: serde::de::DeserializeOwned>(config: &Value, what: &str) -> Result<T> {
    T::deserialize(config).fault(Fault::Config, what)
}

impl<T: Plugin> Instance<T> {
    /// `lifecycle.init`.
    pub fn init(&self, config: &str) -> Wire<()> {
        let made = (|| {
            let config: Value = serde_json::from_str(config).fault(Fault::Config, "configuration")?;
            // Serde takes `()` from null only, and the contract sends `{}` where there is nothing.
            let parsed = parse(&config, "configuration").or_else(|error| parse(&Value::Null, "").map_err(|_| error))?;
            Ok(State { plugin: T::new(parsed)?, config })
        })();
        *self.0.borrow_mut() = Some(made.map_err(into_wire)?);
        Ok(())
    }
}

impl<T: Collector> Instance<T> {
    /// `collector.collect`.
    pub fn collect(&self, target: &Target) -> Wire<Vec<Family>> {
        self.with(|state| state.plugin.collect(target)?.into_wire())
    }
}

impl<T: HealthCheck> Instance<T> {
    /// `health-check.check`.
    pub fn check(&self, target: &Target) -> Wire<Report> {
        self.with(|state| state.plugin.check(target))
    }
}

impl<T: Alerter> Instance<T> {
    /// `alerter.rules`.
    pub fn rules(&self) -> Wire<Vec<Rule>> {
        self.with(|state| state.plugin.rules())
    }

    /// `alerter.evaluate`.
    pub fn evaluate(&self, now: TimestampMs, rule: &str, inputs: &[Input]) -> Wire<Vec<Finding>> {
        self.with(|state| state.plugin.evaluate(now, rule, inputs))
    }
}

impl<T: Notifier> Instance<T> {
    /// `notifier.notify`.
    pub fn notify(&self, notification: &Notification) -> Wire<Receipt> {
        self.with(|state| {
            let settings = laid_over(&state.config, &notification.settings)?;
            let settings = parse(&settings, &format!("settings of receiver `{}`", notification.receiver))?;
            state.plugin.notify(&settings, notification)
        })
    }
}

/// The plugin's own configuration with the receiver's settings laid over it, key by key.
fn laid_over(config: &Value, settings: &str) -> Result<Value> {
    let mut merged = config.clone();
    if settings.is_empty() {
        return Ok(merged);
    }
    match (merged.as_object_mut(), serde_json::from_str(settings).fault(Fault::Config, "the receiver's settings")?) {
        (Some(below), Value::Object(above)) => below.extend(above),
        (_, Value::Null) => {}
        (_, other) => return Ok(other),
    }
    Ok(merged)
}

/// `migration.migrate`.
pub fn migrate<T: Migration>(from_version: &str) -> Wire<()> {
    T::migrate(from_version).map_err(into_wire)
}
