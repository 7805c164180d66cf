//! The only module that knows every part: build, wire, run, shut down.

mod facts;
mod projections;
mod running;
mod settle;
mod signals;
mod snapshots;
mod supervisor;
mod views;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use parking_lot::{Mutex, RwLock};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::projections::{Projections, Restored, restore};
use self::signals::Signals;
use self::snapshots::Keeper;
use self::supervisor::{Host, Supervisor};
use crate::alert::Book;
use crate::api::guard::AllowedHosts;
use crate::bus::Bus;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, HostConfig};
use crate::event::Event;
use crate::exposition::HostFacts;
use crate::journal::{Durability, Journal, Settings, Snapshots};
use crate::model::{Epoch, Offset};
use crate::notify::driver::{Driver, Ledger, Receivers};
use crate::plugin::caller::CallServices;
use crate::plugin::capability::http::Client;
use crate::plugin::capability::secrets::SecretStore;
use crate::plugin::log::Logs;
use crate::plugin::roster::Roster;
use crate::plugin::{Engine, EngineSettings, Reach, Services};
use crate::recorder::{self, RecorderHandle};
use crate::route::bookkeeper::Bookkeeper;
use crate::route::evaluator::EvaluatorSources;
use crate::telemetry::Telemetry;

/// How long the API's requests in flight may take to end.
const API_DRAIN_MAX: Duration = Duration::from_secs(3);

/// Runs the host until a signal asks it to end.
///
/// # Errors
/// The data directory, the address or the engine cannot be had, or the journal could not be closed cleanly.
pub async fn run(config: HostConfig) -> Result<()> {
    let signals = Signals::new().context("listening for signals")?;
    // A second provider cannot be installed; the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    let host = build(config).await?;
    let address = listener.local_addr().context("reading the address")?;
    host.run(listener, address, signals).await
}

/// All parts, wired, before anything runs.
struct Built {
    config: Arc<HostConfig>,
    clock: Arc<dyn Clock>,
    telemetry: Arc<Telemetry>,
    recorder: RecorderHandle,
    bus: Bus,
    epoch: Epoch,
    projections: Projections,
    book: Arc<RwLock<Book>>,
    bookkeeper: Bookkeeper,
    undecided: Vec<crate::alert::Ahead>,
    ledger: Ledger,
    end: Offset,
    snapshots: Snapshots,
    engine: Arc<Engine>,
    opening: Vec<Event>,
}

async fn build(config: HostConfig) -> Result<Built> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let telemetry = Arc::new(Telemetry::default());
    let settings = Settings {
        segment_bytes: config.journal.segment_bytes,
        retain_bytes: config.journal.size_bytes_max,
        ..Settings::default()
    };
    let data_dir = config.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || Journal::open(&data_dir, settings)).await?;
    let (journal, recovery) = opened.context("opening the journal")?;
    let snapshots = Snapshots::open(&config.data_dir).context("opening the snapshots")?;
    let (newest, last) = (snapshots.clone(), recovery.last);
    let snapshot = tokio::task::spawn_blocking(move || newest.newest_valid(last)).await?.context("reading the snapshots")?;
    let (bus, receiver) = Bus::new();
    let recorder =
        recorder::spawn(journal, receiver, telemetry.clone(), durability(&config)).context("starting the recorder")?;
    let Restored { projections, book, undecided, book_cursor, deliveries, end } =
        restore(&recorder.tail(), snapshot.as_ref()).await.context("replaying the journal")?;
    let book = Arc::new(RwLock::new(book.with_downtime_max(config.alerts.downtime_max)));
    let engine = Engine::new(&EngineSettings {
        cache: Some(config.data_dir.join("cache")),
        memory_bytes_max: usize::try_from(config.memory_bytes_max).unwrap_or(usize::MAX),
        ..EngineSettings::default()
    })?;
    Ok(Built {
        bookkeeper: Bookkeeper::new(book.clone(), bus.clone(), clock.clone(), book_cursor),
        ledger: Arc::new(Mutex::new((deliveries, end))),
        opening: facts::opening(&recovery),
        epoch: recovery.epoch,
        config: Arc::new(config),
        clock,
        telemetry,
        recorder,
        bus,
        projections,
        book,
        undecided,
        end,
        snapshots,
        engine,
    })
}

fn durability(config: &HostConfig) -> Durability {
    match config.journal.durability {
        config::Durability::Always => Durability::Always,
        config::Durability::Interval(interval) => Durability::Interval(interval),
    }
}

