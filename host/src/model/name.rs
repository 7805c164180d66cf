//! Names that operators give: of plugins and of targets. They validate themselves.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name of a plugin or target, in bytes: it becomes a file name and a label value.
pub const NAME_BYTES_MAX: usize = 128;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name is empty, give it at least one character")]
    Empty,
    /// Over [`NAME_BYTES_MAX`].
    #[error("name `{0}…` is longer than {NAME_BYTES_MAX} bytes")]
    Long(String),
    /// A control character, a slash, or a leading dot.
    #[error("`{0}` is no name, use printable characters without `/`, not beginning with a dot or a space")]
    Character(String),
}

/// A name: 1 to [`NAME_BYTES_MAX`] bytes of printable UTF-8, without `/`, not beginning with a dot or a space. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// A plugin's configured name: the stem of `NAME.wasm` or `NAME.toml`. It becomes the label `job`.
pub type PluginName = Name;
/// A target's name, unique within its plugin. It becomes the label `instance`.
pub type TargetName = Name;

impl Name {
    /// A checked name.
    ///
    /// # Errors
    /// Empty, too long, or with a character that a name cannot have.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(NameError::Long(text.chars().take(32).collect()));
        }
        if text.starts_with(['.', ' ']) || text.chars().any(|c| c.is_control() || c == '/') {
            return Err(NameError::Character(text.escape_debug().to_string()));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().into()
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_validate_themselves() {
        for good in ["system", "http-check", "shop/".trim_end_matches('/'), "Läden 1", "10.0.0.1:9100"] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".hidden", "a/b", "a\nb", " a", &"x".repeat(129)] {
            assert!(Name::new(bad).is_err(), "`{bad}` was taken");
        }
    }
}
