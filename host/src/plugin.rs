//! Plugins: what a component is, what it may do, and the task that runs it.

pub(crate) mod bindings;
pub mod capability;
pub(crate) mod data;
pub mod directory;
pub mod describe;
pub(crate) mod fault;
pub mod grants;
pub mod limits;
pub mod log;
pub mod roster;
pub mod manifest;
pub(crate) mod shared;
pub mod state;
pub mod policy;
pub mod reconcile;
pub mod watch;
