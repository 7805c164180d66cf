//! What a plugin may do: one host import a file, each enforced by request and grant.

pub mod blocking;
pub mod files;
pub mod log;
pub mod metrics;
pub mod refusal;
pub mod state;
pub mod system;
