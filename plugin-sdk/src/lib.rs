//! What the author of a Vigie plugin in Rust writes against.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

extern crate self as vigie_plugin;

#[doc(hidden)]
pub mod bindings;
mod capability;
pub mod config;
mod error;
#[doc(hidden)]
pub mod export;
pub mod families;
mod json;
#[doc(hidden)]
pub mod manifest;
mod roles;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod types;

pub use capability::clock::now;
pub use capability::{clock, files, http, log, metrics, net, secrets, sink, state, system};
pub use config::{Config, Span};
pub use error::{Context, Error, Fault, Result};
pub use families::{Families, Histogram};
pub use roles::{Alerter, Collector, HealthCheck, Migration, Notifier, Plugin};
pub use types::{
    Alert, AlertState, Bucket, Certificate, Family, Finding, HistogramPoint, Input, Kind, Labels, Notification, Point, Points,
    Quantile, Receipt, Report, Rule, Series, Status, SummaryPoint, Target, TimestampMs, Watched, label, labels,
};
pub use vigie_plugin_macros::{Config, plugin};

#[doc(hidden)]
pub use wit_bindgen;
