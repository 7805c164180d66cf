//! Makes what runs follow what the plugin directories say. An invalid file never replaces what runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::HostConfig;
use super::projections::Projections;
use super::running::Running;
use super::settle::{Settled, settle};
use crate::bus::{Accept, SubmitError};
use crate::event::{Event, Frame, Origin};
use crate::journal::{ReadError, Tail};
use crate::model::time::format_duration;
use crate::model::{Offset, OffsetRange, PluginName};
use crate::notify::driver::{Ledger, Receivers};
use crate::plugin::caller::CallServices;
use crate::plugin::directory::{Desired, Refusal};
use crate::plugin::reconcile::{Change, Reconciler};
use crate::plugin::roster::{PluginState, PluginStatus};
use crate::plugin::{Engine, Loaded, Services};
use crate::route::evaluator::EvaluatorSources;

/// An alerter that is further behind begins here: what is older is no news.
const BEHIND_MAX: Duration = Duration::from_secs(600);

/// What running plugins are made of.
pub(super) struct Host {
    pub(super) config: Arc<HostConfig>,
    pub(super) engine: Arc<Engine>,
    pub(super) services: Services,
    pub(super) calls: CallServices,
    pub(super) evaluations: EvaluatorSources,
    pub(super) projections: Projections,
    pub(super) receivers: Receivers,
    pub(super) ledger: Ledger,
    pub(super) tail: Tail,
}

impl Host {
    /// Records facts of the host itself.
    pub(super) async fn record(&self, events: Vec<Event>) -> Result<(), SubmitError> {
        let frame = Frame { at: self.services.clock.now(), origin: Origin::Host, events };
        self.calls.bus.submit(frame, Accept::Default).await.map(drop)
    }

    /// Up to where an alerter has seen the journal: a new one has seen all of it, one that is far behind skips.
    pub(super) async fn seen(&self, plugin: &PluginName) -> Result<Offset, ReadError> {
        let end = self.tail.last();
        self.projections.reach(end).await;
        let cursor = self.projections.pasts.read().get(plugin).cursor;
        if cursor == Offset::ZERO {
            return Ok(end);
        }
        let oldest = self.tail.offset_at(self.services.clock.now() - BEHIND_MAX).await?;
        let news = Offset(oldest.0.saturating_sub(1));
        if news > cursor {
            let skipped = OffsetRange { from: cursor, to: news };
            let reason = format!("more than {} behind", format_duration(BEHIND_MAX));
            if let Err(error) = self.record(vec![Event::CursorSkipped { plugin: plugin.clone(), skipped, reason }]).await {
                tracing::warn!(%plugin, %error, "a skip could not be recorded");
            }
        }
        Ok(cursor.max(news))
    }
}

/// Starts, replaces and stops plugins.
pub(super) struct Supervisor {
    host: Host,
    running: BTreeMap<PluginName, Running>,
}

impl Supervisor {
    pub(super) fn new(host: Host) -> Self {
        Self { host, running: BTreeMap::new() }
    }

