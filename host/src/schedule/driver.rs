//! Runs a plugin's jobs when they are due: one in flight a job; a run that meets one in flight is missed and counted, never
//! queued.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::model::Target;
use crate::schedule::slots::Slots;
use crate::schedule::timetable::Timetable;
use crate::telemetry::PluginMeter;

/// The longest sleep without a look at the clock, so that a clock that is set forward is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What a job asks the plugin for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobRole {
    /// `collect`.
    Collect,
    /// `check`.
    Check,
}

/// One thing that is done again and again: a role of a plugin on a target.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is asked.
    pub role: JobRole,
    /// About what.
    pub target: Arc<Target>,
}

impl Job {
    /// The job's name within its plugin: the phase of its timetable depends on it.
    fn name(&self, plugin: &str) -> String {
        let target = self.target.name.as_ref().map_or("", |name| name.as_str());
        format!("{plugin}/{:?}/{target}", self.role)
    }
}

/// Performs one run of a job. `missed` runs came before it while another was in flight.
pub trait Runner: Send + Sync + 'static {
    /// Runs; returns when the run's output is recorded.
    fn run(&self, job: &Job, missed: u64) -> impl Future<Output = ()> + Send;
}

/// The schedule of one plugin.
pub struct Schedule<R> {
    runner: Arc<R>,
    clock: Arc<dyn Clock>,
    meter: Arc<PluginMeter>,
    jobs: Vec<Arc<Job>>,
    slots: Slots,
    flights: JoinSet<usize>,
}

impl<R: Runner> Schedule<R> {
    /// A schedule of these jobs, each every `interval`.
    pub fn new(
        plugin: &str,
        jobs: Vec<Job>,
        interval: Duration,
        runner: R,
        clock: Arc<dyn Clock>,
        meter: Arc<PluginMeter>,
    ) -> Self {
        let tables = jobs.iter().map(|job| Timetable::new(interval, &job.name(plugin)));
        let slots = Slots::new(tables, clock.now());
        let jobs = jobs.into_iter().map(Arc::new).collect();
        Self { runner: Arc::new(runner), clock, meter, jobs, slots, flights: JoinSet::new() }
    }

    /// Runs jobs until `stop` turns true; then waits for those in flight.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.start_due();
            let sleep = self.slots.until_due(self.clock.now()).map_or(LOOK_EVERY, |due| due.min(LOOK_EVERY));
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(sleep) => {}
                Some(landed) = self.flights.join_next() => self.land(landed),
            }
        }
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
        }
    }

    fn start_due(&mut self) {
        let due = self.slots.take_due(self.clock.now());
        self.meter.missed.add(due.missed);
        for start in due.starts {
            let (runner, job) = (self.runner.clone(), self.jobs[start.slot].clone());
            self.flights.spawn(async move {
                runner.run(&job, start.missed).await;
                start.slot
            });
        }
    }

    fn land(&mut self, landed: Result<usize, tokio::task::JoinError>) {
        match landed {
            Ok(slot) => self.slots.land(slot),
            // Which one it was is not known; a run that panicked is the host's fault, and the others must go on.
            Err(error) => {
                tracing::error!(%error, "a run of the schedule ended abnormally");
                self.slots.land_all();
            }
        }
    }
}
