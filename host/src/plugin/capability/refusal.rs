//! Why a capability call failed, before it is told to the guest in the contract's words.

use crate::event::Fault;
use crate::plugin::bindings::types;
use crate::plugin::data::Data;
use crate::plugin::fault;
use crate::plugin::grants::Denied;

/// Why a capability call failed. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not requested or not granted: also an event and a counter.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Something else.
    #[error("{message}")]
    Failed {
        /// Whether to try again.
        fault: Fault,
        /// What went wrong and what would fix it.
        message: String,
    },
}

impl Refusal {
    /// Will not succeed when tried again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::Failed { fault: Fault::Permanent, message: message.into() }
    }

    /// May succeed when tried again.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Failed { fault: Fault::Transient, message: message.into() }
    }

    /// Out of time.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::Failed { fault: Fault::Timeout, message: message.into() }
    }

    /// Wrong configuration.
    pub fn config(message: impl Into<String>) -> Self {
        Self::Failed { fault: Fault::Config, message: message.into() }
    }

    /// Whether to try again.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Denied(_) => Fault::Denied,
            Self::Failed { fault, .. } => *fault,
        }
    }
}

impl Data {
    /// The guest's error; a denial is also recorded and counted.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> types::Error {
        match refusal {
            Refusal::Denied(denied) => self.deny(denied.capability, &denied.scope, &denied.hint),
            Refusal::Failed { fault, message } => match fault {
                Fault::Config => fault::config(message),
                Fault::Transient => fault::transient(message),
                Fault::Permanent => fault::permanent(message),
                Fault::Denied => fault::denied(message),
                Fault::Timeout => fault::timeout(message),
            },
        }
    }
}
