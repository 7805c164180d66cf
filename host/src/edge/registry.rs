//! Labels to series ids, shared by everything that handles samples.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::{DefaultHashBuilder, HashMap};
use parking_lot::{RwLock, RwLockReadGuard};

use super::family::{Claimed, FamilyTable};
use super::limits::SERIES_MAX;
use crate::model::{Family, Kind, Labels, SeriesDefinition, SeriesId};

/// Parts of the table of labels, so that sources that meet new series at the same time rarely wait for each other.
const SHARDS: usize = 16;

#[derive(Debug)]
struct Entry {
    definition: SeriesDefinition,
    confirmed: AtomicBool,
}

/// Every series that was ever defined: dense ids, never given twice. Share it behind an `Arc`.
///
/// An id is *confirmed* when its definition is known to be in the journal; until then each batch that holds the series defines it.
#[derive(Debug, Default)]
pub struct SeriesRegistry {
    hasher: DefaultHashBuilder,
    shards: [RwLock<HashMap<Labels, SeriesId>>; SHARDS],
    entries: RwLock<Vec<Option<Entry>>>,
    families: FamilyTable,
}

impl SeriesRegistry {
    /// Without series.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a label set, `__name__` among it, if it has one.
    #[must_use]
    pub fn lookup(&self, labels: &Labels) -> Option<SeriesId> {
        self.shard(labels).read().get(labels).copied()
    }

    /// A series' definition.
    #[must_use]
    pub fn definition(&self, id: SeriesId) -> Option<SeriesDefinition> {
        self.read().get(id).cloned()
    }

    /// All definitions, to look at many without cloning. New series wait meanwhile: keep it short.
    #[must_use]
    pub fn read(&self) -> Definitions<'_> {
        Definitions(self.entries.read())
    }

    /// The family that a series' or family's name belongs to, with the help and unit in force.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<Arc<Family>> {
        self.families.get(name)
    }

    /// How many ids were given.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.read().len()
    }

    /// Whether no id was given yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Marks definitions as journaled.
    pub fn confirm(&self, ids: impl IntoIterator<Item = SeriesId>) {
        let entries = self.entries.read();
        for entry in ids.into_iter().filter_map(|id| entries.get(id.index())?.as_ref()) {
            entry.confirmed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a definition is known to be in the journal.
    #[must_use]
    pub fn is_confirmed(&self, id: SeriesId) -> bool {
        self.entries
            .read()
            .get(id.index())
            .and_then(Option::as_ref)
            .is_some_and(|entry| entry.confirmed.load(Ordering::Relaxed))
    }

    /// Every confirmed series by id: what a snapshot or a checkpoint of the journal holds.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(SeriesId, SeriesDefinition)> {
        let entries = self.entries.read();
        let known = (0_u32..).zip(entries.iter()).filter_map(|(id, entry)| Some((SeriesId(id), entry.as_ref()?)));
        known
            .filter(|(_, entry)| entry.confirmed.load(Ordering::Relaxed))
            .map(|(id, entry)| (id, entry.definition.clone()))
            .collect()
    }

    /// Takes a definition from a snapshot or from the journal: confirmed. A later definition of an id replaces an earlier one.
    ///
    /// Ids beyond the host's bound on series are left out: no journal of ours holds any.
    pub fn restore(&self, id: SeriesId, definition: SeriesDefinition) {
        if id.index() >= SERIES_MAX {
            return;
        }
        let family = match self.families.claim(&definition.family) {
            Ok(claimed) if *claimed.family == *definition.family => claimed.family,
            Ok(_) | Err(_) => definition.family,
        };
        let definition = SeriesDefinition { family, labels: definition.labels };
        let mut shard = self.shard(&definition.labels).write();
        let mut entries = self.entries.write();
        if entries.len() <= id.index() {
            entries.resize_with(id.index() + 1, || None);
        }
        shard.insert(definition.labels.clone(), id);
        entries[id.index()] = Some(Entry { definition, confirmed: AtomicBool::new(true) });
    }

    /// Whether the host's bound on series is reached.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= SERIES_MAX
    }

    pub(super) fn peek(&self, family: &Family) -> Result<Option<Claimed>, Kind> {
        self.families.peek(family)
    }

    pub(super) fn claim(&self, family: &Family) -> Result<Claimed, Kind> {
        self.families.claim(family)
    }

    /// The id of a series, given now if it is new; `None` where the host's bound is reached.
    pub(super) fn define(&self, family: &Arc<Family>, labels: Labels) -> Option<SeriesId> {
        let mut shard = self.shard(&labels).write();
        if let Some(id) = shard.get(&labels) {
            return Some(*id);
        }
        let mut entries = self.entries.write();
        let id = u32::try_from(entries.len()).ok().filter(|_| entries.len() < SERIES_MAX).map(SeriesId)?;
        let definition = SeriesDefinition { family: family.clone(), labels: labels.clone() };
        entries.push(Some(Entry { definition, confirmed: AtomicBool::new(false) }));
        shard.insert(labels, id);
        Some(id)
    }

    fn shard(&self, labels: &Labels) -> &RwLock<HashMap<Labels, SeriesId>> {
        // The upper bits: the table inside uses the lower ones, with a hasher of its own.
        let hash = self.hasher.hash_one(labels);
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

/// All definitions, held still.
#[derive(Debug)]
pub struct Definitions<'a>(RwLockReadGuard<'a, Vec<Option<Entry>>>);

impl Definitions<'_> {
    /// A series' definition.
    #[must_use]
    pub fn get(&self, id: SeriesId) -> Option<&SeriesDefinition> {
        self.0.get(id.index())?.as_ref().map(|entry| &entry.definition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(value: &str) -> Labels {
        Labels::from_trusted([("__name__".into(), "x".into()), ("a".into(), value.into())])
    }

    fn family() -> Arc<Family> {
        Arc::new(Family { name: "x".into(), kind: Kind::Gauge, unit: "".into(), help: "".into() })
    }

    #[test]
    fn a_label_set_keeps_its_id() {
        let registry = SeriesRegistry::new();
        let id = registry.define(&family(), labels("1")).unwrap();
        assert_eq!(registry.define(&family(), labels("1")), Some(id));
        assert_eq!(registry.define(&family(), labels("2")), Some(SeriesId(1)));
        assert_eq!(registry.lookup(&labels("2")), Some(SeriesId(1)));
        assert_eq!(registry.definition(id).unwrap().labels, labels("1"));
    }

    #[test]
    fn only_confirmed_series_are_in_a_snapshot() {
        let registry = SeriesRegistry::new();
        let ids: Vec<_> = ["1", "2", "3"].map(|value| registry.define(&family(), labels(value)).unwrap()).into();
        registry.confirm([ids[2], SeriesId(99)]);
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.len(), 1);
        let restored = SeriesRegistry::new();
        snapshot.into_iter().for_each(|(id, definition)| restored.restore(id, definition));
        assert_eq!(restored.lookup(&labels("3")), Some(ids[2]));
        assert!(restored.is_confirmed(ids[2]) && !restored.is_confirmed(ids[0]));
        assert_eq!(restored.define(&family(), labels("4")), Some(SeriesId(3)), "ids are not given twice");
        assert_eq!(restored.family("x").unwrap().kind, Kind::Gauge);
    }

    #[test]
    fn an_id_from_nowhere_costs_no_memory() {
        let registry = SeriesRegistry::new();
        registry.restore(SeriesId(u32::MAX), SeriesDefinition { family: family(), labels: labels("1") });
        assert!(registry.is_empty());
    }
}
