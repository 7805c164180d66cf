//! A running plugin as everyone else sees it: a name, what it is, and a bounded channel into its task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::edge::{HonorLabels, Limits, PluginShare, SeriesRegistry};
use crate::event::{Collected, PluginFacts, StateWrite};
use crate::model::{PluginName, SeriesId, TargetName};
use crate::plugin::capability::metrics::SeriesReader;
use crate::plugin::capability::reach::Reach;
use crate::plugin::describe::{Description, Role};
use crate::plugin::engine::{Engine, Loaded};
use crate::plugin::grants::Grants;
use crate::plugin::instance::InstanceLimits;
use crate::plugin::limits::{CPU_PER_CALL_DEFAULT, CPU_START, MEMORY_BYTES_DEFAULT};
use crate::plugin::log::{Level, Logs, PluginLog};
use crate::plugin::request::{Finished, Request, Unavailable};
use crate::plugin::shared::Shared;
use crate::plugin::sources::{Common, Sources};
use crate::plugin::state::StateStore;
use crate::plugin::task::{Parts, Task};
use crate::telemetry::Telemetry;

/// Calls that may wait for one plugin. Callers wait beyond that; each has one call in flight a target.
pub const CALLS_WAITING_MAX: usize = 64;

/// What every plugin runs with.
#[derive(Clone)]
pub struct Services {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Meters.
    pub telemetry: Arc<Telemetry>,
    /// Plugins' logs.
    pub logs: Arc<Logs>,
    /// Gives series their ids.
    pub registry: Arc<SeriesRegistry>,
    /// The stored series.
    pub reader: Arc<dyn SeriesReader>,
    /// What capabilities work with.
    pub reach: Reach,
    /// The label `instance` where no target has a name.
    pub hostname: Arc<str>,
}

/// What one plugin runs with.
#[derive(Clone)]
pub struct PluginSettings {
    /// Its configured name.
    pub name: PluginName,
    /// Its own settings as JSON, valid against its schema; `{}` where there are none.
    pub config: String,
    /// What it may do.
    pub grants: Arc<Grants>,
    /// Bytes of memory of one instance.
    pub memory_bytes: usize,
    /// CPU of one call.
    pub cpu_per_call: Duration,
    /// CPU of an instance's start, and of its `init`.
    pub cpu_at_start: Duration,
    /// What it may put out.
    pub output: Limits,
    /// Whose `job` and `instance` count.
    pub honor: HonorLabels,
    /// Which lines of its log are read.
    pub log_level: Level,
}

impl PluginSettings {
    /// A plugin without settings, with the default limits, and nothing granted.
    #[must_use]
    pub fn new(name: PluginName) -> Self {
        Self {
            name,
            config: "{}".into(),
            grants: Arc::default(),
            memory_bytes: MEMORY_BYTES_DEFAULT,
            cpu_per_call: CPU_PER_CALL_DEFAULT,
            cpu_at_start: CPU_START,
            output: Limits::default(),
            honor: HonorLabels::No,
            log_level: Level::Info,
        }
    }
}

/// What the journal knows of a plugin from before.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Its state writes, in order.
    pub writes: Vec<StateWrite>,
    /// Its last generation; the first start has 1.
    pub generation: u64,
    /// Its live series, by target.
    pub live: BTreeMap<Option<TargetName>, Vec<SeriesId>>,
}

/// Why a plugin does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// No instance could be made of it.
    #[error("{0}")]
    Instantiate(String),
    /// Its `init` returned an error.
    #[error("`init` failed: {0}")]
    Refused(String),
    /// Its `init` aborted.
    #[error("`init` aborted: {message}")]
    Trapped {
        /// What happened.
        message: String,
        /// Its last words.
        stderr: Vec<String>,
    },
    /// Its `init` took too long.
    #[error("`init` was stopped after its {bound}")]
    Stopped {
        /// What it used up.
        bound: String,
    },
}

/// What is sent to a plugin's task.
pub(crate) enum Message {
    /// Make a call.
    Call {
        /// Which.
        request: Request,
        /// How long it may take.
        timeout: Duration,
        /// Where its end goes.
        answer: oneshot::Sender<Result<Finished, Unavailable>>,
    },
    /// End.
    Stop {
        /// Where the ends of its series go.
        answer: oneshot::Sender<Vec<Collected>>,
    },
}

