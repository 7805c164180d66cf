//! Plugins: what a component is, what it may do, and the task that runs it.
//!
//! [`describe`](describe::describe) reads bytes; [`Engine::load`] compiles them; [`Handle::start`] makes an instance and a task that
//! owns it; [`Handle::call`] makes one call, whose [`Finished`] the caller commits and settles.

pub(crate) mod answer;
pub(crate) mod bindings;
pub mod cache;
pub mod caller;
pub mod capability;
pub(crate) mod console;
pub(crate) mod convert;
pub(crate) mod data;
pub mod describe;
pub mod directory;
pub mod engine;
pub(crate) mod exports;
pub(crate) mod fault;
pub mod grants;
pub mod handle;
pub(crate) mod instance;
pub mod limits;
pub mod log;
pub mod manifest;
pub mod past;
pub mod policy;
pub mod reconcile;
pub(crate) mod repeatable;
pub mod request;
pub mod roster;
pub(crate) mod shared;
pub(crate) mod sources;
pub mod state;
pub(crate) mod task;
pub(crate) mod trap;
pub(crate) mod wasi;
pub mod watch;

pub use capability::metrics::{NoSeries, ReadSeries, SeriesReader};
pub use capability::reach::Reach;
pub use describe::{Description, Role};
pub use engine::{Engine, EngineSettings, LoadError, Loaded};
pub use grants::{Granted, Grants, Requests};
pub use handle::{Handle, Past, PluginSettings, Services, StartError};
pub use request::{Cost, Finished, Outcome, Request, Settle, Unavailable};
