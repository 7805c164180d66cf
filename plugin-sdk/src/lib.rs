//! What the author of a Vigie plugin in Rust writes against.
//!
//! A plugin is a struct. It implements [`Plugin`], which makes it of the operator's configuration, and a trait for each role that
//! it has: [`Collector`], [`HealthCheck`], [`Alerter`], [`Notifier`]. One call of [`plugin!`] makes a component of it, which
//! exports exactly those roles, imports only what is used, and carries its manifest.
//!
//! ```
//! use serde::Deserialize;
//! use vigie_plugin::{Collector, Config, Context, Families, Plugin, Result, Target, files, plugin};
//!
//! /// What of the queue is counted.
//! #[derive(Debug, Deserialize, Config)]
//! #[serde(deny_unknown_fields)]
//! pub struct Settings {
//!     /// The file with one job a line.
//!     path: String,
//! }
//!
//! pub struct Queue {
//!     settings: Settings,
//! }
//!
//! impl Plugin for Queue {
//!     type Config = Settings;
//!
//!     fn new(settings: Settings) -> Result<Self> {
//!         Ok(Self { settings })
//!     }
//! }
//!
//! impl Collector for Queue {
//!     fn collect(&mut self, _target: &Target) -> Result<Families> {
//!         let jobs = files::read_to_string(&self.settings.path).context("the queue")?;
//!         let mut families = Families::new();
//!         families.gauge("queue_jobs", "Jobs that wait.").value(jobs.lines().count() as f64);
//!         Ok(families)
//!     }
//! }
//!
//! plugin! {
//!     plugin: Queue,
//!     roles: [Collector],
//!     name: "queue",
//!     description: "Counts the jobs in a queue.",
//!     requests: [files("/var/spool/queue/*", "counts the jobs")],
//!     interval: "30s",
//! }
//!
//! // The same code runs natively, against fakes of what the host offers.
//! use vigie_plugin::testing::Fakes;
//! let _fakes = Fakes::new().file("/var/spool/queue/jobs", "one\ntwo\n").install();
//! let mut queue = Queue::new(Settings { path: "/var/spool/queue/jobs".to_owned() }).unwrap();
//! let families = queue.collect(&Target::new("self", "")).unwrap();
//! assert_eq!(families.find("queue_jobs", &[]), Some(2.0));
//! ```
//!
//! `Cargo.toml` says `crate-type = ["cdylib", "rlib"]`; `cargo build --release --target wasm32-wasip2` makes the component,
//! `cargo test` runs the tests.
//!
//! | Module | What it is |
//! |---|---|
//! | [`config`] | configuration: serde parses it, `derive(Config)` describes it |
//! | [`families`] | what collectors return |
//! | [`http`], [`files`], [`system`], [`secrets`], [`metrics`], [`net`] | what a plugin may ask of the host, each by the operator's grant |
//! | [`state`], [`sink`], [`log`], [`clock`] | the same, without a grant |
//! | [`testing`] | fakes of all those, and [`testing::Instance`], which drives a plugin as the host does |

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
/// Derives [`trait@Config`]: the type's JSON Schema as a constant.
pub use vigie_plugin_macros::Config;
/// Makes a component of a struct. Keys, in any order:
///
/// | Key | Meaning | Without it |
/// |---|---|---|
/// | `plugin` | the struct | |
/// | `roles` | a list of `Collector`, `HealthCheck`, `Alerter`, `Notifier`, `Migration`: the traits that it implements | |
/// | `name` | the plugin's name | the package's |
/// | `description` | what it does, in one sentence | the package's |
/// | `requests` | what it asks of the host: a list of `http`, `files`, `secrets` and `reveal`, each `("scope", "why")` or `("why")` for any scope, and of `system`, `metrics` and `net`, each `("why")` | nothing |
/// | `interval`, `timeout` | the schedule that suits it, as in `"15s"` | the host's |
/// | `memory`, `cpu_per_call` | the limits that suit it, as in `"32MiB"` and `"100ms"` | the host's |
///
/// It writes `pub const MANIFEST`, the exports and sections (in a build for WebAssembly), and a test of the manifest's defaults.
pub use vigie_plugin_macros::plugin;

#[doc(hidden)]
pub use wit_bindgen;
