//! What an instance may use: memory summed over its Wasm store and over the host, and CPU per call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

/// Memory of one instance where neither operator nor manifest sets another.
pub const MEMORY_BYTES_DEFAULT: usize = 64 << 20;
/// Memory of all instances together where the operator sets no other.
pub const MEMORY_BYTES_HOST_DEFAULT: usize = 2 << 30;
/// CPU of one call where the operator sets no other.
pub const CPU_PER_CALL_DEFAULT: Duration = Duration::from_millis(500);
/// CPU of instantiation and `init`, which run an interpreter's start-up code.
pub const CPU_START: Duration = Duration::from_secs(5);
/// Wall time of instantiation and `init`.
pub const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Core instances of one component: interpreters with their adapters have about 10.
pub const INSTANCES_MAX: usize = 100;
/// Tables of one component.
pub const TABLES_MAX: usize = 100;
/// Memories of one component.
pub const MEMORIES_MAX: usize = 16;
/// What one element of a table costs.
const TABLE_ELEMENT_BYTES: usize = 16;

/// Bytes that all instances of the host may use together.
#[derive(Debug)]
pub struct HostMemory {
    used: AtomicUsize,
    max: usize,
}

impl HostMemory {
    /// A budget of `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), max })
    }

    /// What is taken.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        self.used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| used.checked_add(bytes).filter(|sum| *sum <= self.max))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Which bound a growth met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryBound {
    /// The plugin's own.
    Plugin(usize),
    /// The host's for all plugins.
    Host(usize),
}

/// Sums the memories and tables of one Wasm store; gives back to the host's budget when it is dropped.
#[derive(Debug)]
pub struct MemoryLimiter {
    host: Arc<HostMemory>,
    used: usize,
    max: usize,
    /// The bound that the last refused growth met, for the message of the trap that usually follows.
    pub refused: Option<MemoryBound>,
}

impl MemoryLimiter {
    /// A limiter of `max` bytes, itself within the host's budget.
    #[must_use]
    pub fn new(host: Arc<HostMemory>, max: usize) -> Self {
        Self { host, used: 0, max, refused: None }
    }

    /// Bytes of all memories and tables.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    fn grow(&mut self, by: usize) -> bool {
        if self.used.checked_add(by).is_none_or(|sum| sum > self.max) {
            self.refused = Some(MemoryBound::Plugin(self.max));
            return false;
        }
        if !self.host.take(by) {
            self.refused = Some(MemoryBound::Host(self.host.max));
            return false;
        }
        self.used += by;
        true
    }
}

impl Drop for MemoryLimiter {
    fn drop(&mut self) {
        self.host.give_back(self.used);
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let by = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(by))
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// Measures the CPU that one call uses: the future that polls the guest and the epoch's callback share it.
///
/// A call's first slice is measured by the monotonic clock, which costs nothing; a call that lived through an epoch is
/// measured by its thread's CPU clock, so that a busy machine is not charged to the plugin.
#[derive(Debug)]
pub struct CpuMeter {
    origin: Instant,
    used: AtomicU64,
    began: AtomicU64,
    hungry: AtomicU64,
}

impl Default for CpuMeter {
    fn default() -> Self {
        Self { origin: Instant::now(), used: AtomicU64::new(0), began: AtomicU64::new(0), hungry: AtomicU64::new(0) }
    }
}

impl CpuMeter {
    /// Starts a new call.
    pub fn reset(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.hungry.store(0, Ordering::Relaxed);
    }

    /// A poll begins on this thread.
    pub fn begin(&self) {
        self.began.store(self.clock(), Ordering::Relaxed);
    }

    /// The poll ended on this thread.
    pub fn end(&self) {
        self.used.fetch_add(self.running(), Ordering::Relaxed);
    }

    /// From now on this call is measured by the thread's CPU clock. Returns what it used, the running poll included.
    pub fn epoch(&self) -> Duration {
        let used = self.used.load(Ordering::Relaxed) + self.running();
        self.used.store(used, Ordering::Relaxed);
        self.hungry.store(1, Ordering::Relaxed);
        self.begin();
        Duration::from_nanos(used)
    }

    /// What the call used so far, without a running poll.
    #[must_use]
    pub fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    fn running(&self) -> u64 {
        self.clock().saturating_sub(self.began.load(Ordering::Relaxed))
    }

    fn clock(&self) -> u64 {
        if self.hungry.load(Ordering::Relaxed) == 0 {
            return u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        }
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_summed_and_given_back() {
        let host = HostMemory::new(1000);
        let mut one = MemoryLimiter::new(host.clone(), 600);
        assert!(one.memory_growing(0, 300, None).unwrap());
        assert!(one.memory_growing(0, 200, None).unwrap(), "a second memory");
        assert!(!one.table_growing(0, 10, None).unwrap(), "160 bytes more");
        assert_eq!((one.used(), one.refused), (500, Some(MemoryBound::Plugin(600))));
        let mut two = MemoryLimiter::new(host.clone(), 600);
        assert!(!two.memory_growing(0, 501, None).unwrap());
        assert_eq!(two.refused, Some(MemoryBound::Host(1000)));
        drop(one);
        assert!(two.memory_growing(0, 501, None).unwrap());
        assert_eq!(host.used(), 501);
    }

    #[test]
    fn a_growth_that_overflows_is_refused() {
        let mut limiter = MemoryLimiter::new(HostMemory::new(usize::MAX), usize::MAX);
        assert!(limiter.memory_growing(0, 10, None).unwrap());
        assert!(!limiter.memory_growing(0, usize::MAX, None).unwrap());
    }
}
