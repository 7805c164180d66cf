//! The bounds at the edge, and what all sources of one plugin share of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::HashSet;
use parking_lot::Mutex;

/// Series that the host defines in all, ended ones among them: an id is never given twice. At about half a KiB each, 500 MiB.
pub(super) const SERIES_MAX: usize = 1_000_000;
/// Of these, how many one plugin may define in the life of a process, so that a plugin whose labels never repeat uses up its own
/// room and not that of all.
pub(super) const SERIES_DEFINED_MAX: usize = SERIES_MAX / 4;
/// A sample further ahead of the host's clock than this is dropped (time).
pub(super) const AHEAD_MAX: Duration = Duration::from_secs(600);
/// The out-of-order window: a sample older than this is dropped (late).
pub(super) const OUT_OF_ORDER_MAX: Duration = Duration::from_secs(3600);
/// Labels that a family may name.
pub(super) const LABELS_MAX: usize = 64;
/// Bytes of a metric's, label's or unit's name.
pub(super) const NAME_BYTES_MAX: usize = 256;
/// Bytes of a label's value: a series keeps them for the life of the process.
pub(super) const LABEL_VALUE_BYTES_MAX: usize = 4096;
/// Bytes of a help text; longer ones are cut.
pub(super) const HELP_BYTES_MAX: usize = 2048;
/// Buckets of one histogram, quantiles of one summary.
pub(super) const BUCKETS_MAX: usize = 1024;
/// Families of one plugin whose clash was told; further ones are counted with their points only.
const CLASHES_TOLD_MAX: usize = 1000;

/// What one plugin may put out. The defaults leave room for the largest real pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Families in one call.
    pub families: usize,
    /// Samples in one call; a histogram counts its buckets, sum and count.
    pub samples: usize,
    /// Bytes of names and label values in one call.
    pub bytes: usize,
    /// Live series of the whole plugin.
    pub series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { families: 10_000, samples: 200_000, bytes: 32 << 20, series: 50_000 }
    }
}

/// What all sources of one plugin share: its limits and how much of them is used. One per loaded plugin.
#[derive(Debug, Default)]
pub struct PluginShare {
    limits: Limits,
    live: AtomicUsize,
    defined: AtomicUsize,
    clashes: Mutex<HashSet<Box<str>>>,
}

impl PluginShare {
    /// Nothing used yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The plugin's limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Live series of all of the plugin's sources, those of a batch in flight among them.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether another series would be within the limits.
    pub(super) fn has_room(&self) -> bool {
        self.live() < self.limits.series && self.defined.load(Ordering::Relaxed) < SERIES_DEFINED_MAX
    }

    /// Counts `n` more live series, or none where that would break the limit.
    pub(super) fn try_hold(&self, n: usize) -> bool {
        let more = |live: usize| live.checked_add(n).filter(|sum| *sum <= self.limits.series);
        n == 0 || self.live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Counts a series that was live before this process began, whatever the limit.
    pub(super) fn hold(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn release(&self, n: usize) {
        self.live.fetch_sub(n, Ordering::Relaxed);
    }

    pub(super) fn count_defined(&self) {
        self.defined.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a clash on this family is told for the first time.
    pub(super) fn first_clash(&self, family: &str) -> bool {
        let mut told = self.clashes.lock();
        told.len() < CLASHES_TOLD_MAX && !told.contains(family) && told.insert(family.into())
    }
}
