//! What is asked of a plugin and what it answers, as plain types.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::edge::BatchOutput;
use crate::event::{Event, Fault, StateWrite};
use crate::model::{CheckReport, Finding, Input, Notification, Receipt, Rule, Target, Timestamp};

/// One call.
#[derive(Clone, Debug)]
pub enum Request {
    /// `collect`.
    Collect(Arc<Target>),
    /// `check`.
    Check(Arc<Target>),
    /// `rules`.
    Rules,
    /// `evaluate`.
    Evaluate {
        /// The evaluation's time.
        now: Timestamp,
        /// The rule's name.
        rule: String,
        /// The series of its selectors.
        inputs: Vec<Input>,
    },
    /// `notify`.
    Notify(Box<Notification>),
}

/// How a call ended. Trap, error and timeout are three different things.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// `collect` returned; its samples are in the output.
    Collected,
    /// `check` answered.
    Checked(CheckReport),
    /// The plugin's rules.
    Rules(Vec<Rule>),
    /// What holds now, with the labels that the alerter gave: the rule's labels and `alertname` are not laid over yet.
    Evaluated(Vec<Finding>),
    /// The notification is delivered.
    Notified(Receipt),
    /// The guest returned an error, or something that the contract does not allow (then the message says what).
    Erred {
        /// Whether to try again.
        fault: Fault,
        /// The guest's words, or what was wrong with its answer.
        message: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The guest aborted; its instance is gone.
    Trapped {
        /// What happened, and the guest's backtrace where it has one.
        message: String,
        /// The last lines that it wrote to its standard error.
        stderr: Vec<String>,
    },
    /// The host stopped the call; its instance is gone.
    TimedOut {
        /// `timeout` or `cpu-per-call`, with the setting's value.
        bound: String,
    },
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// From its beginning to its end.
    pub wall: Duration,
    /// Of it, on a processor.
    pub cpu: Duration,
    /// Of the instance's memories after it.
    pub memory_bytes: u64,
}

/// One call's end. The caller puts it into a frame, submits that, and then settles.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// Its samples; `None` for calls that yield none.
    pub output: Option<BatchOutput>,
    /// The series that the host makes of a check's answer; `None` for other calls.
    pub status: Option<BatchOutput>,
    /// Its state writes; empty where the call did not end well.
    pub writes: Vec<StateWrite>,
    /// Facts that arose in it (denials), to be recorded in its frame whatever its outcome.
    pub events: Vec<Event>,
    /// Which start of the plugin it ran in.
    pub generation: u64,
    /// What it cost.
    pub cost: Cost,
    /// To be told that the frame is in the journal.
    pub settle: Settle,
}

/// Tells the instance what became of a call's frame. Until then it takes no next call. Dropped, the frame is not in the
/// journal: the call's state writes and the Wasm store are dropped.
#[derive(Debug)]
#[must_use = "dropping it throws the call's state and the Wasm store away"]
pub struct Settle(Option<oneshot::Sender<()>>);

impl Settle {
    /// A settlement and the end that the instance waits at.
    pub(super) fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    /// The frame is in the journal.
    pub fn committed(mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}

/// Why a call was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The plugin was stopped.
    #[error("the plugin is stopped")]
    Stopped,
    /// It does not have the role.
    #[error("the plugin is no {0}")]
    NoSuchRole(crate::plugin::describe::Role),
    /// It trapped, and a new instance waits.
    #[error("the plugin starts again in {}", crate::model::time::format_duration(*.0))]
    BackingOff(Duration),
    /// A new instance could not be made.
    #[error("the plugin does not start: {0}")]
    Start(#[from] crate::plugin::handle::StartError),
}
