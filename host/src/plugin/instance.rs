//! One instance of a component in its own Wasm store, and one call of it. After a trap or a stopped call it is thrown away.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wasmtime::{Store, UpdateDeadline};

use crate::edge::Interner;
use crate::model::time::format_duration;
use crate::model::{Target, Timestamp};
use crate::plugin::bindings::exports::{alerter, health_check, notifier};
use crate::plugin::bindings::types;
use crate::plugin::convert;
use crate::plugin::data::{Current, Data, Stage};
use crate::plugin::describe::Role;
use crate::plugin::engine::{Engine, Loaded, one_line};
use crate::plugin::exports::Guest;
use crate::plugin::limits::{CpuMeter, MemoryLimiter, START_TIMEOUT};
use crate::plugin::request::Request;
use crate::plugin::shared::Shared;
use crate::plugin::state::Overlay;
use crate::plugin::trap::{self, CpuExceeded};
use crate::plugin::wasi::Wasi;

/// Bytes that a guest may hand to the host in one call or result.
pub(crate) const HANDED_BYTES_MAX: usize = 64 << 20;

/// What a guest returned.
pub(crate) enum Answer {
    /// `init` has nothing to say.
    Ready,
    /// `collect`.
    Families(Vec<types::Family>),
    /// `check`.
    Report(health_check::Report),
    /// `rules`.
    Rules(Vec<alerter::Rule>),
    /// `evaluate`.
    Findings(Vec<alerter::Finding>),
    /// `notify`.
    Receipt(notifier::Receipt),
}

/// How a call ended, before its answer is looked at.
pub(crate) enum End {
    /// The guest returned.
    Returned(Result<Answer, types::Error>),
    /// The guest aborted.
    Trapped {
        /// What happened, with the guest's backtrace.
        message: String,
        /// Its last words.
        stderr: Vec<String>,
    },
    /// The host stopped it, at this bound.
    Stopped(Bound),
}

/// What a stopped call used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Its time.
    Timeout(Duration),
    /// Its processor time.
    Cpu(Duration),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(max) => write!(f, "timeout of {}", format_duration(*max)),
            Self::Cpu(max) => write!(f, "cpu-per-call of {}", format_duration(*max)),
        }
    }
}

/// What an instance may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstanceLimits {
    /// Bytes of its memories and tables.
    pub(crate) memory_bytes: usize,
    /// CPU of one call.
    pub(crate) cpu_per_call: Duration,
    /// CPU of instantiation and of `init`, each.
    pub(crate) cpu_at_start: Duration,
    /// Series that it may intern.
    pub(crate) series: usize,
}

/// An instance that has not trapped.
pub(crate) struct Instance {
    store: Store<Data>,
    guest: Guest,
    cpu: Arc<CpuMeter>,
    cpu_per_call: Duration,
}

impl Instance {
    /// Makes an instance and calls its `init`. The instance comes back with the end of that call, where it could be made.
    ///
    /// # Errors
    /// It could not be made: what is wrong with it.
    pub(crate) async fn start(
        engine: &Engine,
        loaded: &Loaded,
        shared: &Arc<Shared>,
        limits: InstanceLimits,
        config: &str,
    ) -> Result<(Self, End), String> {
        let mut store = new_store(engine, loaded, shared, limits);
        let cpu = store.data().cpu.clone();
        let made = metered(&cpu, START_TIMEOUT, loaded.instances.instantiate_async(&mut store)).await;
        let instance = match made {
            Ok(Ok(instance)) => instance,
            Ok(Err(error)) => return Err(start_problem(&store, &error)),
            Err(_) => return Err(format!("its start took longer than {START_TIMEOUT:?}")),
        };
        let guest = loaded.exports.load(&mut store, &instance).map_err(|error| {
            format!("its exports do not fit the contract: {}; build it against this version's `wit`", one_line(&error))
        })?;
        let mut instance = Self { store, guest, cpu, cpu_per_call: limits.cpu_per_call };
        let end = instance.init(config, limits.cpu_at_start).await;
        Ok((instance, end))
    }

    /// The Wasm store's data.
    pub(crate) fn data(&mut self) -> &mut Data {
        self.store.data_mut()
    }

    /// CPU that the last call used.
    pub(crate) fn cpu_used(&self) -> Duration {
        self.cpu.used()
    }

    /// Makes one call; `current` is the call's part of the data. Where it ends other than by returning, the instance is to be
    /// dropped: its Wasm store is poisoned.
    pub(crate) async fn call(&mut self, request: Request, mut current: Current, bound: Duration) -> End {
        current.deadline = Instant::now() + bound;
        self.prepare(current, self.cpu_per_call);
        let Self { store, guest, cpu, .. } = self;
        let ended = metered(cpu, bound, invoke(store, guest, request)).await;
        self.end(ended, bound)
    }

    async fn init(&mut self, config: &str, cpu_max: Duration) -> End {
        let now = self.store.data().shared.clock.now();
        let mut current = Current::new(Stage::Init, None, now);
        current.deadline = Instant::now() + START_TIMEOUT;
        self.prepare(current, cpu_max);
        let Self { store, guest, cpu, .. } = self;
        let init = async { Ok(guest.lifecycle.call_init(store, config).await?.map(|()| Answer::Ready)) };
        let ended = metered(cpu, START_TIMEOUT, init).await;
        self.end(ended, START_TIMEOUT)
    }

