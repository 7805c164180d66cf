//! Everything that happens, as facts in the past tense, and the frame in which the facts of one call are committed.
//!
//! `kind` names them. The journal stores these types in postcard's encoding, which is by position: within a format version, variants are only
//! appended, and fields of a variant never change (`journal::FORMAT_VERSION`).

mod kind;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use kind::KINDS;

use crate::model::{
    CheckReport, Columns, DropCount, EventId, Finding, Fingerprint, Kind, Labels, Offset, OffsetRange, PluginName,
    SeriesDefinition, SeriesId, TargetName, Timestamp,
};

/// What is committed together or not at all: one call of a plugin, one decision of the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The host's time at which it was submitted.
    pub at: Timestamp,
    /// Whose work it is.
    pub origin: Origin,
    /// The facts, in order; each gets an offset.
    pub events: Vec<Event>,
}

/// Whose work a frame is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Origin {
    /// The host itself.
    Host,
    /// A projection of the host that decides: what it consumed and decided are one frame.
    Consumer {
        /// Its name.
        name: ConsumerName,
        /// What it had consumed.
        consumed: OffsetRange,
    },
    /// One call of a plugin.
    Call(Call),
}

impl Origin {
    /// What a consumer of the host had consumed, if the frame is its own.
    #[must_use]
    pub fn consumed_by(&self, consumer: ConsumerName) -> Option<OffsetRange> {
        match self {
            Self::Consumer { name, consumed } if *name == consumer => Some(*consumed),
            _ => None,
        }
    }
}

/// The host's consumers that append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConsumerName {
    /// The alert book.
    Book,
    /// The delivery of notifications.
    Notify,
}

/// One call of a plugin: what it consumed and what it wrote to its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The plugin.
    pub plugin: PluginName,
    /// Which of its instances, from 0.
    pub instance: u16,
    /// Counts the plugin's starts: a trap, a reload or a restart of the host begins a new one.
    pub generation: u64,
    /// What of the journal the call was given, for alerters.
    pub consumed: Option<OffsetRange>,
    /// Its state writes, in order; empty where the call failed.
    pub state: Vec<StateWrite>,
}

/// One change to a plugin's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateWrite {
    /// The target that the key belongs to; `None` for the plugin's own keys.
    pub target: Option<TargetName>,
    /// The key.
    pub key: String,
    /// The new value; `None` deletes.
    pub value: Option<Vec<u8>>,
}

