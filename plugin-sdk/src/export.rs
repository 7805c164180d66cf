//! Between the contract's exports and the author's traits. `plugin!` writes the calls; authors need none of this.

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::imports::vigie::plugin::types;
use crate::error::{Context, Error, Fault, Result, into_wire};
use crate::roles::{Alerter, Collector, HealthCheck, Migration, Notifier, Plugin};
use crate::types::{Family, Finding, Input, Notification, Receipt, Report, Rule, Target, TimestampMs};

/// The plugin of this instance, once `init` made it. Also what a native test drives a plugin with, as the host does.
#[derive(Debug)]
pub struct Instance<T>(RefCell<Option<State<T>>>);

#[derive(Debug)]
struct State<T> {
    plugin: T,
    config: String,
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

fn parse<T: DeserializeOwned>(config: &str) -> Result<T> {
    // Serde takes `()` from null only, and the contract sends `{}` where there is nothing.
    let parsed = serde_json::from_str(config).or_else(|error| serde_json::from_str("null").map_err(|_| error));
    parsed.fault(Fault::Config, "configuration")
}

impl<T: Plugin> Instance<T> {
    /// `lifecycle.init`.
    pub fn init(&self, config: &str) -> Wire<()> {
        let plugin = parse(config).and_then(T::new).map_err(into_wire)?;
        *self.0.borrow_mut() = Some(State { plugin, config: config.to_owned() });
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
            let settings = laid_over(&state.config, &notification.settings)
                .and_then(|settings| parse(&settings))
                .map_err(|error| error.context(format_args!("receiver `{}`", notification.receiver)))?;
            state.plugin.notify(&settings, notification)
        })
    }
}

/// The plugin's own configuration with the receiver's settings laid over it, key by key.
fn laid_over(config: &str, settings: &str) -> Result<String> {
    if settings.is_empty() || settings == "{}" {
        return Ok(config.to_owned());
    }
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).fault(Fault::Config, "settings");
    let mut merged = object(config)?;
    merged.extend(object(settings)?);
    Ok(Value::Object(merged).to_string())
}

/// `migration.migrate`.
pub fn migrate<T: Migration>(from_version: &str) -> Wire<()> {
    T::migrate(from_version).map_err(into_wire)
}
