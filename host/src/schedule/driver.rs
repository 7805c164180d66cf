//! Runs a plugin's jobs when they are due: one in flight a job; a run that meets one in flight is missed and counted, never
//! queued.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::model::{Target, Timestamp};
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

#[derive(Debug)]
struct Slot {
    job: Arc<Job>,
    table: Timetable,
    due: Timestamp,
    in_flight: bool,
    missed: u64,
}

/// The schedule of one plugin.
pub struct Schedule<R> {
    runner: Arc<R>,
    clock: Arc<dyn Clock>,
    meter: Arc<PluginMeter>,
    slots: Vec<Slot>,
    flights: JoinSet<usize>,
}

impl<R: Runner> Schedule<R> {
    /// A schedule of these jobs, each every `interval`.
    pub fn new(plugin: &str, jobs: Vec<Job>, interval: Duration, runner: R, clock: Arc<dyn Clock>, meter: Arc<PluginMeter>) -> Self {
        let now = clock.now();
        let slots = jobs
            .into_iter()
            .map(|job| {
                let table = Timetable::new(interval, &job.name(plugin));
                Slot { due: table.first(now), table, job: Arc::new(job), in_flight: false, missed: 0 }
            })
            .collect();
        Self { runner: Arc::new(runner), clock, meter, slots, flights: JoinSet::new() }
    }

    /// Runs jobs until `stop` turns true; then waits for those in flight.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.start_due();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(self.until_due()) => {}
                Some(landed) = self.flights.join_next() => self.land(landed),
            }
        }
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
        }
    }

    fn until_due(&self) -> Duration {
        let now = self.clock.now();
        let next = self.slots.iter().map(|slot| slot.due).min();
        next.map_or(LOOK_EVERY, |due| due.since(now)).min(LOOK_EVERY)
    }

    fn start_due(&mut self) {
        let now = self.clock.now();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.due > now {
                // A clock that was set back must not silence a job for as long.
                slot.due = slot.due.min(slot.table.next(now));
                continue;
            }
            let passed = slot.table.runs_between(slot.due, now);
            slot.due = slot.table.next(now);
            if slot.in_flight {
                slot.missed += 1 + passed;
                self.meter.missed.add(1 + passed);
                continue;
            }
            slot.in_flight = true;
            let (runner, job, missed) = (self.runner.clone(), slot.job.clone(), std::mem::take(&mut slot.missed));
            self.flights.spawn(async move {
                runner.run(&job, missed).await;
                at
            });
        }
    }

    fn land(&mut self, landed: Result<usize, tokio::task::JoinError>) {
        match landed {
            Ok(at) => self.slots[at].in_flight = false,
            // Which one it was is not known; a run that panicked is the host's fault, and the others must go on.
            Err(error) => {
                tracing::error!(%error, "a run of the schedule ended abnormally");
                self.slots.iter_mut().for_each(|slot| slot.in_flight = false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;
    use crate::clock::ManualClock;
    use crate::model::{Labels, Name};

    /// Notes each run and lands it when a permit is there.
    struct Runs {
        started: mpsc::UnboundedSender<(String, u64)>,
        permits: Arc<Semaphore>,
        landed: Arc<Mutex<u64>>,
    }

    impl Runner for Runs {
        async fn run(&self, job: &Job, missed: u64) {
            let name = job.target.name.as_ref().unwrap().to_string();
            self.started.send((name, missed)).unwrap();
            self.permits.acquire().await.unwrap().forget();
            *self.landed.lock() += 1;
        }
    }

    /// tokio's paused time with a manual clock that follows it.
    #[derive(Clone)]
    struct Paused(ManualClock, tokio::time::Instant);

    impl Clock for Paused {
        fn now(&self) -> Timestamp {
            self.0.now() + self.1.elapsed()
        }
    }

    fn job(name: &str) -> Job {
        let target = Target { name: Some(Name::new(name).unwrap()), address: String::new(), labels: Labels::default() };
        Job { role: JobRole::Collect, target: Arc::new(target) }
    }

    struct Bench {
        started: mpsc::UnboundedReceiver<(String, u64)>,
        permits: Arc<Semaphore>,
        landed: Arc<Mutex<u64>>,
        meter: Arc<PluginMeter>,
        stop: watch::Sender<bool>,
        task: tokio::task::JoinHandle<()>,
    }

    fn start(jobs: &[&str]) -> Bench {
        let (sender, started) = mpsc::unbounded_channel();
        let (permits, landed, meter) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(0)), Arc::new(PluginMeter::default()));
        let runner = Runs { started: sender, permits: permits.clone(), landed: landed.clone() };
        let clock = Paused(ManualClock::new(Timestamp(1_000_000)), tokio::time::Instant::now());
        let jobs = jobs.iter().map(|name| job(name)).collect();
        let schedule = Schedule::new("p", jobs, Duration::from_secs(10), runner, Arc::new(clock), meter.clone());
        let (stop, stopped) = watch::channel(false);
        Bench { started, permits, landed, meter, stop, task: tokio::spawn(schedule.run(stopped)) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_meets_one_in_flight_is_counted_and_not_queued() {
        let mut bench = start(&["slow"]);
        assert_eq!(bench.started.recv().await.unwrap(), ("slow".into(), 0));
        tokio::time::advance(Duration::from_secs(25)).await;
        bench.permits.add_permits(1);
        let (_, missed) = bench.started.recv().await.unwrap();
        assert!((2..=3).contains(&missed), "{missed}");
        assert_eq!(bench.meter.missed.get(), missed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_target_does_not_hold_up_the_others() {
        let mut bench = start(&["slow", "quick"]);
        let first = [bench.started.recv().await.unwrap().0, bench.started.recv().await.unwrap().0];
        assert!(first.contains(&"slow".to_owned()) && first.contains(&"quick".to_owned()));
        bench.permits.add_permits(1);
        assert!(bench.started.recv().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_waits_for_what_is_in_flight() {
        let mut bench = start(&["one"]);
        bench.started.recv().await.unwrap();
        bench.stop.send(true).unwrap();
        tokio::task::yield_now().await;
        assert!(!bench.task.is_finished());
        bench.permits.add_permits(1);
        bench.task.await.unwrap();
        assert_eq!(*bench.landed.lock(), 1);
    }
}
