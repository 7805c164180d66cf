//! What no file tells about the machine. Request it as `system("why")`.

use super::backend::system as backend;
use crate::error::{Result, from_wire};

pub use crate::bindings::imports::vigie::plugin::system::Mount;

/// The machine's name.
pub fn hostname() -> Result<String> {
    backend::hostname().map_err(from_wire)
}

/// What is mounted, with sizes in bytes.
pub fn mounts() -> Result<Vec<Mount>> {
    backend::mounts().map_err(from_wire)
}