    fn prepare(&mut self, current: Current, cpu_max: Duration) {
        self.store.set_epoch_deadline(1);
        let data = self.store.data_mut();
        data.cpu_max = cpu_max;
        data.memory.refused = None;
        data.wasi.stderr.clear();
        if current.stage == Stage::Evaluate {
            data.wasi.clock.stop(current.now);
            data.wasi.random.seed_by(&data.shared.name, current.now);
        } else if data.current.stage == Stage::Evaluate {
            data.wasi.clock.run();
            data.wasi.random.unseed();
        }
        data.current = current;
    }

    fn end(&mut self, ended: Timed<wasmtime::Result<Result<Answer, types::Error>>>, bound: Duration) -> End {
        match ended {
            Ok(Ok(answer)) => End::Returned(answer),
            Err(_) => End::Stopped(Bound::Timeout(bound)),
            Ok(Err(error)) => match error.downcast_ref::<CpuExceeded>() {
                Some(CpuExceeded(max)) => End::Stopped(Bound::Cpu(*max)),
                None => {
                    let data = self.store.data_mut();
                    let stderr = data.wasi.stderr.lines();
                    End::Trapped { message: trap::describe(&error, &stderr, data.memory.refused), stderr }
                }
            },
        }
    }
}

impl Current {
    /// A call without samples; its deadline is set when it is made.
    #[must_use]
    pub(crate) fn new(stage: Stage, target: Option<Arc<Target>>, now: Timestamp) -> Self {
        let state = Overlay::new(target.as_ref().and_then(|target| target.name.clone()));
        let deadline = Instant::now();
        Self { stage, now, deadline, batch: None, state, events: Vec::new(), waited: Duration::ZERO }
    }
}

fn new_store(engine: &Engine, loaded: &Loaded, shared: &Arc<Shared>, limits: InstanceLimits) -> Store<Data> {
    // An alerter's answers depend on its inputs alone: the order of its hash maps, too.
    let repeatable = loaded.description.roles.contains(&Role::Alerter);
    let seed = || {
        let hash = blake3::derive_key("vigie seed of hash maps", shared.name.as_str().as_bytes());
        u128::from_le_bytes(*hash.first_chunk().unwrap_or(&[0; 16]))
    };
    let data = Data {
        shared: shared.clone(),
        current: Current::new(Stage::Init, None, shared.clock.now()),
        memory: MemoryLimiter::new(engine.memory().clone(), limits.memory_bytes),
        cpu: Arc::new(CpuMeter::default()),
        cpu_max: limits.cpu_at_start,
        interner: Interner::new(limits.series),
        wasi: Wasi::new(shared, repeatable.then(seed)),
    };
    let mut store = Store::new(engine.inner(), data);
    store.limiter(|data| &mut data.memory);
    store.set_hostcall_fuel(HANDED_BYTES_MAX);
    store.epoch_deadline_callback(|mut context| {
        let data = context.data_mut();
        if data.cpu.epoch() > data.cpu_max {
            return Err(CpuExceeded(data.cpu_max).into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store.set_epoch_deadline(1);
    store
}

fn start_problem(store: &Store<Data>, error: &wasmtime::Error) -> String {
    let data = store.data();
    format!("it cannot be instantiated: {}", trap::describe(error, &data.wasi.stderr.lines(), data.memory.refused))
}

type Timed<T> = Result<T, tokio::time::error::Elapsed>;

/// Runs a call of the guest, measures its CPU poll by poll, and drops it when its time is over.
async fn metered<T>(cpu: &CpuMeter, bound: Duration, call: impl Future<Output = T>) -> Timed<T> {
    cpu.reset();
    let mut call = pin!(call);
    let measured = poll_fn(|context| {
        cpu.begin();
        let polled = call.as_mut().poll(context);
        cpu.end();
        polled
    });
    timeout(bound, measured).await
}

async fn invoke(store: &mut Store<Data>, guest: &Guest, request: Request) -> wasmtime::Result<Result<Answer, types::Error>> {
    Ok(match request {
        Request::Collect(target) => {
            let collector = guest.collector.as_ref().ok_or_else(|| missing(Role::Collector))?;
            collector.call_collect(store, &convert::target(&target)).await?.map(Answer::Families)
        }
        Request::Check(target) => {
            let check = guest.health_check.as_ref().ok_or_else(|| missing(Role::HealthCheck))?;
            check.call_check(store, &convert::target(&target)).await?.map(Answer::Report)
        }
        Request::Rules => {
            let alerter = guest.alerter.as_ref().ok_or_else(|| missing(Role::Alerter))?;
            alerter.call_rules(store).await?.map(Answer::Rules)
        }
        Request::Evaluate { now, rule, inputs } => {
            let alerter = guest.alerter.as_ref().ok_or_else(|| missing(Role::Alerter))?;
            alerter.call_evaluate(store, now.as_f64(), &rule, &convert::inputs(inputs)).await?.map(Answer::Findings)
        }
        Request::Notify(notification) => {
            let notifier = guest.notifier.as_ref().ok_or_else(|| missing(Role::Notifier))?;
            notifier.call_notify(store, &convert::notification(*notification)).await?.map(Answer::Receipt)
        }
    })
}

/// The handle refuses calls of a role that the component lacks, so this does not happen.
fn missing(role: Role) -> wasmtime::Error {
    wasmtime::format_err!("the component is no {role}")
}
