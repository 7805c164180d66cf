//! Secrets in the clear. Few plugins need it: [`http`](crate::http) fills secrets into requests unseen. Request it as
//! `reveal("name", "why")`, or `reveal("why")` for whatever the operator grants.

use super::backend::secrets as backend;
use crate::error::{Result, from_wire};

/// The secret's text.
pub fn reveal(name: &str) -> Result<String> {
    backend::reveal(name).map_err(from_wire)
}
