//! What an author implements: [`Plugin`] once, and a trait for each role.

use std::fmt::Debug;

use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::error::Result;
use crate::families::Families;
use crate::types::{Finding, Input, Notification, Receipt, Report, Rule, Target, TimestampMs};

/// Every plugin: one value per instance, made of the operator's settings before anything else happens.
pub trait Plugin: Sized + 'static {
    /// The operator's settings; `()` where there are none. Its JSON Schema goes into the manifest, the host checks settings
    /// against it, and what arrives here is parsed already.
    type Config: Config + DeserializeOwned + Debug;

    /// Makes the plugin. What no schema can say about the settings is checked here, with [`Error::config`](crate::Error::config).
    fn new(config: Self::Config) -> Result<Self>;
}

/// Turns a target into samples, on a schedule.
pub trait Collector: Plugin {
    /// What the target shows now. An error means that all of the target's series end.
    fn collect(&mut self, target: &Target) -> Result<Families>;
}

/// Asks one question of one target, on a schedule.
pub trait HealthCheck: Plugin {
    /// The answer. An error means that the question could not be asked (the status becomes unknown, not down). Capabilities
    /// end shortly before the call's own deadline with [`Fault::Timeout`](crate::Fault::Timeout), so that a target that hangs
    /// can be answered with [`Report::down`].
    fn check(&mut self, target: &Target) -> Result<Report>;
}

/// Looks at series and says what holds now. The host decides the alerts' states and delivers.
pub trait Alerter: Plugin {
    /// What this instance watches. Asked once, after [`Plugin::new`].
    fn rules(&mut self) -> Result<Vec<Rule>>;

    /// Every finding of the rule that holds at `now` (Unix milliseconds); what is missing no longer holds. After an error the
    /// rule's alerts stay as they were. The same inputs must give the same answer: nothing outside can be reached.
    fn evaluate(&mut self, now: TimestampMs, rule: &str, inputs: &[Input]) -> Result<Vec<Finding>>;
}

/// Delivers notifications.
pub trait Notifier: Plugin {
    /// Delivers one notification to one receiver, at least once: the same id may come again. `settings` are the plugin's own
    /// configuration with the receiver's settings laid over it, key by key.
    fn notify(&mut self, settings: &Self::Config, notification: &Notification) -> Result<Receipt>;
}

/// Optional: brings the state that an older version wrote into today's layout.
pub trait Migration: Plugin {
    /// Called before [`Plugin::new`] when the version that wrote the state differs. Its writes commit with the takeover, or
    /// not at all.
    fn migrate(from_version: &str) -> Result<()>;
}
