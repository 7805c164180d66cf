//! A plugin's log: what it writes through `log`, and its standard output and error, line by line, with a bound on everything.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use crate::clock::Clock;
use crate::model::{PluginName, Timestamp};
use crate::telemetry::PluginMeter;

/// The longest message, in bytes; the rest is cut.
pub const MESSAGE_BYTES_MAX: usize = 4096;
/// Fields of one line; the rest is left out.
pub const FIELDS_MAX: usize = 32;
/// The longest field name or value, in bytes; the rest is cut.
pub const FIELD_BYTES_MAX: usize = 512;
/// Lines kept for readers of the API.
pub const LINES_KEPT: usize = 200;
/// Bytes kept for readers of the API.
pub const BYTES_KEPT: usize = 128 << 10;
/// Lines a second, on average.
pub const LINES_PER_SECOND: f64 = 20.0;
/// Lines at once.
pub const LINES_BURST: f64 = 200.0;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everything.
    Trace,
    /// For who looks for a fault.
    Debug,
    /// For who looks.
    Info,
    /// To be looked at.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// As a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The `log` capability.
    Log,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The host, about the plugin.
    Host,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub at: Timestamp,
    /// How grave it is.
    pub level: Level,
    /// Where it came from.
    pub stream: Stream,
    /// What it says, without control characters.
    pub message: String,
    /// Names with values.
    pub fields: Vec<(String, String)>,
}

impl Line {
    fn bytes(&self) -> usize {
        self.message.len() + self.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + size_of::<Self>()
    }
}

/// One plugin's log. Writing to it never fails and never waits.
pub struct PluginLog {
    plugin: PluginName,
    level: Level,
    meter: Arc<PluginMeter>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
    bucket: Bucket,
    refused: u64,
}

impl PluginLog {
    /// An empty log that takes lines from `level` on.
    #[must_use]
    pub fn new(plugin: PluginName, level: Level, meter: Arc<PluginMeter>, clock: Arc<dyn Clock>) -> Self {
        let bucket = Bucket::new(LINES_PER_SECOND, LINES_BURST, Instant::now());
        let kept = Mutex::new(Kept { lines: VecDeque::new(), bytes: 0, bucket, refused: 0 });
        Self { plugin, level, meter, clock, kept }
    }

    /// Whether lines of this level are read at all.
    #[must_use]
    pub fn enabled(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Writes a line, cut to the bounds; a line above the rate is counted and left out.
    pub fn write(&self, level: Level, stream: Stream, message: &str, fields: &[(String, String)]) {
        if !self.enabled(level) {
            return;
        }
        let refused = {
            let mut kept = self.kept.lock();
            if !kept.bucket.take(Instant::now()) {
                kept.refused += 1;
                self.meter.log_dropped.add(1);
                return;
            }
            std::mem::take(&mut kept.refused)
        };
        if refused > 0 {
            self.keep(
                Level::Warn,
                Stream::Host,
                &format!("{refused} lines left out, more than {LINES_PER_SECOND} a second"),
                &[],
            );
        }
        self.keep(level, stream, message, fields);
    }

    /// The lines kept, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.kept.lock().lines.iter().cloned().collect()
    }

