//! What the host counts about itself: one meter a plugin, one for the journal. Plain atomics; `exposition` renders them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use crate::model::{DropReason, PluginName};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It returned ok.
    Ok,
    /// It returned an error.
    Error,
    /// The guest aborted.
    Trap,
    /// The host stopped it.
    Timeout,
}

impl CallEnd {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Error, Self::Trap, Self::Timeout];

    /// As a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
        }
    }
}

/// What one plugin did and cost. Conservation: `taken` = `applied` + the sum of `dropped` + `queued`, in samples.
#[derive(Debug, Default)]
pub struct PluginMeter {
    calls: [Counter; 4],
    call_nanos: Counter,
    cpu_nanos: Counter,
    /// Bytes of linear memory of its instances.
    pub memory_bytes: Gauge,
    /// Samples that the plugin handed over.
    pub taken: Counter,
    /// Samples that are in the journal.
    pub applied: Counter,
    /// Samples between the plugin and the journal.
    pub queued: Gauge,
    dropped: [Counter; DropReason::ALL.len()],
    /// Live series.
    pub series: Gauge,
    /// Runs of its schedule that were missed.
    pub missed: Counter,
    /// Capability calls that were denied.
    pub denied: Counter,
    /// Capability calls.
    pub capability_calls: Counter,
    /// Lines in its log.
    pub log_lines: Counter,
    /// Lines that its log's rate or size refused.
    pub log_dropped: Counter,
    /// New instances after a trap or timeout.
    pub restarts: Counter,
}

impl PluginMeter {
    /// Counts a call with its wall and CPU time.
    pub fn call(&self, end: CallEnd, took: Duration, cpu: Duration) {
        self.calls[end as usize].add(1);
        self.call_nanos.add(nanos(took));
        self.cpu_nanos.add(nanos(cpu));
    }

    /// How many calls ended so.
    #[must_use]
    pub fn calls(&self, end: CallEnd) -> u64 {
        self.calls[end as usize].get()
    }

    /// Wall time of all calls.
    #[must_use]
    pub fn call_time(&self) -> Duration {
        Duration::from_nanos(self.call_nanos.get())
    }

    /// CPU time of all calls.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        Duration::from_nanos(self.cpu_nanos.get())
    }

    /// Counts dropped samples.
    pub fn drop_samples(&self, reason: DropReason, count: u64) {
        self.dropped[reason as usize].add(count);
    }

    /// How many samples were dropped for a reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].get()
    }
}

/// What the journal did.
#[derive(Debug, Default)]
pub struct JournalMeter {
    /// Frames appended.
    pub frames: Counter,
    /// Events appended.
    pub events: Counter,
    /// Bytes appended.
    pub bytes: Counter,
    /// Syncs.
    pub syncs: Counter,
    /// Time spent in syncs, in nanoseconds.
    pub sync_nanos: Counter,
    /// Appends or syncs that failed.
    pub failures: Counter,
    /// Frames that wait for the recorder.
    pub queued: Gauge,
    /// The last offset written.
    pub written: Gauge,
    /// The last offset synced.
    pub synced: Gauge,
    /// Bytes of all segments.
    pub size_bytes: Gauge,
    /// Segments.
    pub segments: Gauge,
}

/// All meters of the host. Cheap to share behind an `Arc`.
#[derive(Debug, Default)]
pub struct Telemetry {
    plugins: RwLock<BTreeMap<PluginName, Arc<PluginMeter>>>,
    /// The journal's.
    pub journal: JournalMeter,
    /// Events that slow live readers (SSE) missed.
    pub stream_lagged: Counter,
}

impl Telemetry {
    /// The meter of a plugin, made on first use; it outlives the plugin, since counters do not go back.
    #[must_use]
    pub fn plugin(&self, name: &PluginName) -> Arc<PluginMeter> {
        if let Some(meter) = self.plugins.read().get(name) {
            return meter.clone();
        }
        self.plugins.write().entry(name.clone()).or_default().clone()
    }

    /// All plugins' meters by name.
    #[must_use]
    pub fn plugins(&self) -> Vec<(PluginName, Arc<PluginMeter>)> {
        self.plugins.read().iter().map(|(name, meter)| (name.clone(), meter.clone())).collect()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
