//! The task that owns a plugin's instance: takes one call after the other, and makes a new instance after a trap.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::edge::{Batch, BatchOutput, Ending};
use crate::event::{Event, StateWrite};
use crate::model::DropReason;
use crate::model::time::format_duration;
use crate::plugin::answer::{self, About};
use crate::plugin::convert;
use crate::plugin::data::Current;
use crate::plugin::engine::{Engine, Loaded};
use crate::plugin::handle::{Message, StartError};
use crate::plugin::instance::{Bound, End, Instance, InstanceLimits};
use crate::plugin::log::{Level, Stream};
use crate::plugin::request::{Cost, Finished, Outcome, Request, Settle, Unavailable};
use crate::plugin::shared::Shared;
use crate::plugin::sources::{Sources, StreamKey};
use crate::telemetry::CallEnd;

/// The longest wait between two new instances of a plugin whose calls all cost it its instance.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The wait after the second such call in a row; it doubles from there. After the first there is none.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// What a plugin's task needs to make instances.
pub(crate) struct Parts {
    /// The engine.
    pub(crate) engine: Arc<Engine>,
    /// The component.
    pub(crate) loaded: Arc<Loaded>,
    /// What its instances share.
    pub(crate) shared: Arc<Shared>,
    /// What an instance may use.
    pub(crate) limits: InstanceLimits,
    /// Its settings as JSON.
    pub(crate) config: String,
}

/// A plugin's task.
pub(crate) struct Task {
    parts: Parts,
    sources: Sources,
    instance: Option<Instance>,
    /// What `init` wrote and what arose in it: they go with the calls until one is committed.
    carried: Vec<StateWrite>,
    carried_events: Vec<Event>,
    generation: u64,
    /// Calls in a row that cost the plugin its instance.
    lost_in_a_row: u32,
    not_before: Instant,
}

/// A call on its way to its caller.
struct Made {
    finished: Finished,
    settled: oneshot::Receiver<()>,
    key: Option<StreamKey>,
    /// Samples that wait for the journal.
    samples: u64,
}

impl Task {
    /// A task with its first instance, whose generation follows `generation`.
    ///
    /// # Errors
    /// The instance does not start.
    pub(crate) async fn start(parts: Parts, sources: Sources, generation: u64) -> Result<Self, StartError> {
        let mut task = Self {
            parts,
            sources,
            instance: None,
            carried: Vec::new(),
            carried_events: Vec::new(),
            generation,
            lost_in_a_row: 0,
            not_before: Instant::now(),
        };
        task.instance = Some(task.new_instance().await?);
        Ok(task)
    }

