//! What a plugin may do: one host import a file, each enforced by request and grant.

pub mod log;
pub mod metrics;

pub mod state;
