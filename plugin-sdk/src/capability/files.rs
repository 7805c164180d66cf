//! Read-only files, by the operator's globs. Request it as `files("/proc/stat", "why")`.

use super::backend::files as backend;
use crate::error::{Context, Fault, Result, from_wire};

/// How much of a file is read unless the plugin says otherwise: more than any file of `/proc` that a plugin reads.
pub const READ_BYTES_MAX: u32 = 4 << 20;

/// The file's bytes, at most [`READ_BYTES_MAX`] of them.
pub fn read(path: &str) -> Result<Vec<u8>> {
    read_at_most(path, READ_BYTES_MAX)
}

/// The file's bytes, at most so many of them.
pub fn read_at_most(path: &str, bytes_max: u32) -> Result<Vec<u8>> {
    backend::read(path, bytes_max).map_err(from_wire)
}

/// The file's text.
pub fn read_to_string(path: &str) -> Result<String> {
    String::from_utf8(read(path)?).fault(Fault::Transient, format_args!("`{path}` is no UTF-8"))
}

/// The names in a directory, sorted.
pub fn entries(path: &str) -> Result<Vec<String>> {
    backend::entries(path).map_err(from_wire)
}
