//! A guest's clocks and randomness: the machine's, but in `evaluate` a function of the evaluation's time and the plugin, so that
//! the same inputs give the same answer.

use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use blake3::OutputReader;
use parking_lot::Mutex;
use rand_core::TryRng;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::model::{PluginName, Timestamp};

/// No time to show: the machine's counts.
const RUNNING: i64 = i64::MIN;

/// The clocks of one instance. Clones show the same.
#[derive(Clone, Debug)]
pub(crate) struct CallClock {
    shown: Arc<AtomicI64>,
    origin: Instant,
    origin_at: Timestamp,
}

impl CallClock {
    /// Clocks that run from `now`.
    #[must_use]
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { shown: Arc::new(AtomicI64::new(RUNNING)), origin: Instant::now(), origin_at: now }
    }

    /// From now on both clocks show `now`.
    pub(crate) fn stop(&self, now: Timestamp) {
        self.shown.store(now.0, Ordering::Relaxed);
    }

    /// Both clocks run again.
    pub(crate) fn run(&self) {
        self.shown.store(RUNNING, Ordering::Relaxed);
    }

    /// Since 1970.
    fn time(&self) -> Duration {
        let since = |at: Timestamp| at.since(Timestamp(0));
        match self.shown.load(Ordering::Relaxed) {
            RUNNING => since(self.origin_at) + self.origin.elapsed(),
            now => since(Timestamp(now)),
        }
    }
}

impl HostWallClock for CallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    /// Running, it is the machine's clock and not this one's count, which would not follow a step.
    fn now(&self) -> Duration {
        match self.shown.load(Ordering::Relaxed) {
            RUNNING => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default(),
            _ => self.time(),
        }
    }
}

impl HostMonotonicClock for CallClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.time().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The randomness of one instance. Clones draw from the same.
#[derive(Clone)]
pub(crate) struct Randomness(Arc<Mutex<Source>>);

struct Source {
    system: OutputReader,
    seeded: Option<OutputReader>,
}

impl Randomness {
    /// Randomness from the system.
    #[must_use]
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        // Without the system's source (which a closed container may lack) what differs between instances has to do.
        if File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut key)).is_err() {
            let place = std::ptr::from_ref(&key).addr();
            key = *blake3::hash(format!("{:?} {place}", Instant::now()).as_bytes()).as_bytes();
        }
        Self(Arc::new(Mutex::new(Source { system: blake3::Hasher::new_keyed(&key).finalize_xof(), seeded: None })))
    }

    /// From now on it depends on the plugin and the time alone.
    pub(crate) fn seed_by(&self, plugin: &PluginName, now: Timestamp) {
        let mut hasher = blake3::Hasher::new_derive_key("vigie randomness in evaluate");
        hasher.update(&now.0.to_be_bytes()).update(plugin.as_str().as_bytes());
        self.0.lock().seeded = Some(hasher.finalize_xof());
    }

    /// The system's again.
    pub(crate) fn unseed(&self) {
        self.0.lock().seeded = None;
    }

    /// Sixteen bytes of it.
    #[must_use]
    pub(crate) fn seed(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    fn fill(&self, bytes: &mut [u8]) {
        let mut source = self.0.lock();
        let Source { system, seeded } = &mut *source;
        seeded.as_mut().unwrap_or(system).fill(bytes);
    }
}

impl Default for Randomness {
    fn default() -> Self {
        Self::new()
    }
}

impl TryRng for Randomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Name;

    #[test]
    fn stopped_clocks_show_the_time_they_were_given() {
        let clock = CallClock::new(Timestamp(5_000));
        clock.stop(Timestamp(7_000));
        assert_eq!((HostWallClock::now(&clock), HostMonotonicClock::now(&clock)), (Duration::from_secs(7), 7_000_000_000));
        clock.run();
        assert!(HostMonotonicClock::now(&clock) >= 5_000_000_000);
    }

    #[test]
    fn randomness_repeats_by_plugin_and_time_only() {
        let drawn = |plugin: &str, now: i64| {
            let random = Randomness::new();
            random.seed_by(&Name::new(plugin).unwrap(), Timestamp(now));
            random.seed()
        };
        assert_eq!(drawn("a", 1), drawn("a", 1));
        assert_ne!(drawn("a", 1), drawn("a", 2));
        assert_ne!(drawn("a", 1), drawn("b", 1));
        assert_ne!(Randomness::new().seed(), Randomness::new().seed());
    }
}
