//! The one error of the SDK: a fault that tells the host what to do, and a message that tells the operator what to fix.

use std::fmt;
use std::time::Duration;

use crate::bindings::imports::vigie::plugin::types;

pub use types::Fault;

/// What a plugin's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. Any error type turns into one with `?`, as [`Fault::Transient`]; where that is wrong, name the fault
/// with a constructor or with [`Context`].
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What the host makes of it: retry, wait for a new configuration, or give up.
    pub fault: Fault,
    /// Lower case, no full stop, the offending value in backticks, then what would fix it.
    pub message: String,
    /// How long to wait before the next attempt, if the other side said so.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// An error with a fault.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), retry_after: None }
    }

    /// May succeed when tried again.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Fault::Transient, message)
    }

    /// Will not succeed when tried again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(Fault::Permanent, message)
    }

    /// The configuration is wrong: not to be retried until it changes.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Fault::Config, message)
    }

    /// The operator has not granted it.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Fault::Denied, message)
    }

    /// The time was over before the answer came.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(Fault::Timeout, message)
    }

    /// The same error, not to be retried before `wait` is over.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same error with words before its message.
    #[must_use]
    pub fn context(mut self, words: impl fmt::Display) -> Self {
        self.message = format!("{words}: {}", self.message);
        self
    }

    /// The same error with another fault.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Every error of the standard library and of other crates, with the messages of its sources. `Error` itself is therefore no
/// `std::error::Error`, as with `anyhow`.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::transient(message)
    }
}

/// Words, or another fault, for an error on its way up; and an error where an `Option` is empty.
pub trait Context<T> {
    /// Puts words before the message.
    fn context(self, words: impl fmt::Display) -> Result<T>;
    /// Puts words before the message and sets the fault.
    fn fault(self, fault: Fault, words: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, words: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().context(words))
    }

    fn fault(self, fault: Fault, words: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().context(words).with_fault(fault))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, words: impl fmt::Display) -> Result<T> {
        self.ok_or_else(|| Error::transient(words.to_string()))
    }

    fn fault(self, fault: Fault, words: impl fmt::Display) -> Result<T> {
        self.ok_or_else(|| Error::new(fault, words.to_string()))
    }
}

/// What came over the contract. (No `From`: the generated type is an error too, and would meet the blanket one.)
pub(crate) fn from_wire(error: types::Error) -> Error {
    let retry_after =
        error.retry_after_ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map(|ms| Duration::from_secs_f64(ms / 1e3));
    Error { fault: error.fault, message: error.message, retry_after }
}

/// What goes over the contract.
pub(crate) fn into_wire(error: Error) -> types::Error {
    let retry_after_ms = error.retry_after.map(|wait| wait.as_secs_f64() * 1e3);
    types::Error { fault: error.fault, message: error.message, retry_after_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_error_becomes_transient_with_its_message() {
        fn parse(text: &str) -> Result<u32> {
            Ok(text.parse::<u32>()?)
        }
        let error = parse("x").unwrap_err();
        assert_eq!(error, Error::transient("invalid digit found in string"));
    }

    #[test]
    fn context_names_what_failed_and_keeps_the_fault() {
        let failed: Result<()> = Err(Error::denied("no grant"));
        assert_eq!(failed.context("reading `/x`").unwrap_err(), Error::denied("reading `/x`: no grant"));
        assert_eq!(None::<u32>.fault(Fault::Config, "no `url`").unwrap_err(), Error::config("no `url`"));
    }

    #[test]
    fn the_wire_keeps_fault_message_and_wait() {
        let error = Error::transient("busy").retry_after(Duration::from_millis(1500));
        assert_eq!(from_wire(into_wire(error.clone())), error);
    }
}
