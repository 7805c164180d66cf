//! Small durable state, private to the plugin. It survives traps, restarts and new versions. What a call writes commits with
//! its output when the call returns `Ok`, and is gone when it does not.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backend::state as backend;
use crate::error::{Context, Fault, Result, from_wire};

/// The bytes under a key, if there are some.
pub fn get(key: &str) -> Result<Option<Vec<u8>>> {
    backend::get(key).map_err(from_wire)
}

/// Sets the bytes under a key.
pub fn set(key: &str, value: &[u8]) -> Result<()> {
    backend::set(key, value).map_err(from_wire)
}

/// Removes a key; one that is not there is no error.
pub fn delete(key: &str) -> Result<()> {
    backend::delete(key).map_err(from_wire)
}

/// The keys that begin so, sorted.
pub fn keys(prefix: &str) -> Result<Vec<String>> {
    backend::keys(prefix).map_err(from_wire)
}

/// The value under a key, from JSON.
pub fn load<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    let Some(bytes) = get(key)? else { return Ok(None) };
    let value =
        serde_json::from_slice(&bytes).fault(Fault::Permanent, format_args!("state `{key}` is not what was written"))?;
    Ok(Some(value))
}

/// Sets the value under a key, as JSON.
pub fn save<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<()> {
    set(key, &serde_json::to_vec(value).fault(Fault::Permanent, format_args!("state `{key}`"))?)
}
