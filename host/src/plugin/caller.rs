//! One call from its request to the journal: asks the trap policy, calls, makes the frame, submits it, settles.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::bus::{Accept, Bus, Committed, SubmitError};
use crate::clock::Clock;
use crate::event::{Call, Event, Frame, Origin};
use crate::model::{OffsetRange, Timestamp};
use crate::plugin::handle::Handle;
use crate::plugin::policy::{Decision, Policy, PolicySettings};
use crate::plugin::request::{Finished, Outcome, Request, Unavailable};
use crate::plugin::roster::{PluginState, Roster};

/// What every caller needs.
#[derive(Clone)]
pub struct CallServices {
    /// Where frames go.
    pub bus: Bus,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where a quarantine is shown.
    pub roster: Arc<Roster>,
}

/// Calls one plugin. Shared by its roles, so that they share its record of traps.
pub struct Caller {
    handle: Handle,
    services: CallServices,
    policy: Mutex<Policy>,
}

/// Why a call was not made, or its output was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum NotCalled {
    /// The target is left alone, or the plugin quarantined, until then.
    #[error("left alone until {0}")]
    LeftAlone(Timestamp),
    /// The plugin's task did not take it.
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
    /// The journal did not take the frame: nothing of the call has happened.
    #[error("{0}")]
    Journal(#[from] SubmitError),
}

/// A call whose frame is in the journal.
#[derive(Debug)]
pub struct Recorded {
    /// How the call ended.
    pub outcome: Outcome,
    /// Where its frame is; `None` for a call of which there was nothing to record.
    pub committed: Option<Committed>,
}

impl Caller {
    /// A caller of this plugin. `subjects` are its targets and rules by name, for the trap policy.
    #[must_use]
    pub fn new(handle: Handle, services: CallServices, subjects: &[&str]) -> Self {
        let mut seed = [0; 8];
        seed.copy_from_slice(&blake3::hash(handle.name().as_str().as_bytes()).as_bytes()[..8]);
        let mut policy = Policy::new(PolicySettings::default(), u64::from_le_bytes(seed));
        policy.watch(subjects);
        Self { handle, services, policy: Mutex::new(policy) }
    }

    /// Tells the trap policy which targets and rules there are.
    pub fn watch(&self, subjects: &[&str]) {
        self.policy.lock().watch(subjects);
    }

    /// The plugin.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Makes a call and records it. `conclude` adds what follows from the outcome; it is asked once, before the frame is made.
    ///
    /// # Errors
    /// The call was not made, or the journal did not take its frame; then nothing of it has happened.
    pub async fn call(
        &self,
        request: Request,
        timeout: Duration,
        record: Record,
        conclude: impl FnOnce(&Outcome) -> Vec<Event>,
    ) -> Result<Recorded, NotCalled> {
        let subject = subject(&request);
        let before = self.admit(subject.as_deref())?;
        let finished = match self.handle.call(request, timeout).await {
            Ok(finished) => finished,
            Err(unavailable) => {
                self.record(before).await?;
                return Err(unavailable.into());
            }
        };
        let mut events = before;
        events.extend(self.judge(subject.as_deref(), &finished.outcome));
        events.extend(failure(&self.handle, subject, &finished.outcome));
        events.extend(conclude(&finished.outcome));
        self.commit(finished, events, record).await
    }

    /// Whether the call may be made; a quarantine that is over ends here.
    fn admit(&self, subject: Option<&str>) -> Result<Vec<Event>, NotCalled> {
        let now = self.services.clock.now();
        let mut policy = self.policy.lock();
        let released = policy.release(now);
        policy.may_call(now, subject).map_err(NotCalled::LeftAlone)?;
        if !released {
            return Ok(Vec::new());
        }
        let plugin = self.handle.name();
        self.services.roster.update(plugin, |status| (status.state, status.error) = (PluginState::Running, None));
        Ok(vec![Event::PluginReleased { plugin: plugin.clone() }])
    }

