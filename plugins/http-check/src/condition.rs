//! One module a kind of condition: a setting that serde parses, and a judgement over an answer. Nothing here asks anything.

pub(crate) mod body;
pub(crate) mod certificate;
pub(crate) mod header;
pub(crate) mod latency;
pub(crate) mod status;

use regex_lite::Regex;
use vigie_plugin::{Error, Result};

/// Compiles an expression; an error names the setting.
pub(crate) fn regex(setting: &str, pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| Error::config(format!("`{setting}`: `{pattern}` is no regular expression: {error}")))
}
