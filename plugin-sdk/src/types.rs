//! The words of the contract, with the methods that Rust authors expect on them.

use std::str::FromStr;

use crate::bindings::{alerter, health_check, imports, notifier};
use crate::error::{Error, Result};

pub use alerter::exports::vigie::plugin::alerter::{Finding, Input, Rule, Watched};
pub use health_check::exports::vigie::plugin::health_check::{Report, Status};
pub use imports::vigie::plugin::types::{
    Bucket, Certificate, Family, HistogramPoint, Kind, Labels, Point, Points, Quantile, Series, SummaryPoint, Target,
    TimestampMs,
};
pub use notifier::exports::vigie::plugin::notifier::{Alert, AlertState, Notification, Receipt};

/// The value of a label, if there is one.
pub fn label<'a>(labels: &'a Labels, name: &str) -> Option<&'a str> {
    labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Labels from pairs of anything that is text.
pub fn labels<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Labels {
    pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

impl Target {
    /// A target with a name and an address, without labels.
    pub fn new(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { name: name.into(), address: address.into(), labels: Labels::new() }
    }

    /// The value of a label, if there is one.
    pub fn label(&self, name: &str) -> Option<&str> {
        label(&self.labels, name)
    }

    /// The address as what it should be; an error of the configuration that names the target where it is not.
    pub fn parse_address<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<T> {
        self.address
            .parse()
            .map_err(|error| Error::config(format!("target `{}`: address `{}`: {error}", self.name, self.address)))
    }
}

impl Series {
    /// The metric's name, empty where an expression took it away.
    pub fn name(&self) -> &str {
        self.label("__name__").unwrap_or_default()
    }

    /// The value of a label, if there is one.
    pub fn label(&self, name: &str) -> Option<&str> {
        label(&self.labels, name)
    }

    /// The newest sample: time in Unix milliseconds, and value.
    pub fn latest(&self) -> Option<(TimestampMs, f64)> {
        Some((*self.times.last()?, *self.values.last()?))
    }

    /// All samples, oldest first: time in Unix milliseconds, and value.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = (TimestampMs, f64)> + ExactSizeIterator + '_ {
        self.times.iter().copied().zip(self.values.iter().copied())
    }
}

impl Watched {
    /// The samples that are new since the rule's last evaluation, oldest first.
    pub fn new_samples(&self) -> impl DoubleEndedIterator<Item = (TimestampMs, f64)> + ExactSizeIterator + '_ {
        let len = self.series.times.len().min(self.series.values.len());
        self.series.samples().skip(len.saturating_sub(self.fresh as usize))
    }
}

impl Rule {
    /// A rule that is evaluated as soon as one of its selectors has new samples, and whose alert fires at once.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            group: String::new(),
            interval_ms: None,
            expression: String::new(),
            selectors: Vec::new(),
            for_ms: 0.0,
            keep_firing_for_ms: 0.0,
            labels: Labels::new(),
            annotations: Labels::new(),
        }
    }

    /// Adds a selector.
    #[must_use]
    pub fn selector(mut self, selector: impl Into<String>) -> Self {
        self.selectors.push(selector.into());
        self
    }
}

impl Finding {
    /// A label set for which the condition holds, with the value that shows it.
    pub fn new(labels: Labels, value: f64) -> Self {
        Self { labels, value, annotations: Labels::new() }
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.annotations.push((name.into(), text.into()));
        self
    }
}

impl Report {
    fn new(status: Status, message: String) -> Self {
        Self { status, message, latency_ms: None, details: Labels::new(), families: Vec::new() }
    }

    /// All is well.
    pub fn up(message: impl Into<String>) -> Self {
        Self::new(Status::Up, message.into())
    }

    /// It answers, but not as it should.
    pub fn degraded(message: impl Into<String>) -> Self {
        Self::new(Status::Degraded, message.into())
    }

    /// It does not do its work.
    pub fn down(message: impl Into<String>) -> Self {
        Self::new(Status::Down, message.into())
    }

    /// How long the target took, in milliseconds.
    #[must_use]
    pub fn latency_ms(mut self, latency: f64) -> Self {
        self.latency_ms = Some(latency);
        self
    }

    /// Adds a detail for people.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.push((name.into(), value.into()));
        self
    }

    /// Adds what was measured on the way.
    pub fn families(mut self, families: crate::Families) -> Result<Self> {
        self.families.extend(families.into_wire()?);
        Ok(self)
    }
}

impl Notification {
    /// A first attempt with nothing in it, for tests.
    pub fn new(receiver: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            attempt: 1,
            receiver: receiver.into(),
            settings: String::new(),
            group_key: String::new(),
            group_labels: Labels::new(),
            common_labels: Labels::new(),
            common_annotations: Labels::new(),
            alerts: Vec::new(),
            truncated: 0,
            external_url: String::new(),
            previous: None,
        }
    }
}

impl Receipt {
    /// A delivery that the other side called `reference` (empty: it has no name for it).
    pub fn new(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), details: Labels::new() }
    }

    /// Adds a detail for people.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.push((name.into(), value.into()));
        self
    }
}