    /// Follows the directories until `stop` turns true, then stops all plugins. `ready` turns true when what is there at the
    /// beginning was tried.
    pub(super) async fn run(mut self, ready: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
        let mut reconciler = Reconciler::new(self.host.config.plugins.clone());
        loop {
            let changes = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                changes = reconciler.changes() => changes,
            };
            for change in changes {
                if *stop.borrow() {
                    break;
                }
                self.follow(change, &mut reconciler).await;
            }
            if !*ready.borrow() {
                self.forget_unconfigured().await;
                ready.send_replace(true);
            }
        }
        for name in self.running.keys().cloned().collect::<Vec<_>>() {
            self.stop(&name, "shutdown").await;
        }
    }

    async fn follow(&mut self, change: Change, reconciler: &mut Reconciler) {
        match change {
            Change::Start(desired) | Change::Replace(desired) => match self.take_up(&desired).await {
                Ok(()) => reconciler.runs(&desired.config.name, desired.version),
                Err(Failure::Changing(error)) => {
                    tracing::info!(plugin = %desired.config.name, error, "a plugin's file is still being written");
                    reconciler.retry(&desired.config.name);
                }
                Err(Failure::Refused(error)) => self.refuse(&desired, error).await,
            },
            Change::Stop(name) => {
                self.stop(&name, "removed").await;
                self.host.calls.roster.remove(&name);
            }
            Change::Refuse(name, refusal) => self.refuse_files(&name, &refusal).await,
            Change::Keep(name) => self.host.calls.roster.update(&name, |status| status.error = None),
        }
    }

    /// Checks the new, makes an instance of it beside what runs, and only then takes over.
    async fn take_up(&mut self, desired: &Desired) -> Result<(), Failure> {
        let name = desired.config.name.clone();
        if !self.running.contains_key(&name) {
            self.host.calls.roster.put(&name, status(desired, PluginState::Starting));
        }
        let (loaded, settled) = self.prepare(desired).await?;
        let addresses = addresses(&settled);
        let mut before = self.running.remove(&name);
        if let Some(before) = &mut before {
            before.pause(&self.host).await;
            self.host.projections.reach(self.host.tail.last()).await;
        }
        let started = Running::start(&self.host, &loaded, settled).await;
        let mut new = match started {
            Ok(new) => new,
            Err(error) => {
                self.resume(before).await;
                return Err(Failure::Refused(error));
            }
        };
        let mut facts = Vec::new();
        if let Some(before) = before {
            before.caller.handle().stop().await;
            facts.push(Event::PluginStopped { plugin: name.clone(), reason: "changed".into() });
        }
        let handle = new.caller.handle().clone();
        self.forget_targets(&name, &addresses, handle.has(crate::plugin::Role::HealthCheck));
        self.show(desired, &loaded, addresses);
        facts.push(Event::PluginLoaded(handle.facts()));
        facts.extend(new.declared());
        self.host.record(facts).await.map_err(|error| Failure::Refused(error.to_string()))?;
        tracing::info!(plugin = %name, version = handle.facts().version, "plugin loaded");
        let driven = new.drive(&self.host).await;
        self.running.insert(name, new);
        driven.map_err(Failure::Refused)
    }

    /// What can be checked without stopping what runs.
    async fn prepare(&self, desired: &Desired) -> Result<(Arc<Loaded>, Settled), Failure> {
        let reading = desired.clone();
        let bytes = tokio::task::spawn_blocking(move || reading.load()).await;
        let bytes = bytes.map_err(|error| Failure::Refused(error.to_string()))?.map_err(Failure::Changing)?;
        let loaded = self.host.engine.load(bytes).await.map_err(|error| Failure::Refused(error.to_string()))?;
        let settled = settle(desired, &loaded.description, &self.host.config).map_err(Failure::Refused)?;
        Ok((loaded, settled))
    }

    async fn resume(&mut self, before: Option<Running>) {
        let Some(mut before) = before else { return };
        if let Err(error) = before.drive(&self.host).await {
            tracing::error!(plugin = %before.caller.handle().name(), error, "what ran before could not go on");
        }
        self.running.insert(before.caller.handle().name().clone(), before);
    }

    /// Targets that the configuration no longer names leave the health board.
    fn forget_targets(&self, name: &PluginName, addresses: &BTreeMap<String, String>, is_check: bool) {
        let is_configured = |target: Option<&crate::model::TargetName>| match target {
            Some(target) => is_check && addresses.contains_key(target.as_str()),
            None => is_check && addresses.is_empty(),
        };
        self.host.projections.board.write().retain(|key| key.check != *name || is_configured(key.target.as_ref()));
    }

    fn show(&self, desired: &Desired, loaded: &Loaded, addresses: BTreeMap<String, String>) {
        let description = &loaded.description;
        let generation = self.host.projections.pasts.read().get(&desired.config.name).generation + 1;
        let shown = PluginStatus {
            version: description.version.clone(),
            description: description.description.clone(),
            roles: description.roles.iter().map(ToString::to_string).collect(),
            generation,
            addresses,
            ..status(desired, PluginState::Running)
        };
        self.host.calls.roster.put(&desired.config.name, shown);
    }

    async fn stop(&mut self, name: &PluginName, reason: &str) {
        let Some(mut running) = self.running.remove(name) else { return };
        running.pause(&self.host).await;
        let ends = running.caller.handle().stop().await;
        let mut facts = Vec::new();
        // A host that ends and comes back goes on with the same series.
        if reason == "removed" {
            facts.extend(ends.into_iter().map(|ended| Event::SamplesCollected(Arc::new(ended))));
        }
        facts.push(Event::PluginStopped { plugin: name.clone(), reason: reason.into() });
        if let Err(error) = self.host.record(facts).await {
            tracing::error!(plugin = %name, %error, "a plugin's end could not be recorded");
        }
        self.host.calls.roster.update(name, |status| status.state = PluginState::Stopped);
    }

    async fn refuse(&self, desired: &Desired, error: String) {
        let name = &desired.config.name;
        if self.running.contains_key(name) {
            self.host.calls.roster.update(name, |status| status.error = Some(error.clone()));
        } else {
            let refused = PluginStatus { error: Some(error.clone()), ..status(desired, PluginState::Refused) };
            self.host.calls.roster.put(name, refused);
        }
        self.tell(name, desired.config.file.display().to_string(), error).await;
    }

    async fn refuse_files(&self, name: &PluginName, refusal: &Refusal) {
        let file = refusal.file.display().to_string();
        let refused = PluginStatus {
            state: PluginState::Refused,
            version: String::new(),
            description: String::new(),
            roles: Vec::new(),
            file: file.clone(),
            digest: String::new(),
            error: Some(refusal.error.clone()),
            generation: 0,
            addresses: BTreeMap::new(),
        };
        if self.running.contains_key(name) {
            self.host.calls.roster.update(name, |status| status.error.clone_from(&refused.error));
        } else {
            self.host.calls.roster.put(name, refused);
        }
        self.tell(name, file, refusal.error.clone()).await;
    }

    async fn tell(&self, name: &PluginName, file: String, error: String) {
        tracing::warn!(plugin = %name, file, error, "plugin refused");
        if let Err(error) = self.host.record(vec![Event::PluginRefused { plugin: name.clone(), file, error }]).await {
            tracing::error!(plugin = %name, %error, "a refusal could not be recorded");
        }
    }

    /// Plugins that left alerts or deliveries and are not configured any more were removed while the host was away.
    async fn forget_unconfigured(&self) {
        let mut known = self.host.evaluations.book.read().plugins();
        known.extend(self.host.ledger.lock().0.receivers().cloned());
        known.sort();
        known.dedup();
        let gone = known.into_iter().filter(|name| self.host.calls.roster.get(name).is_none());
        let facts: Vec<Event> = gone.map(|plugin| Event::PluginStopped { plugin, reason: "removed".into() }).collect();
        if facts.is_empty() {
            return;
        }
        if let Err(error) = self.host.record(facts).await {
            tracing::error!(%error, "removed plugins could not be recorded");
        }
    }
}

/// Why a plugin is not taken up.
enum Failure {
    /// Its file is being written: to be tried again.
    Changing(String),
    /// It cannot run as it is.
    Refused(String),
}

fn status(desired: &Desired, state: PluginState) -> PluginStatus {
    PluginStatus {
        state,
        version: String::new(),
        description: String::new(),
        roles: Vec::new(),
        file: desired.component.display().to_string(),
        digest: desired.digest.to_hex().to_string(),
        error: None,
        generation: 0,
        addresses: BTreeMap::new(),
    }
}

fn addresses(settled: &Settled) -> BTreeMap<String, String> {
    let named = settled
        .configured
        .targets
        .iter()
        .filter_map(|target| Some((target.name.as_ref()?.to_string(), target.address.clone())));
    named.collect()
}
