//! Text to validated configuration. Nothing else reads configuration files.
//!
//! A file is read to its end and all that is wrong with it is told at once, each thing with its line and column. What comes
//! out is typed: nobody downstream checks it again.

mod document;
mod duration;
mod effective;
#[cfg(test)]
mod golden;
mod grants;
mod host;
mod json;
mod limits;
mod plugin;
mod problem;
mod schema;
mod secret;
mod size;
mod targets;

pub use effective::{Defaults, PluginDefaults, PluginSettings};
pub use grants::{CAPABILITIES, Grant, Grants, Located};
pub use host::{
    AlertSettings, Durability, Environment, HostConfig, HostFile, JournalSettings, Overrides, parse_external_url, parse_listen,
};
pub use limits::{LimitSettings, Limits};
pub use plugin::PluginConfig;
pub use problem::{ConfigError, Place, Problem, Problems};
pub use schema::{Schema, SchemaError};
pub use secret::{Secret, SecretError, SecretReference};
pub use size::{format_size, parse_size};
