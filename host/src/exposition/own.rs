//! The host's own metrics, from its meters.

use std::sync::Arc;
use std::time::Duration;

use crate::exposition::process;
use crate::model::{DropReason, Family, Kind, Timestamp};
use crate::telemetry::{CallEnd, JournalMeter, PluginMeter, Telemetry};

/// What the host knows of itself beside its meters.
#[derive(Clone, Copy, Debug)]
pub struct HostFacts {
    /// Version of `vigie`.
    pub version: &'static str,
    /// When the host was started.
    pub started: Timestamp,
}

/// One of the host's own families.
#[derive(Clone, Debug)]
pub struct OwnFamily {
    pub(super) family: Arc<Family>,
    pub(super) samples: Vec<OwnSample>,
}

#[derive(Clone, Debug)]
pub(super) struct OwnSample {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) value: f64,
}

impl OwnFamily {
    fn new(name: &str, kind: Kind, unit: &str, help: &str) -> Self {
        let family = Family { name: name.into(), kind, unit: unit.into(), help: help.into() };
        Self { family: Arc::new(family), samples: Vec::new() }
    }

    fn with(mut self, labels: Vec<(&'static str, String)>, value: f64) -> Self {
        self.samples.push(OwnSample { labels, value });
        self
    }
}

/// A counter of one sample without labels.
pub(super) fn counter(name: &str, unit: &str, help: &str, value: f64) -> OwnFamily {
    OwnFamily::new(name, Kind::Counter, unit, help).with(Vec::new(), value)
}

/// A gauge of one sample without labels.
pub(super) fn gauge(name: &str, unit: &str, help: &str, value: f64) -> OwnFamily {
    OwnFamily::new(name, Kind::Gauge, unit, help).with(Vec::new(), value)
}

/// All of the host's own families: `vigie_*` and `process_*`.
#[must_use]
pub fn own_families(telemetry: &Telemetry, facts: &HostFacts) -> Vec<OwnFamily> {
    let build = OwnFamily::new("vigie_build_info", Kind::Info, "", "What was built; 1.");
    let mut families = vec![build.with(vec![("version", facts.version.into())], 1.0)];
    families.extend(plugin_families(telemetry));
    families.extend(journal_families(&telemetry.journal));
    let missed = count(telemetry.stream_lagged.get());
    families.push(counter("vigie_stream_events_missed_total", "", "Events that slow live readers missed.", missed));
    families.extend(process::families(facts.started));
    families
}

/// A number of a plugin's meter.
type Read = fn(&PluginMeter) -> f64;

/// One sample a plugin: name, kind, unit, help, value.
const PLUGIN: [(&str, Kind, &str, &str, Read); 13] = [
    ("vigie_plugin_call_seconds_total", Kind::Counter, "seconds", "Time that calls of the plugin took.", |m| {
        seconds(m.call_time())
    }),
    ("vigie_plugin_cpu_seconds_total", Kind::Counter, "seconds", "CPU time of the plugin's calls.", |m| seconds(m.cpu_time())),
    ("vigie_plugin_memory_bytes", Kind::Gauge, "bytes", "Linear memory of the plugin's instances.", |m| {
        count(m.memory_bytes.get())
    }),
    (
        "vigie_plugin_samples_taken_total",
        Kind::Counter,
        "",
        "Samples that the plugin handed over: applied, dropped or queued.",
        |m| count(m.taken.get()),
    ),
    ("vigie_plugin_samples_applied_total", Kind::Counter, "", "Samples of the plugin that are in the journal.", |m| {
        count(m.applied.get())
    }),
    ("vigie_plugin_samples_queued", Kind::Gauge, "", "Samples between the plugin and the journal.", |m| count(m.queued.get())),
    ("vigie_plugin_series", Kind::Gauge, "", "Live series of the plugin.", |m| count(m.series.get())),
    ("vigie_plugin_runs_missed_total", Kind::Counter, "", "Runs missed because the one before was still in flight.", |m| {
        count(m.missed.get())
    }),
    ("vigie_plugin_capability_calls_total", Kind::Counter, "", "Capability calls of the plugin.", |m| {
        count(m.capability_calls.get())
    }),
    ("vigie_plugin_capability_denials_total", Kind::Counter, "", "Capability calls that were not granted.", |m| {
        count(m.denied.get())
    }),
    ("vigie_plugin_log_lines_total", Kind::Counter, "", "Lines in the plugin's log.", |m| count(m.log_lines.get())),
    ("vigie_plugin_log_lines_dropped_total", Kind::Counter, "", "Lines that the log's rate or size refused.", |m| {
        count(m.log_dropped.get())
    }),
    ("vigie_plugin_restarts_total", Kind::Counter, "", "New instances after a trap or timeout.", |m| count(m.restarts.get())),
];

fn plugin_families(telemetry: &Telemetry) -> Vec<OwnFamily> {
    let plugins = telemetry.plugins();
    let mut calls = OwnFamily::new("vigie_plugin_calls_total", Kind::Counter, "", "Calls of the plugin by how they ended.");
    let mut dropped =
        OwnFamily::new("vigie_plugin_samples_dropped_total", Kind::Counter, "", "Samples that were not taken, by reason.");
    for (plugin, meter) in &plugins {
        for end in CallEnd::ALL {
            calls = calls.with(vec![("plugin", plugin.to_string()), ("result", end.as_str().into())], count(meter.calls(end)));
        }
        for reason in DropReason::ALL {
            dropped = dropped
                .with(vec![("plugin", plugin.to_string()), ("reason", reason.as_str().into())], count(meter.dropped(reason)));
        }
    }
    let each = PLUGIN.iter().map(|(name, kind, unit, help, read)| {
        let family = OwnFamily::new(name, *kind, unit, help);
        plugins.iter().fold(family, |family, (plugin, meter)| family.with(vec![("plugin", plugin.to_string())], read(meter)))
    });
    [calls, dropped].into_iter().chain(each).collect()
}

fn journal_families(meter: &JournalMeter) -> Vec<OwnFamily> {
    let sync_seconds = seconds(Duration::from_nanos(meter.sync_nanos.get()));
    vec![
        counter("vigie_journal_frames_total", "", "Frames appended to the journal.", count(meter.frames.get())),
        counter("vigie_journal_events_total", "", "Events appended to the journal.", count(meter.events.get())),
        counter("vigie_journal_written_bytes_total", "bytes", "Bytes appended to the journal.", count(meter.bytes.get())),
        counter("vigie_journal_syncs_total", "", "Syncs of the journal.", count(meter.syncs.get())),
        counter("vigie_journal_sync_seconds_total", "seconds", "Time that syncs of the journal took.", sync_seconds),
        counter("vigie_journal_failures_total", "", "Appends or syncs that failed.", count(meter.failures.get())),
        gauge("vigie_journal_frames_queued", "", "Frames that wait for the recorder.", count(meter.queued.get())),
        gauge("vigie_journal_written_offset", "", "The last offset written.", count(meter.written.get())),
        gauge("vigie_journal_synced_offset", "", "The last offset synced.", count(meter.synced.get())),
        gauge("vigie_journal_size_bytes", "bytes", "Bytes of all segments.", count(meter.size_bytes.get())),
        gauge("vigie_journal_segments", "", "Segments of the journal.", count(meter.segments.get())),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