/// A running plugin. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    loaded: Arc<Loaded>,
    sender: mpsc::Sender<Message>,
}

impl Handle {
    /// Makes a plugin's first instance, calls its `init`, and starts its task on the current runtime.
    ///
    /// # Errors
    /// It cannot be instantiated, or its `init` does not end well.
    pub async fn start(
        engine: &Arc<Engine>,
        services: &Services,
        loaded: &Arc<Loaded>,
        settings: &PluginSettings,
        past: Past,
    ) -> Result<Self, StartError> {
        let meter = services.telemetry.plugin(&settings.name);
        let log = services.logs.get_or_insert(&settings.name, || {
            PluginLog::new(settings.name.clone(), settings.log_level, meter.clone(), services.clock.clone())
        });
        let shared = Arc::new(Shared {
            name: settings.name.clone(),
            grants: settings.grants.clone(),
            reach: services.reach.for_another(),
            log,
            meter,
            state: Mutex::new(StateStore::restore(past.writes)),
            reader: services.reader.clone(),
            clock: services.clock.clone(),
            denied: Mutex::default(),
        });
        let common = Common {
            registry: services.registry.clone(),
            share: Arc::new(PluginShare::new(settings.output)),
            plugin: settings.name.clone(),
            hostname: services.hostname.clone(),
            honor: settings.honor,
        };
        let limits = InstanceLimits {
            memory_bytes: settings.memory_bytes,
            cpu_per_call: settings.cpu_per_call,
            cpu_at_start: settings.cpu_at_start,
            series: settings.output.series,
        };
        let sources = Sources::new(common, past.live);
        let config = settings.config.clone();
        let parts = Parts { engine: engine.clone(), loaded: loaded.clone(), shared: shared.clone(), limits, config };
        let task = Task::start(parts, sources, past.generation).await?;
        let (sender, receiver) = mpsc::channel(CALLS_WAITING_MAX);
        tokio::spawn(task.run(receiver));
        Ok(Self { shared, loaded: loaded.clone(), sender })
    }

    /// Its configured name.
    #[must_use]
    pub fn name(&self) -> &PluginName {
        &self.shared.name
    }

    /// What its component is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.loaded.description
    }

    /// Whether it has a role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.loaded.description.roles.contains(&role)
    }

    /// What is recorded when it is loaded.
    #[must_use]
    pub fn facts(&self) -> PluginFacts {
        let description = &self.loaded.description;
        PluginFacts {
            plugin: self.shared.name.clone(),
            version: description.version.clone(),
            digest: self.loaded.digest.clone(),
            roles: description.roles.iter().map(ToString::to_string).collect(),
        }
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &PluginLog {
        &self.shared.log
    }

    /// Makes one call and waits for its end. The calls of a plugin run one after the other, and each is settled before the next
    /// begins. `timeout` counts from the call's own beginning.
    ///
    /// # Errors
    /// The call was not made.
    pub async fn call(&self, request: Request, timeout: Duration) -> Result<Finished, Unavailable> {
        let role = request.role();
        if !self.has(role) {
            return Err(Unavailable::NoSuchRole(role));
        }
        let (answer, end) = oneshot::channel();
        self.sender.send(Message::Call { request, timeout, answer }).await.map_err(|_| Unavailable::Stopped)?;
        end.await.map_err(|_| Unavailable::Stopped)?
    }

    /// Ends the plugin after the calls that wait, and returns the ends of its series, for the journal where it does not come back.
    pub async fn stop(&self) -> Vec<Collected> {
        let (answer, ended) = oneshot::channel();
        if self.sender.send(Message::Stop { answer }).await.is_err() {
            return Vec::new();
        }
        ended.await.unwrap_or_default()
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("name", self.name()).field("digest", &self.loaded.digest).finish()
    }
}

impl Request {
    /// The role that it asks for.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Collect(_) => Role::Collector,
            Self::Check(_) => Role::HealthCheck,
            Self::Rules | Self::Evaluate { .. } => Role::Alerter,
            Self::Notify(_) => Role::Notifier,
        }
    }
}
