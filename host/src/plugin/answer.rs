//! What a call was about, and what its end means.

use std::sync::Arc;
use std::time::Duration;

use crate::edge::Batch;
use crate::model::time::format_duration;
use crate::model::{CheckReport, Labels, Status, Target, Timestamp};
use crate::plugin::bindings::types;
use crate::plugin::convert::families::{PointTimes, feed};
use crate::plugin::data::{CAPABILITY_MARGIN, Stage};
use crate::plugin::instance::{Answer, Bound, End};
use crate::plugin::request::{Outcome, Request};
use crate::plugin::{convert, fault};

/// What a call is about.
pub(crate) struct About {
    /// What it is for.
    pub(crate) stage: Stage,
    /// Its target.
    pub(crate) target: Option<Arc<Target>>,
    /// Its rule.
    pub(crate) rule: Option<String>,
    /// Its time.
    pub(crate) now: Timestamp,
}

impl About {
    /// What a request is about; `now` is the host's time.
    #[must_use]
    pub(crate) fn new(request: &Request, now: Timestamp) -> Self {
        let (stage, target, rule, now) = match request {
            Request::Collect(target) => (Stage::Collect, Some(target.clone()), None, now),
            Request::Check(target) => (Stage::Check, Some(target.clone()), None, now),
            Request::Rules => (Stage::Rules, None, None, now),
            Request::Evaluate { now, rule, .. } => (Stage::Evaluate, None, Some(rule.clone()), *now),
            Request::Notify(_) => (Stage::Notify, None, None, now),
        };
        Self { stage, target, rule, now }
    }

    /// For a check, its target and what is to be recorded of it: unknown where the question could not be asked.
    #[must_use]
    pub(crate) fn checked(&self, outcome: &Outcome) -> Option<(&Target, CheckReport)> {
        (self.stage == Stage::Check).then_some(())?;
        Some((self.target.as_deref()?, outcome.report()))
    }
}

impl Outcome {
    /// The answer of a check that ended so: unknown where the question could not be asked.
    #[must_use]
    pub fn report(&self) -> CheckReport {
        let unknown =
            |message: String| CheckReport { status: Status::Unknown, message, latency: None, details: Labels::default() };
        match self {
            Self::Checked(report) => report.clone(),
            Self::Erred { message, .. } => unknown(message.clone()),
            Self::Trapped { message, .. } => unknown(message.lines().next().unwrap_or_default().to_owned()),
            Self::TimedOut { bound } => unknown(format!("the check was stopped after its {bound}")),
            Self::Collected | Self::Rules(_) | Self::Evaluated(_) | Self::Notified(_) => unknown("was not asked".into()),
        }
    }
}

/// Whether the guest returned ok, and something that the contract allows: only then its state writes commit.
#[must_use]
pub(crate) fn is_ok(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Erred { .. } | Outcome::Trapped { .. } | Outcome::TimedOut { .. })
}

/// What a call's end means. The families of an answer go into its batch. `waited` is the time that it spent at the network.
pub(crate) fn outcome(about: &About, end: End, batch: Option<&mut Batch>, waited: Duration) -> Outcome {
    match end {
        End::Returned(Ok(answer)) => answered(answer, batch),
        End::Returned(Err(error)) => Outcome::Erred {
            fault: fault::to_event(error.fault),
            message: convert::text(&error.message),
            retry_after: error.retry_after_ms.and_then(convert::duration),
        },
        End::Trapped { message, stderr } => Outcome::Trapped { message, stderr },
        End::Stopped(Bound::Timeout(bound)) if about.stage == Stage::Check && waited + 2 * CAPABILITY_MARGIN >= bound => {
            // The whole timeout went by at the network: that is an answer.
            let message = format!("no answer within {}", format_duration(bound));
            Outcome::Checked(CheckReport { status: Status::Down, message, latency: None, details: Labels::default() })
        }
        End::Stopped(bound) => Outcome::TimedOut { bound: bound.to_string() },
    }
}

fn answered(answer: Answer, batch: Option<&mut Batch>) -> Outcome {
    let take = |families: &[types::Family]| {
        if let Some(batch) = batch {
            feed(batch, families, PointTimes::Given);
        }
    };
    match answer {
        Answer::Families(families) => {
            take(&families);
            Outcome::Collected
        }
        Answer::Report(report) => {
            take(&report.families);
            Outcome::Checked(convert::report(report.status, &report.message, report.latency_ms, report.details))
        }
        Answer::Rules(rules) => convert::rules(rules).map_or_else(disallowed, Outcome::Rules),
        Answer::Findings(findings) => convert::findings(findings).map_or_else(disallowed, Outcome::Evaluated),
        Answer::Receipt(receipt) => Outcome::Notified(convert::receipt(receipt)),
        Answer::Ready => disallowed("no answer".into()),
    }
}

/// The guest returned ok, but what the contract does not allow.
fn disallowed(problem: String) -> Outcome {
    Outcome::Erred { fault: crate::event::Fault::Permanent, message: problem, retry_after: None }
}