/// An event with its place and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Epoch and offset.
    pub id: EventId,
    /// Its frame's time.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened. Closed: consumers match on all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Recorded when the host has opened its journal and is about to start its plugins.
    HostStarted {
        /// Version of `vigie`.
        version: String,
    },
    /// Recorded when the host has drained its plugins and is about to end.
    HostStopped {
        /// `signal`, `request` or an error.
        reason: String,
    },
    /// Recorded when opening the journal found bytes at its end that are no whole frame, and cut them off.
    JournalTruncated {
        /// The segment's file name.
        segment: String,
        /// How many bytes were cut.
        bytes: u64,
        /// What was wrong with them.
        reason: String,
    },
    /// Recorded when old segments were deleted to keep the journal within its size.
    SegmentsDeleted {
        /// The first offset that is gone.
        from: Offset,
        /// The last offset that is gone.
        to: Offset,
        /// How many bytes that freed.
        bytes: u64,
    },
    /// Recorded when a plugin's first instance has initialised and takes calls.
    PluginLoaded(PluginFacts),
    /// Recorded when a plugin was stopped on purpose.
    PluginStopped {
        /// The plugin.
        plugin: PluginName,
        /// `removed`, `changed` or `shutdown`.
        reason: String,
    },
    /// Recorded when a component or its configuration cannot run: it is invalid, asks for what is not there, or fails in `init`.
    PluginRefused {
        /// The plugin.
        plugin: PluginName,
        /// The file to look at.
        file: String,
        /// What is wrong, where, and what would fix it.
        error: String,
    },
    /// Recorded when a guest aborted in a call.
    CallTrapped {
        /// The plugin.
        plugin: PluginName,
        /// The target or rule that the call was about.
        subject: Option<String>,
        /// The trap, and the guest's backtrace where it has one.
        message: String,
        /// The last lines that the guest wrote to its standard error.
        stderr: Vec<String>,
    },
    /// Recorded when a guest's call returned an error.
    CallErred {
        /// The plugin.
        plugin: PluginName,
        /// The target or rule that the call was about.
        subject: Option<String>,
        /// Whether to try again.
        fault: Fault,
        /// The guest's words.
        message: String,
    },
    /// Recorded when the host stopped a call: its time or its CPU was used up.
    CallTimedOut {
        /// The plugin.
        plugin: PluginName,
        /// The target or rule that the call was about.
        subject: Option<String>,
        /// Which bound it hit: `timeout` or `cpu-per-call`, with the setting's value.
        bound: String,
    },
    /// Recorded when a target's calls trap and it alone is left alone for a while.
    TargetBackedOff {
        /// The plugin.
        plugin: PluginName,
        /// The target.
        target: TargetName,
        /// When it is tried again.
        until: Timestamp,
    },
    /// Recorded when a plugin trapped so often that it is no longer called.
    PluginQuarantined {
        /// The plugin.
        plugin: PluginName,
        /// Which traps led to it.
        reason: String,
        /// When it is tried again.
        until: Timestamp,
    },
    /// Recorded when a quarantined plugin is called again.
    PluginReleased {
        /// The plugin.
        plugin: PluginName,
    },
    /// Recorded when a capability call was refused, once a plugin, capability and scope until the plugin is loaded again.
    CapabilityDenied {
        /// The plugin.
        plugin: PluginName,
        /// The capability.
        capability: String,
        /// What was asked for: an origin, a path, a name.
        scope: String,
        /// Why, and the exact line that would allow it.
        hint: String,
    },
    /// Recorded when runs of a schedule were missed because the one before was still in flight.
    RunsMissed {
        /// The plugin.
        plugin: PluginName,
        /// The target; `None` for the machine itself.
        target: Option<TargetName>,
        /// How many.
        count: u64,
    },
    /// Recorded before the first sample of each series (and again where it is not sure that the first record survived).
    SeriesDefined {
        /// Ids with their definitions.
        series: Vec<(SeriesId, SeriesDefinition)>,
    },
    /// Recorded when a family came with another kind than the name already has.
    FamilyClashed {
        /// The plugin whose points were dropped or whose help was not taken.
        plugin: PluginName,
        /// The metric's name.
        family: String,
        /// The kind in force.
        kept: Kind,
        /// The kind that came.
        came: Kind,
    },
    /// Recorded when a call that produced samples, or ended series, has ended.
    SamplesCollected(Arc<Collected>),
    /// Recorded when a health check has answered, or could not be asked (then the status is unknown).
    CheckCompleted {
        /// The plugin: the check's name.
        plugin: PluginName,
        /// The target; `None` for the machine itself.
        target: Option<TargetName>,
        /// The answer.
        report: CheckReport,
    },
    /// Recorded when an alerter's rules are known, after each load, and when they are gone (empty).
    RulesDeclared {
        /// The plugin.
        plugin: PluginName,
        /// Its rules in order.
        rules: Vec<crate::model::Rule>,
    },
    /// Recorded when a rule was evaluated and something changed or an alert of it is pending or firing. The book's clock.
    RuleEvaluated(RuleEvaluated),
    /// Recorded when a finding began whose rule has a `for`: the alert is pending.
    AlertPended(AlertChange),
    /// Recorded when a pending alert's finding ended before `for` was over: the alert is inactive.
    AlertDismissed(AlertChange),
    /// Recorded when a finding has held for its rule's `for`: the alert is firing.
    AlertFired(AlertChange),
    /// Recorded when a firing alert's finding was gone for `keep_firing_for`, or its rule is gone: the alert is resolved.
    AlertResolved(AlertChange),
    /// Recorded when a notifier accepted a notification.
    NotificationSent(Delivery),
    /// Recorded when an attempt to deliver a notification failed.
    NotificationFailed {
        /// The attempt.
        delivery: Delivery,
        /// What went wrong.
        error: String,
        /// When it is tried again; `None`: it is given up.
        retry_at: Option<Timestamp>,
    },
    /// Recorded when opening the journal found a part that cannot be read although more was written behind it; it is set aside.
    JournalDamaged {
        /// The segment's file name.
        segment: String,
        /// Where its bytes are kept.
        kept: String,
        /// How many bytes are out of use.
        bytes: u64,
        /// What was wrong with the first of them.
        reason: String,
        /// The first and the last offset that are gone, as far as can be told.
        lost: Option<(Offset, Offset)>,
    },
    /// Recorded when a consumer gave up events that it could no longer read or was too far behind to apply.
    CursorSkipped {
        /// The alerter whose cursor it is.
        plugin: PluginName,
        /// What was skipped.
        skipped: OffsetRange,
        /// Why.
        reason: String,
    },
}

