//! The latest sample of every live series: a projection of the journal, asked by `/metrics`, selectors and the API.
//!
//! Labels stay in the registry of the edge, which restores its definitions before records are applied; a series costs 24 bytes
//! here and an entry in its family's list.

mod cells;
mod index;
mod order;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::edge::SeriesRegistry;
use crate::event::{Collected, Event};
use crate::model::{Family, Labels, Offset, PluginName, Selector, SeriesId, TargetName, Timestamp};
use cells::Cells;
use index::Index;
pub use snapshot::LatestSnapshot;

/// A series without a sample for this long is in no answer, as in Prometheus' lookback.
pub const LOOKBACK: Duration = Duration::from_secs(300);

/// One series in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct LatestSample {
    /// The series.
    pub id: SeriesId,
    /// Its labels, `__name__` among them.
    pub labels: Labels,
    /// When its latest sample was taken.
    pub time: Timestamp,
    /// What it is.
    pub value: f64,
}

#[derive(Debug, Default)]
struct Inner {
    applied: Offset,
    cells: Cells,
    index: Index,
    unknown: u64,
}

/// The latest sample of every live series. Share it behind an `Arc`; locks are short.
#[derive(Debug)]
pub struct Latest {
    registry: Arc<SeriesRegistry>,
    inner: RwLock<Inner>,
}

impl Latest {
    /// Nothing applied yet.
    #[must_use]
    pub fn new(registry: Arc<SeriesRegistry>) -> Self {
        Self { registry, inner: RwLock::default() }
    }

    /// Applies an event of a frame of the time `at`. Events come in order; one at or before the offset applied last is left out, so
    /// that a snapshot may overlap the journal.
    pub fn apply(&self, offset: Offset, at: Timestamp, event: &Event) {
        let mut inner = self.inner.write();
        if offset <= inner.applied {
            return;
        }
        inner.applied = offset;
        if let Event::SamplesCollected(collected) = event {
            inner.collect(&self.registry, at, collected);
        }
    }

    /// The offset of the last event applied.
    #[must_use]
    pub fn applied(&self) -> Offset {
        self.inner.read().applied
    }

    /// Samples that were left out because the registry does not know their series: a journal that lost definitions.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.inner.read().unknown
    }

    /// The live series that a selector means, by name and labels; its window does not count.
    #[must_use]
    pub fn select(&self, selector: &Selector, now: Timestamp) -> Vec<LatestSample> {
        let inner = self.inner.read();
        let definitions = self.registry.read();
        let mut found = Vec::new();
        let mut look = |id: SeriesId| {
            let Some((time, value)) = inner.cells.live(id, now) else { return };
            let Some(definition) = definitions.get(id).filter(|definition| selector.matches(&definition.labels)) else {
                return;
            };
            found.push(LatestSample { id, labels: definition.labels.clone(), time, value });
        };
        match selector.name() {
            Some(name) => {
                let family = self.registry.family(name);
                family.iter().flat_map(|family| inner.index.of(&family.name)).for_each(&mut look);
            }
            None => inner.index.all().for_each(&mut look),
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    /// The latest sample of one series, if it lives.
    #[must_use]
    pub fn get(&self, id: SeriesId, now: Timestamp) -> Option<(Timestamp, f64)> {
        self.inner.read().cells.live(id, now)
    }

    /// The series of a plugin's target that have not ended, however old: what its sources were about when the host stopped.
    #[must_use]
    pub fn live_of(&self, plugin: &PluginName, target: Option<&TargetName>) -> Vec<SeriesId> {
        self.inner.read().cells.live_of(plugin, target)
    }

    /// How many series of a plugin have not ended.
    #[must_use]
    pub fn live_count(&self, plugin: &PluginName) -> usize {
        self.inner.read().cells.live_count(plugin)
    }

    /// All families with series that have not ended, by name, with the help and unit in force. Some may have no sample in
    /// [`Self::visit`], where all are too old.
    #[must_use]
    pub fn families(&self) -> Vec<Arc<Family>> {
        self.sort();
        let inner = self.inner.read();
        inner.index.names().filter_map(|name| self.registry.family(name)).collect()
    }

    /// Shows each live series of a family, without cloning: the points of one metric together, buckets and quantiles ascending, then
    /// sum, then count. The lock is held meanwhile; `each` should only write down.
    pub fn visit(&self, family: &str, now: Timestamp, mut each: impl FnMut(&Labels, Timestamp, f64)) {
        let inner = self.inner.read();
        let definitions = self.registry.read();
        for id in inner.index.of(family) {
            if let (Some((time, value)), Some(definition)) = (inner.cells.live(id, now), definitions.get(id)) {
                each(&definition.labels, time, value);
            }
        }
    }

    /// Brings series that appeared since the last time into order.
    fn sort(&self) {
        if self.inner.read().index.is_sorted() {
            return;
        }
        let mut inner = self.inner.write();
        let definitions = self.registry.read();
        inner.index.sort(&definitions);
    }
}

impl Inner {
    fn collect(&mut self, registry: &SeriesRegistry, at: Timestamp, collected: &Collected) {
        let source = self.cells.source(&collected.plugin, collected.target.as_ref());
        let mut appeared = Vec::new();
        let definitions = registry.read();
        for (id, time, value) in collected.samples.iter() {
            if !self.cells.is_indexed(id) {
                let Some(definition) = definitions.get(id) else {
                    self.unknown += 1;
                    continue;
                };
                self.index.add(&definition.family.name, id);
            } else if !self.cells.is_live(id) {
                appeared.push(id);
            }
            self.cells.put(id, source, at, (time, value));
        }
        let name = |id: SeriesId| definitions.get(id).map(|definition| &*definition.family.name);
        appeared.into_iter().filter_map(name).for_each(|name| self.index.revived(name));
        for id in &collected.ended {
            if self.cells.end(*id)
                && let Some(name) = name(*id)
            {
                let cells = &mut self.cells;
                self.index.ended(name, |id| cells.keep(id));
            }
        }
    }
}
