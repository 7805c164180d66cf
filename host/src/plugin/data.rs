//! What belongs to one Wasm store: the guest's WASI, its limits, and the call that it is in. Capabilities are implemented on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::edge::{Batch, Interner};
use crate::event::Event;
use crate::model::Timestamp;
use crate::plugin::bindings::types;
use crate::plugin::fault;
use crate::plugin::limits::{CpuMeter, MemoryLimiter};
use crate::plugin::shared::Shared;
use crate::plugin::state::Overlay;
use crate::plugin::wasi::Wasi;

/// A capability ends this long before its call does, so that the guest can still answer.
pub(crate) const CAPABILITY_MARGIN: Duration = Duration::from_millis(100);

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Instantiation and `init`.
    Init,
    /// `collect`.
    Collect,
    /// `check`.
    Check,
    /// `rules`.
    Rules,
    /// `evaluate`: nothing outside can be reached.
    Evaluate,
    /// `notify`.
    Notify,
}

impl Stage {
    /// The function that the guest is in.
    #[must_use]
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Collect => "collect",
            Self::Check => "check",
            Self::Rules => "rules",
            Self::Evaluate => "evaluate",
            Self::Notify => "notify",
        }
    }
}

/// The call that a guest is in.
pub(crate) struct Current {
    /// What it is for.
    pub(crate) stage: Stage,
    /// When it began; in `evaluate` the evaluation's time.
    pub(crate) now: Timestamp,
    /// When the host stops it.
    pub(crate) deadline: Instant,
    /// Its samples so far; `None` where a call yields none.
    pub(crate) batch: Option<Batch>,
    /// Its state writes so far.
    pub(crate) state: Overlay,
    /// Facts that arose in it, for its frame.
    pub(crate) events: Vec<Event>,
    /// How long it waited for the network.
    pub(crate) waited: Duration,
}

/// The data of one Wasm store.
pub(crate) struct Data {
    /// What its plugin's instances share.
    pub(crate) shared: Arc<Shared>,
    /// The call that the guest is in, or was last.
    pub(crate) current: Current,
    /// Sums its memory.
    pub(crate) memory: MemoryLimiter,
    /// Measures its CPU.
    pub(crate) cpu: Arc<CpuMeter>,
    /// CPU that the current call may use.
    pub(crate) cpu_max: Duration,
    /// The series that this instance interned.
    pub(crate) interner: Interner,
    /// The guest's WASI.
    pub(crate) wasi: Wasi,
}

impl Data {
    /// When a capability has to have ended.
    #[must_use]
    pub(crate) fn capability_deadline(&self) -> Instant {
        self.current.deadline.checked_sub(CAPABILITY_MARGIN).unwrap_or(self.current.deadline)
    }

    /// Whether the guest is in `evaluate`, where nothing outside can be reached.
    #[must_use]
    pub(crate) fn is_evaluating(&self) -> bool {
        self.current.stage == Stage::Evaluate
    }

    /// Counts a denial, records the first of its kind, and makes the guest's error. `hint` says why, and the exact line that
    /// would allow it.
    pub(crate) fn deny(&mut self, capability: &str, scope: &str, hint: &str) -> types::Error {
        self.shared.meter.denied.add(1);
        if self.shared.first_denial(capability, scope) {
            self.current.events.push(Event::CapabilityDenied {
                plugin: self.shared.name.clone(),
                capability: capability.into(),
                scope: scope.into(),
                hint: hint.into(),
            });
        }
        fault::denied(format!("{capability} `{scope}` is denied: {hint}"))
    }

    /// To be called first in each capability that reaches outside: counts the call and denies it in `evaluate`.
    ///
    /// # Errors
    /// Denied: the guest is in `evaluate`.
    pub(crate) fn outside(&mut self, capability: &str, scope: &str) -> Result<(), types::Error> {
        self.shared.meter.capability_calls.add(1);
        if self.is_evaluating() {
            return Err(self.deny(
                capability,
                scope,
                "`evaluate` reaches nothing outside, so that the same inputs give the same answer",
            ));
        }
        Ok(())
    }

    /// Adds time that the current call spent waiting for the network.
    pub(crate) fn waited(&mut self, took: Duration) {
        self.current.waited += took;
    }
}

impl types::Host for Data {}