    fn keep(&self, level: Level, stream: Stream, message: &str, fields: &[(String, String)]) {
        self.meter.log_lines.add(1);
        let fields =
            fields.iter().take(FIELDS_MAX).map(|(name, value)| (clean(name, FIELD_BYTES_MAX), clean(value, FIELD_BYTES_MAX)));
        let line =
            Line { at: self.clock.now(), level, stream, message: clean(message, MESSAGE_BYTES_MAX), fields: fields.collect() };
        self.trace(&line);
        let mut kept = self.kept.lock();
        kept.bytes += line.bytes();
        kept.lines.push_back(line);
        while kept.lines.len() > LINES_KEPT || kept.bytes > BYTES_KEPT {
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
    }

    fn trace(&self, line: &Line) {
        let mut text = line.message.clone();
        for (name, value) in &line.fields {
            let _ = write!(text, " {name}={value:?}");
        }
        let plugin = self.plugin.as_str();
        match line.level {
            Level::Trace => tracing::trace!(target: "vigie::plugin", plugin, "{text}"),
            Level::Debug => tracing::debug!(target: "vigie::plugin", plugin, "{text}"),
            Level::Info => tracing::info!(target: "vigie::plugin", plugin, "{text}"),
            Level::Warn => tracing::warn!(target: "vigie::plugin", plugin, "{text}"),
            Level::Error => tracing::error!(target: "vigie::plugin", plugin, "{text}"),
        }
    }
}

/// The logs of all plugins by name; a log outlives its plugin's instances, so that why one ended can be read.
#[derive(Default)]
pub struct Logs(RwLock<BTreeMap<PluginName, Arc<PluginLog>>>);

impl Logs {
    /// A plugin's log, if it ever ran.
    #[must_use]
    pub fn get(&self, plugin: &PluginName) -> Option<Arc<PluginLog>> {
        self.0.read().get(plugin).cloned()
    }

    /// A plugin's log, made by `new` on first use.
    #[must_use]
    pub fn get_or_insert(&self, plugin: &PluginName, new: impl FnOnce() -> PluginLog) -> Arc<PluginLog> {
        self.0.write().entry(plugin.clone()).or_insert_with(|| Arc::new(new())).clone()
    }
}

/// The text cut to `bytes_max` and without control characters, which could rewrite a terminal.
#[must_use]
pub fn clean(text: &str, bytes_max: usize) -> String {
    let cut = &text[..text.floor_char_boundary(bytes_max)];
    let mut clean = String::with_capacity(cut.len());
    for character in cut.chars() {
        match character {
            '\n' | '\t' => clean.push(character),
            control if control.is_control() => clean.extend(control.escape_default()),
            plain => clean.push(plain),
        }
    }
    if cut.len() < text.len() {
        clean.push('…');
    }
    clean
}

/// A token bucket.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(per_second: f64, burst: f64, now: Instant) -> Self {
        Self { per_second, burst, tokens: burst, filled: now }
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;
    use crate::model::Name;

    fn log() -> (PluginLog, Arc<PluginMeter>) {
        let meter = Arc::new(PluginMeter::default());
        let log = PluginLog::new(Name::new("p").unwrap(), Level::Info, meter.clone(), Arc::new(ManualClock::default()));
        (log, meter)
    }

    #[test]
    fn a_bucket_refills_with_time() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1.0, 2.0, start);
        assert_eq!([bucket.take(start), bucket.take(start), bucket.take(start)], [true, true, false]);
        assert!(!bucket.take(start + Duration::from_millis(500)));
        assert!(bucket.take(start + Duration::from_millis(1100)));
    }

    #[test]
    fn a_flood_is_counted_and_bounded() {
        let (log, meter) = log();
        for _ in 0..10_000 {
            log.write(Level::Info, Stream::Stdout, &"x".repeat(10_000), &[]);
        }
        assert_eq!(meter.log_lines.get() + meter.log_dropped.get(), 10_000 + reports(&log));
        assert!(meter.log_dropped.get() > 0 && log.lines().len() <= LINES_KEPT);
        assert!(log.lines().iter().map(Line::bytes).sum::<usize>() <= BYTES_KEPT);
    }

    fn reports(log: &PluginLog) -> u64 {
        log.lines().iter().filter(|line| line.stream == Stream::Host).count() as u64
    }

    #[test]
    fn lines_below_the_level_are_nobodys() {
        let (log, meter) = log();
        assert!(!log.enabled(Level::Debug) && log.enabled(Level::Warn));
        log.write(Level::Debug, Stream::Log, "x", &[]);
        assert_eq!(meter.log_lines.get() + meter.log_dropped.get(), 0);
    }

    #[test]
    fn control_characters_are_shown_and_long_lines_cut() {
        assert_eq!(clean("a\u{1b}[2Jb", 100), "a\\u{1b}[2Jb");
        assert_eq!(clean("häuser", 2), "h…");
    }
}
