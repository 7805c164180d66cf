//! What a plugin may ask of the host, one module a capability. On the host these are the contract's imports; in a native test
//! they are the [fakes](crate::testing). Each needs the operator's grant, except `log`, `state` and `sink`.

pub mod clock;
pub mod files;
pub mod http;
pub mod log;
pub mod metrics;
pub mod net;
pub mod secrets;
pub mod sink;
pub mod state;
pub mod system;

/// Where the calls go: the imports on the host ...
#[cfg(target_arch = "wasm32")]
pub(crate) mod backend {
    pub(crate) use crate::bindings::imports::vigie::plugin::{files, http, log, metrics, net, secrets, sink, state, system};
}

/// ... and the fakes in a native test.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::backend;
