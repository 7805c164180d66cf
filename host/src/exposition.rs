//! Metrics pages, `GET /metrics`: what is collected and the host's own, as Prometheus text or OpenMetrics.
//!
//! A page shows current values, so it carries no timestamps, also where a plugin gave a time: a scraper stamps its own, and a
//! time that stands still would make it see stale samples as fresh. Names are never changed; a family that its format cannot express
//! as its kind is shown as untyped (unknown) instead, under the same series names.

mod format;
mod line;
mod openmetrics;
mod own;
mod page;
mod process;
#[cfg(test)]
mod tests;
mod text;

pub use format::Format;
pub use own::{HostFacts, OwnFamily, own_families};
pub use page::page;
