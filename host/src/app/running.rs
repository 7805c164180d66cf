//! One running plugin: its task, and the drivers of its roles.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::settle::Settled;
use super::supervisor::Host;
use crate::event::Event;
use crate::model::{Offset, Rule, Target};
use crate::notify::driver::Receiver;
use crate::plugin::caller::{Caller, Record};
use crate::plugin::request::{Outcome, Request};
use crate::plugin::{Handle, Loaded, Past, Role};
use crate::route::evaluator::{Evaluator, EvaluatorSettings};
use crate::route::watch::WatchSet;
use crate::schedule::driver::{Job, JobRole, Schedule};
use crate::schedule::runner::Calls;

/// How long a plugin's calls in flight may take to end when it is stopped.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// One running plugin.
pub(super) struct Running {
    pub(super) caller: Arc<Caller>,
    settled: Settled,
    rules: Vec<Rule>,
    stop: watch::Sender<bool>,
    drivers: JoinSet<()>,
}

impl Running {
    /// Makes the first instance and learns its rules. Nothing calls it yet.
    ///
    /// # Errors
    /// It does not start, or its rules are none.
    pub(super) async fn start(host: &Host, loaded: &Arc<Loaded>, settled: Settled) -> Result<Self, String> {
        let name = &settled.settings.name;
        let past = host.projections.pasts.read().get(name);
        let targets = settled.configured.targets.iter().map(|target| target.name.clone()).chain([None]);
        let live = targets.map(|target| (target.clone(), host.projections.latest.live_of(name, target.as_ref()))).collect();
        let past = Past { writes: past.writes(), generation: past.generation, live };
        let handle = Handle::start(&host.engine, &host.services, loaded, &settled.settings, past).await;
        let handle = handle.map_err(|error| error.to_string())?;
        let caller = Arc::new(Caller::new(handle, host.calls.clone(), &[]));
        let rules = match rules(&caller, settled.configured.timeout).await {
            Ok(rules) => rules,
            Err(error) => {
                caller.handle().stop().await;
                return Err(error);
            }
        };
        let (stop, _) = watch::channel(false);
        let running = Self { caller, settled, rules, stop, drivers: JoinSet::new() };
        running.watch_subjects();
        Ok(running)
    }

    fn watch_subjects(&self) {
        let targets = self.settled.configured.targets.iter().filter_map(|target| target.name.as_ref());
        let rules = self.rules.iter().map(|rule| rule.name.as_str());
        let subjects: Vec<&str> = targets.map(|name| name.as_str()).chain(rules).collect();
        self.caller.watch(&subjects);
    }

    /// The rules that it declared, if it is an alerter.
    pub(super) fn declared(&self) -> Option<Event> {
        let handle = self.caller.handle();
        handle.has(Role::Alerter).then(|| Event::RulesDeclared { plugin: handle.name().clone(), rules: self.rules.clone() })
    }

    /// Begins to call it in all of its roles.
    ///
    /// # Errors
    /// A rule's selector is none, or the journal cannot be read.
    pub(super) async fn drive(&mut self, host: &Host) -> Result<(), String> {
        self.stop = watch::channel(false).0;
        self.drive_schedule(host);
        self.drive_alerter(host).await?;
        if self.caller.handle().has(Role::Notifier) {
            let receiver = Receiver {
                caller: self.caller.clone(),
                settings: self.settled.settings.config.as_str().into(),
                timeout: self.settled.configured.timeout,
            };
            host.receivers.write().insert(self.caller.handle().name().clone(), receiver);
        }
        Ok(())
    }

    fn drive_schedule(&mut self, host: &Host) {
        let handle = self.caller.handle();
        let mut targets: Vec<Arc<Target>> = self.settled.configured.targets.iter().cloned().map(Arc::new).collect();
        if targets.is_empty() {
            targets.push(Arc::new(Target { name: None, address: String::new(), labels: crate::model::Labels::default() }));
        }
        let roles = [(Role::Collector, JobRole::Collect), (Role::HealthCheck, JobRole::Check)];
        let jobs: Vec<Job> = roles
            .into_iter()
            .filter(|(role, _)| handle.has(*role))
            .flat_map(|(_, role)| targets.iter().map(move |target| Job { role, target: target.clone() }))
            .collect();
        if jobs.is_empty() {
            return;
        }
        let calls = Calls::new(self.caller.clone(), self.settled.configured.timeout);
        let meter = host.services.telemetry.plugin(handle.name());
        let (clock, interval) = (host.services.clock.clone(), self.settled.configured.interval);
        let schedule = Schedule::new(handle.name().as_str(), jobs, interval, calls, clock, meter);
        self.drivers.spawn(schedule.run(self.stop.subscribe()));
    }

    async fn drive_alerter(&mut self, host: &Host) -> Result<(), String> {
        let handle = self.caller.handle();
        if !handle.has(Role::Alerter) {
            return Ok(());
        }
        let seen = host.seen(handle.name()).await.map_err(|error| error.to_string())?;
        let set = WatchSet::new(&self.rules, seen).map_err(|error| error.to_string())?;
        let from = host.services.clock.now() - set.longest_window();
        let begin: Offset = host.tail.offset_at(from).await.map_err(|error| error.to_string())?;
        let reader = host.tail.reader(begin.min(seen.next()));
        let settings = EvaluatorSettings {
            interval: self.settled.configured.interval,
            min_interval: self.settled.configured.min_interval,
            timeout: self.settled.configured.timeout,
            samples_max: usize::try_from(host.config.alerts.samples_max).unwrap_or(usize::MAX),
        };
        let evaluator = Evaluator::new(self.caller.clone(), host.evaluations.clone(), settings, set, reader);
        self.drivers.spawn(evaluator.run(self.stop.subscribe()));
        Ok(())
    }

    /// Calls it no more, and waits for the calls in flight; it can be driven again.
    pub(super) async fn pause(&mut self, host: &Host) {
        host.receivers.write().remove(self.caller.handle().name());
        self.stop.send_replace(true);
        let drained = tokio::time::timeout(DRAIN_MAX, async { while self.drivers.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(plugin = %self.caller.handle().name(), "calls in flight did not end in time");
            self.drivers.shutdown().await;
        }
    }
}

/// The rules of an alerter; none of a plugin that is no alerter.
async fn rules(caller: &Caller, timeout: Duration) -> Result<Vec<Rule>, String> {
    if !caller.handle().has(Role::Alerter) {
        return Ok(Vec::new());
    }
    let recorded =
        caller.call(Request::Rules, timeout, Record::PLAIN, |_| Vec::new()).await.map_err(|error| error.to_string())?;
    let rules = match recorded.outcome {
        Outcome::Rules(rules) => rules,
        Outcome::Erred { message, .. } => return Err(format!("`rules` failed: {message}")),
        Outcome::Trapped { message, .. } => return Err(format!("`rules` aborted: {message}")),
        Outcome::TimedOut { bound } => return Err(format!("`rules` was stopped after its {bound}")),
        other => return Err(format!("`rules` answered with {other:?}")),
    };
    let mut names = std::collections::BTreeSet::new();
    if let Some(twice) = rules.iter().find(|rule| !names.insert(rule.name.as_str())) {
        return Err(format!("rule `{}` is declared twice, give each rule a name of its own", twice.name));
    }
    WatchSet::new(&rules, Offset::ZERO).map_err(|error| error.to_string())?;
    Ok(rules)
}