/// The tasks that follow the journal, and what tells them to stop.
struct Tasks {
    stop_plugins: watch::Sender<bool>,
    stop_rest: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
    notify: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

impl Built {
    async fn run(self, listener: TcpListener, address: std::net::SocketAddr, mut signals: Signals) -> Result<()> {
        let tail = self.recorder.tail();
        let host = self.host();
        let receivers = host.receivers.clone();
        let reader = || tail.reader(self.end.next());
        tokio::spawn(self.projections.clone().run(reader()));
        let book_cursor = self.bookkeeper.cursor();
        tokio::spawn(self.bookkeeper.run(self.undecided, reader()));
        host.record(self.opening).await.context("recording the start")?;
        let (closing, closed) = watch::channel(false);
        let (ready, is_ready) = watch::channel(false);
        let sources = api_sources(&host, self.epoch, book_cursor.clone(), is_ready, closed.clone());
        let router = crate::api::router(Arc::new(sources), AllowedHosts::new(&self.config.allowed_hosts));
        let api = tokio::spawn(crate::api::serve(listener, router, signals::turned(closed)));
        tracing::info!("vigie {} serves http://{address}", env!("CARGO_PKG_VERSION"));
        let external_url = views::external_url(&self.config, address);
        let (stop_plugins, plugins_stopped) = watch::channel(false);
        let (stop_rest, rest_stopped) = watch::channel(false);
        let driver =
            Driver::new(self.ledger.clone(), receivers, self.bus.clone(), self.clock.clone(), external_url, tail.synced());
        let keeper = Arc::new(Keeper {
            snapshots: self.snapshots,
            projections: self.projections,
            book: self.book,
            book_cursor,
            deliveries: self.ledger,
            tail: tail.clone(),
            epoch: self.epoch,
            retain_bytes: self.config.journal.size_bytes_max,
            bus: self.bus,
            clock: self.clock,
        });
        let closing_facts = keeper.clone();
        let tasks = Tasks {
            supervisor: tokio::spawn(Supervisor::new(host).run(ready, plugins_stopped)),
            notify: tokio::spawn(driver.run(tail.reader(self.end.next()), rest_stopped.clone())),
            keeper: tokio::spawn(async move { keeper.run(rest_stopped).await }),
            stop_plugins,
            stop_rest,
        };
        let signal = signals.first().await;
        tracing::info!(signal, "ending: plugins drain, the journal is synced; a second signal ends at once");
        let drain = shut_down(tasks, closing, api, closing_facts, self.recorder, signal);
        tokio::select! {
            ended = drain => ended,
            second = signals.first() => anyhow::bail!("ended at once by a second {second}, without a snapshot"),
        }
    }

    /// What running plugins are made of.
    fn host(&self) -> Host {
        let roster = Arc::new(Roster::default());
        Host {
            config: self.config.clone(),
            engine: self.engine.clone(),
            services: self.services(),
            calls: CallServices { bus: self.bus.clone(), clock: self.clock.clone(), roster },
            evaluations: EvaluatorSources {
                registry: self.projections.registry.clone(),
                book: self.book.clone(),
                board: self.projections.board.clone(),
                clock: self.clock.clone(),
            },
            projections: self.projections.clone(),
            receivers: Receivers::default(),
            ledger: self.ledger.clone(),
            tail: self.recorder.tail(),
        }
    }

    fn services(&self) -> Services {
        Services {
            clock: self.clock.clone(),
            telemetry: self.telemetry.clone(),
            logs: Arc::new(Logs::default()),
            registry: self.projections.registry.clone(),
            reader: Arc::new(views::SeriesOf::new(self.projections.latest.clone(), self.clock.clone())),
            reach: Reach::new(Client::default(), SecretStore::new(self.config.secrets.clone())),
            hostname: views::hostname().into(),
        }
    }
}

/// What the API reads.
fn api_sources(
    host: &Host,
    epoch: Epoch,
    alerted: watch::Receiver<Offset>,
    ready: watch::Receiver<bool>,
    closing: watch::Receiver<bool>,
) -> crate::api::Sources {
    let (services, evaluations) = (&host.services, &host.evaluations);
    crate::api::Sources {
        clock: services.clock.clone(),
        tail: host.tail.clone(),
        latest: host.projections.latest.clone(),
        board: evaluations.board.clone(),
        book: evaluations.book.clone(),
        roster: host.calls.roster.clone(),
        logs: services.logs.clone(),
        telemetry: services.telemetry.clone(),
        facts: HostFacts { version: env!("CARGO_PKG_VERSION"), started: services.clock.now() },
        epoch,
        trouble: views::trouble(host.tail.clone(), ready),
        applied: host.projections.progress(),
        alerted,
        closing,
    }
}

async fn shut_down(
    tasks: Tasks,
    closing: watch::Sender<bool>,
    api: JoinHandle<std::io::Result<()>>,
    keeper: Arc<Keeper>,
    recorder: RecorderHandle,
    signal: &str,
) -> Result<()> {
    tasks.stop_plugins.send_replace(true);
    tasks.supervisor.await.context("stopping the plugins")?;
    tasks.stop_rest.send_replace(true);
    tasks.notify.await.context("stopping notifications")?;
    tasks.keeper.await.context("stopping snapshots")?;
    keeper.record(Event::HostStopped { reason: signal.into() }).await;
    closing.send_replace(true);
    if tokio::time::timeout(API_DRAIN_MAX, api).await.is_err() {
        tracing::warn!("requests in flight did not end in time");
    }
    if let Err(error) = keeper.save().await {
        tracing::warn!(error = format!("{error:#}"), "no snapshot could be taken, the next start takes longer");
    }
    recorder.shutdown().await.context("closing the journal")
}