    /// What the trap policy says of an outcome, as events.
    fn judge(&self, subject: Option<&str>, outcome: &Outcome) -> Vec<Event> {
        let now = self.services.clock.now();
        let message = match outcome {
            Outcome::Trapped { message, .. } => message.lines().next().unwrap_or_default(),
            Outcome::TimedOut { bound } => bound,
            _ => {
                self.policy.lock().succeeded(subject);
                return Vec::new();
            }
        };
        let decisions = self.policy.lock().failed(now, subject, message);
        decisions.into_iter().filter_map(|decision| self.follow(decision, subject)).collect()
    }

    fn follow(&self, decision: Decision, subject: Option<&str>) -> Option<Event> {
        let plugin = self.handle.name().clone();
        match decision {
            // The plugin's task paces its own new instances.
            Decision::Restart { .. } => None,
            Decision::BackOffTarget { until } => {
                let target = subject.and_then(|name| crate::model::Name::new(name).ok())?;
                Some(Event::TargetBackedOff { plugin, target, until })
            }
            Decision::Quarantine { until, reason } => {
                self.services.roster.update(&plugin, |status| {
                    status.state = PluginState::Quarantined(until);
                    status.error = Some(reason.clone());
                });
                Some(Event::PluginQuarantined { plugin, reason, until })
            }
        }
    }

    async fn commit(&self, finished: Finished, events: Vec<Event>, record: Record) -> Result<Recorded, NotCalled> {
        let Finished { outcome, output, status, writes, events: arisen, generation, settle, .. } = finished;
        let mut all = arisen;
        all.extend(output.into_iter().chain(status).flat_map(crate::edge::BatchOutput::events));
        all.extend(events);
        if all.is_empty() && writes.is_empty() {
            settle.committed();
            return Ok(Recorded { outcome, committed: None });
        }
        let call =
            Call { plugin: self.handle.name().clone(), instance: 0, generation, consumed: record.consumed, state: writes };
        let frame = Frame { at: self.services.clock.now(), origin: Origin::Call(call), events: all };
        let committed = match self.services.bus.submit(frame, record.accept).await {
            // It is at its place for all to see; the recorder goes on trying to sync it.
            Ok(committed) | Err(SubmitError::Unsynced { committed, .. }) => committed,
            Err(error) => return Err(error.into()),
        };
        settle.committed();
        Ok(Recorded { outcome, committed: Some(committed) })
    }

    /// Records facts about the plugin that are no call of it.
    ///
    /// # Errors
    /// The journal did not take them.
    pub async fn record(&self, events: Vec<Event>) -> Result<(), SubmitError> {
        if events.is_empty() {
            return Ok(());
        }
        let frame = Frame { at: self.services.clock.now(), origin: Origin::Host, events };
        self.services.bus.submit(frame, Accept::Default).await.map(drop)
    }
}

/// How a call is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// What of the journal it was given.
    pub consumed: Option<OffsetRange>,
    /// When its frame counts as accepted.
    pub accept: Accept,
}

impl Record {
    /// A call that was given nothing of the journal, accepted as the setting says.
    pub const PLAIN: Self = Self { consumed: None, accept: Accept::Default };
}

/// The target, rule or notification that a call is about.
fn subject(request: &Request) -> Option<String> {
    match request {
        Request::Collect(target) | Request::Check(target) => target.name.as_ref().map(ToString::to_string),
        Request::Evaluate { rule, .. } => Some(rule.clone()),
        Request::Rules | Request::Notify(_) => None,
    }
}

/// The event of a call that did not end well.
fn failure(handle: &Handle, subject: Option<String>, outcome: &Outcome) -> Option<Event> {
    let plugin = handle.name().clone();
    match outcome {
        Outcome::Erred { fault, message, .. } => {
            Some(Event::CallErred { plugin, subject, fault: *fault, message: message.clone() })
        }
        Outcome::Trapped { message, stderr } => {
            Some(Event::CallTrapped { plugin, subject, message: message.clone(), stderr: stderr.clone() })
        }
        Outcome::TimedOut { bound } => Some(Event::CallTimedOut { plugin, subject, bound: bound.clone() }),
        _ => None,
    }
}
