//! Runs collections and checks: one call, one frame.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::model::{CheckReport, Labels, Status, Target};
use crate::plugin::caller::{Caller, NotCalled, Record};
use crate::plugin::request::{Outcome, Request};
use crate::schedule::driver::{Job, JobRole, Runner};

/// Calls a plugin for its jobs.
pub struct Calls {
    caller: Arc<Caller>,
    timeout: Duration,
}

impl Calls {
    /// Calls that may take as long as `timeout`.
    #[must_use]
    pub fn new(caller: Arc<Caller>, timeout: Duration) -> Self {
        Self { caller, timeout }
    }
}

impl Runner for Calls {
    async fn run(&self, job: &Job, missed: u64) {
        let request = match job.role {
            JobRole::Collect => Request::Collect(job.target.clone()),
            JobRole::Check => Request::Check(job.target.clone()),
        };
        let plugin = self.caller.handle().name().clone();
        let conclude = |outcome: &Outcome| {
            let mut events = Vec::new();
            if missed > 0 {
                events.push(Event::RunsMissed { plugin: plugin.clone(), target: job.target.name.clone(), count: missed });
            }
            if job.role == JobRole::Check {
                let report = report(outcome);
                events.push(Event::CheckCompleted { plugin: plugin.clone(), target: job.target.name.clone(), report });
            }
            events
        };
        match self.caller.call(request, self.timeout, Record::PLAIN, conclude).await {
            Ok(_) | Err(NotCalled::LeftAlone(_)) => {}
            Err(error) => tracing::warn!(%plugin, target = shown(&job.target), %error, "a run was not made"),
        }
    }
}

/// What a check's outcome says of its target: unknown where the question could not be asked.
fn report(outcome: &Outcome) -> CheckReport {
    let unknown = |message: String| CheckReport { status: Status::Unknown, message, latency: None, details: Labels::default() };
    match outcome {
        Outcome::Checked(report) => report.clone(),
        Outcome::Erred { message, .. } => unknown(message.clone()),
        Outcome::Trapped { message, .. } => {
            unknown(format!("the check trapped: {}", message.lines().next().unwrap_or_default()))
        }
        Outcome::TimedOut { bound } => unknown(format!("the check was stopped: {bound}")),
        other => unknown(format!("the check answered with {other:?}")),
    }
}

fn shown(target: &Target) -> &str {
    target.name.as_ref().map_or("", |name| name.as_str())
}
