//! An engine with everything around a plugin, and words for what comes out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vigie::clock::{Clock, ManualClock};
use vigie::edge::{BatchOutput, SeriesRegistry};
use vigie::model::{Labels, Name, PluginName, Target, Timestamp};
use vigie::plugin::log::Logs;
use vigie::plugin::{
    Engine, EngineSettings, Finished, Handle, NoSeries, Outcome, Past, PluginSettings, Reach, Request, Services,
};
use vigie::telemetry::{PluginMeter, Telemetry};

use crate::guests::guest;

/// The time that every test begins at.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);
/// Long enough for any guest that ends.
pub const LONG: Duration = Duration::from_secs(60);

/// A clock on which every look costs a millisecond, so that no two calls have one time.
struct SteppingClock(ManualClock);

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        self.0.advance(Duration::from_millis(1));
        self.0.now()
    }
}

pub struct Rig {
    pub services: Services,
    pub settings: PluginSettings,
    pub past: Past,
}

pub fn engine() -> &'static Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&EngineSettings::default()).unwrap())
}

pub fn name(text: &str) -> PluginName {
    Name::new(text).unwrap()
}

/// A target whose name is its address.
pub fn target(address: &str) -> Arc<Target> {
    let name = (!address.is_empty()).then(|| name(address));
    Arc::new(Target { name, address: address.into(), labels: Labels::default() })
}

impl Rig {
    /// Everything new, for a plugin of this name.
    pub fn new(plugin: &str) -> Self {
        let services = Services {
            clock: Arc::new(SteppingClock(ManualClock::new(NOW))),
            telemetry: Arc::new(Telemetry::default()),
            logs: Arc::new(Logs::default()),
            registry: Arc::new(SeriesRegistry::new()),
            reader: Arc::new(NoSeries),
            reach: Reach::default(),
            hostname: "here".into(),
        };
        let mut settings = PluginSettings::new(name(plugin));
        settings.cpu_per_call = LONG;
        Self { services, settings, past: Past::default() }
    }

    pub async fn start(&self) -> Handle {
        self.try_start().await.unwrap()
    }

    /// Starts the guest of the plugin's name.
    pub async fn try_start(&self) -> Result<Handle, vigie::plugin::StartError> {
        let loaded = engine().load(guest(self.settings.name.as_str())).await.unwrap();
        Handle::start(engine(), &self.services, &loaded, &self.settings, self.past.clone()).await
    }

    pub async fn start_component(&self, bytes: Vec<u8>) -> Handle {
        let loaded = engine().load(bytes).await.unwrap();
        Handle::start(engine(), &self.services, &loaded, &self.settings, self.past.clone()).await.unwrap()
    }

    pub fn meter(&self) -> Arc<PluginMeter> {
        self.services.telemetry.plugin(&self.settings.name)
    }

    /// The samples of a batch as text, in order: `name{labels} value`.
    pub fn samples(&self, output: Option<&BatchOutput>) -> Vec<String> {
        let collected = &output.expect("a batch").collected;
        collected.samples.iter().map(|(id, _, value)| format!("{} {value}", self.series(id))).collect()
    }

    pub fn ended(&self, output: Option<&BatchOutput>) -> Vec<String> {
        output.expect("a batch").collected.ended.iter().map(|id| self.series(*id)).collect()
    }

    fn series(&self, id: vigie::model::SeriesId) -> String {
        let definition = self.services.registry.definition(id).unwrap();
        let labels = definition.labels.iter().filter(|(name, _)| !["__name__", "job", "instance"].contains(name));
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}{{{}}}", definition.name(), labels.join(","))
    }
}

/// Collects from the target of this address and commits.
pub async fn collect(handle: &Handle, address: &str) -> Outcome {
    let finished = call(handle, Request::Collect(target(address))).await;
    finished.settle.committed();
    finished.outcome
}

pub async fn call(handle: &Handle, request: Request) -> Finished {
    handle.call(request, LONG).await.unwrap()
}
