//! The contract's error, made in one place.

use crate::event::Fault;
use crate::plugin::bindings::types;

/// An error that a capability returns to the guest.
#[must_use]
pub(crate) fn error(fault: types::Fault, message: impl Into<String>) -> types::Error {
    types::Error { fault, message: message.into(), retry_after_ms: None }
}

/// Will not succeed when tried again.
#[must_use]
pub(crate) fn permanent(message: impl Into<String>) -> types::Error {
    error(types::Fault::Permanent, message)
}

/// May succeed when tried again.
#[must_use]
pub(crate) fn transient(message: impl Into<String>) -> types::Error {
    error(types::Fault::Transient, message)
}

/// Wrong configuration.
#[must_use]
pub(crate) fn config(message: impl Into<String>) -> types::Error {
    error(types::Fault::Config, message)
}

/// Out of time.
#[must_use]
pub(crate) fn timeout(message: impl Into<String>) -> types::Error {
    error(types::Fault::Timeout, message)
}

/// Not granted. Capabilities go through [`Data::deny`](crate::plugin::data::Data::deny), which also records it.
#[must_use]
pub(crate) fn denied(message: impl Into<String>) -> types::Error {
    error(types::Fault::Denied, message)
}

/// The guest's fault as events tell it.
#[must_use]
pub(crate) fn to_event(fault: types::Fault) -> Fault {
    match fault {
        types::Fault::Config => Fault::Config,
        types::Fault::Transient => Fault::Transient,
        types::Fault::Permanent => Fault::Permanent,
        types::Fault::Denied => Fault::Denied,
        types::Fault::Timeout => Fault::Timeout,
    }
}