/// What the guest says about trying again, as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// Wrong configuration.
    Config,
    /// May succeed when tried again.
    Transient,
    /// Will not succeed when tried again.
    Permanent,
    /// Not granted.
    Denied,
    /// Out of time.
    Timeout,
}

/// What was loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginFacts {
    /// The plugin's configured name.
    pub plugin: PluginName,
    /// The manifest's version; empty without one.
    pub version: String,
    /// BLAKE3 of the component, in hexadecimal.
    pub digest: String,
    /// `collector`, `health-check`, `alerter`, `notifier`.
    pub roles: Vec<String>,
}

/// What one call brought in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collected {
    /// The plugin.
    pub plugin: PluginName,
    /// The target; `None` for the machine itself and for alerters.
    pub target: Option<TargetName>,
    /// The samples.
    pub samples: Columns,
    /// Series that ended: missing from this batch, ended by the plugin, or all of the target's because the call failed.
    pub ended: Vec<SeriesId>,
    /// What was not taken, by reason.
    pub dropped: Vec<DropCount>,
}

/// One evaluation of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleEvaluated {
    /// The plugin.
    pub plugin: PluginName,
    /// The rule.
    pub rule: String,
    /// The evaluation's time; never decreases.
    pub now: Timestamp,
    /// Findings that did not hold at the evaluation before.
    pub began: Vec<Finding>,
    /// Findings that held before and hold with another value or other annotations.
    pub changed: Vec<Finding>,
    /// Fingerprints of findings that hold no more.
    pub ended: Vec<Fingerprint>,
    /// Why the rule could not be evaluated: then nothing began, changed or ended, and its alerts stay as they were.
    pub error: Option<String>,
}

/// An alert's step from one state to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertChange {
    /// The alerter.
    pub plugin: PluginName,
    /// The rule.
    pub rule: String,
    /// Of the final labels.
    pub fingerprint: Fingerprint,
    /// Final labels, `alertname` among them.
    pub labels: Labels,
    /// For people.
    pub annotations: Labels,
    /// The finding's value at this step.
    pub value: f64,
    /// Since when the finding held without a break.
    pub active_since: Timestamp,
    /// When this step was taken, by the evaluation's clock.
    pub at: Timestamp,
    /// Why, where it is not the finding itself: `rule removed`, `plugin removed`.
    pub reason: Option<String>,
}

/// One attempt to deliver one notification to one receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The same for every attempt: the alert change's event id and the receiver.
    pub notification: String,
    /// The notifier plugin.
    pub receiver: PluginName,
    /// From 1.
    pub attempt: u32,
    /// The alert changes told of.
    pub alerts: Vec<EventId>,
    /// What the other side calls it; empty if it did not say.
    pub reference: String,
    /// How long the attempt took.
    pub took: Duration,
}