    /// Takes calls until it is stopped or nobody can call any more.
    pub(crate) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        while let Some(message) = messages.recv().await {
            match message {
                Message::Call { request, timeout, answer } => self.serve(request, timeout, answer).await,
                Message::Stop { answer } => {
                    self.instance = None;
                    let _ = answer.send(self.sources.gone(self.parts.shared.clock.now()));
                    break;
                }
            }
        }
        self.parts.shared.meter.memory_bytes.set(0);
        self.parts.shared.meter.series.set(0);
    }

    async fn serve(&mut self, request: Request, timeout: Duration, answer: oneshot::Sender<Result<Finished, Unavailable>>) {
        let made = match self.call(request, timeout).await {
            Ok(made) => made,
            Err(unavailable) => {
                let _ = answer.send(Err(unavailable));
                return;
            }
        };
        let Made { finished, settled, key, samples } = made;
        let writes = finished.writes.clone();
        self.parts.shared.meter.queued.set(samples);
        // A caller that is gone drops the settlement with the answer.
        let _ = answer.send(Ok(finished));
        let committed = settled.await.is_ok();
        self.settle(key.as_ref(), writes, samples, committed);
    }

    fn settle(&mut self, key: Option<&StreamKey>, writes: Vec<StateWrite>, samples: u64, committed: bool) {
        let meter = &self.parts.shared.meter;
        meter.queued.set(0);
        if committed {
            meter.applied.add(samples);
            if !writes.is_empty() {
                self.carried.clear();
                self.parts.shared.state.lock().apply(writes);
            }
            key.into_iter().for_each(|key| self.sources.committed(key));
        } else {
            meter.drop_samples(DropReason::Journal, samples);
            key.into_iter().for_each(|key| self.sources.lost(key));
            // The guest's memory may hold what the journal does not.
            self.instance = None;
        }
        meter.series.set(self.sources.live() as u64);
    }

    async fn call(&mut self, request: Request, bound: Duration) -> Result<Made, Unavailable> {
        let mut instance = self.take_instance().await?;
        let about = About::new(&request, self.parts.shared.clock.now());
        let (key, batch) = self.sources.begin(about.stage, about.target.as_deref(), about.rule.as_deref(), about.now).unzip();
        let mut current = Current::new(about.stage, about.target.clone(), about.now);
        current.batch = batch;
        current.state.carry(&self.carried);
        let began = Instant::now();
        let end = instance.call(request, current, bound).await;
        let lives = matches!(end, End::Returned(_));
        let data = instance.data();
        let (mut batch, state) = (data.current.batch.take(), std::mem::take(&mut data.current.state));
        let mut events = std::mem::take(&mut self.carried_events);
        events.append(&mut data.current.events);
        let outcome = answer::outcome(&about, end, batch.as_mut(), data.current.waited);
        let writes = if answer::is_ok(&outcome) && lives { state.into_writes() } else { Vec::new() };
        let memory_bytes = data.memory.used() as u64;
        let cost = Cost { wall: began.elapsed(), cpu: instance.cpu_used(), memory_bytes };
        let output = key.clone().zip(batch).map(|(key, batch)| self.finish(key, batch, &outcome, lives));
        let status = about.checked(&outcome).and_then(|(target, report)| self.sources.record(target, about.now, &report));
        if lives {
            self.lost_in_a_row = 0;
            self.instance = Some(instance);
        } else {
            drop(instance);
            self.lost();
        }
        self.count(&outcome, lives, cost);
        let samples = [&output, &status].into_iter().flatten().map(|output| self.count_output(output)).sum();
        let (settle, settled) = Settle::new();
        let generation = self.generation;
        Ok(Made {
            finished: Finished { outcome, output, status, writes, events, generation, cost, settle },
            settled,
            key,
            samples,
        })
    }

    fn finish(&mut self, key: StreamKey, batch: Batch, outcome: &Outcome, lives: bool) -> BatchOutput {
        let ending = match outcome {
            _ if !lives => Ending::Aborted,
            Outcome::Erred { .. } => Ending::Erred,
            _ => Ending::Ok,
        };
        self.sources.finish(key, batch, ending)
    }

    fn count(&self, outcome: &Outcome, lives: bool, cost: Cost) {
        let end = match outcome {
            Outcome::Trapped { .. } => CallEnd::Trap,
            _ if !lives => CallEnd::Timeout,
            Outcome::Erred { .. } => CallEnd::Error,
            _ => CallEnd::Ok,
        };
        match outcome {
            Outcome::Trapped { message, .. } => self.parts.shared.log.write(Level::Error, Stream::Host, message, &[]),
            Outcome::TimedOut { bound } => {
                self.parts.shared.log.write(
                    Level::Error,
                    Stream::Host,
                    &format!("the call was stopped after its {bound}"),
                    &[],
                );
            }
            _ => {}
        }
        let meter = &self.parts.shared.meter;
        meter.call(end, cost.wall, cost.cpu);
        meter.memory_bytes.set(if lives { cost.memory_bytes } else { 0 });
    }

    fn count_output(&self, output: &BatchOutput) -> u64 {
        output.count(&self.parts.shared.meter);
        output.collected.samples.len() as u64
    }

    async fn take_instance(&mut self) -> Result<Instance, Unavailable> {
        if let Some(instance) = self.instance.take() {
            return Ok(instance);
        }
        let wait = self.not_before.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            return Err(Unavailable::BackingOff(wait));
        }
        self.parts.shared.meter.restarts.add(1);
        match self.new_instance().await {
            Ok(instance) => Ok(instance),
            Err(problem) => {
                self.lost();
                Err(problem.into())
            }
        }
    }

    async fn new_instance(&mut self) -> Result<Instance, StartError> {
        self.generation += 1;
        let Parts { engine, loaded, shared, limits, config } = &self.parts;
        let (mut instance, end) =
            Instance::start(engine, loaded, shared, *limits, config).await.map_err(StartError::Instantiate)?;
        match end {
            End::Returned(Ok(_)) => {}
            End::Returned(Err(error)) => return Err(StartError::Refused(convert::text(&error.message))),
            End::Trapped { message, stderr } => return Err(StartError::Trapped { message, stderr }),
            End::Stopped(Bound::Cpu(max)) => {
                return Err(StartError::Stopped { bound: format!("cpu of {}", format_duration(max)) });
            }
            End::Stopped(bound) => return Err(StartError::Stopped { bound: bound.to_string() }),
        }
        let current = &mut instance.data().current;
        self.carried = std::mem::take(&mut current.state).into_writes();
        self.carried_events = std::mem::take(&mut current.events);
        shared.meter.memory_bytes.set(instance.data().memory.used() as u64);
        Ok(instance)
    }

    /// The instance is gone: the next one waits the longer, the more calls in a row cost one.
    fn lost(&mut self) {
        let wait = match self.lost_in_a_row {
            0 => Duration::ZERO,
            again => BACKOFF_FIRST.saturating_mul(1 << (again - 1).min(16)).min(BACKOFF_MAX),
        };
        self.lost_in_a_row = self.lost_in_a_row.saturating_add(1);
        self.not_before = Instant::now() + wait.mul_f64(self.jitter());
    }

    /// Between 0.8 and 1.2, so that plugins which fell together do not rise together.
    fn jitter(&self) -> f64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.parts.shared.name.as_str().as_bytes()).update(&self.generation.to_be_bytes());
        0.8 + f64::from(hasher.finalize().as_bytes()[0]) / 255.0 * 0.4
    }
}
