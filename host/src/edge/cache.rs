//! What a source remembers of families and points, so that a known series costs a hash and a comparison, and no allocation.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::drops::Refusal;
use crate::model::{Family, Kind};

/// Never part of UTF-8, so it ends a value unmistakably.
const END: u8 = 0xff;

/// A family in a batch; valid until the batch is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyRef(pub(super) u32);

/// How a family was described, as the plugin gave it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described<'a, N> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) unit: &'a str,
    pub(super) help: &'a str,
    pub(super) label_names: &'a [N],
}

/// A family as one plugin describes it; another description is another entry.
#[derive(Debug)]
pub(super) struct FamilyEntry {
    given: Arc<Family>,
    label_names: Box<[Box<str>]>,
    used: u32,
    /// Why its points are dropped, where they are.
    pub(super) state: Result<Usable, Refusal>,
}

/// A family whose points are taken.
#[derive(Debug)]
pub(super) struct Usable {
    /// With the help and unit in force.
    pub(super) family: Arc<Family>,
    /// Its name is taken in the registry; it is with the first series, so that empty families take up no room.
    pub(super) claimed: bool,
    /// The final names of its labels.
    pub(super) names: Vec<Box<str>>,
    /// Of a state-set: which label holds the state.
    pub(super) state_label: Option<usize>,
}

impl FamilyEntry {
    pub(super) fn name(&self) -> &str {
        &self.given.name
    }

    pub(super) fn kind(&self) -> Kind {
        self.given.kind
    }

    fn is<N: AsRef<str>>(&self, described: &Described<'_, N>) -> bool {
        let same_names = || {
            let given = described.label_names.iter().map(AsRef::as_ref);
            self.label_names.len() == described.label_names.len() && self.label_names.iter().map(|name| &**name).eq(given)
        };
        *self.given.name == *described.name
            && self.given.kind == described.kind
            && *self.given.unit == *described.unit
            && *self.given.help == *described.help
            && same_names()
    }
}

/// Where a point's samples go.
#[derive(Debug)]
pub(super) enum PointSlots {
    /// One series.
    One(u32),
    /// A histogram's or summary's.
    Many(Box<Distribution>),
}

/// The slots of one histogram or summary: one a bound, then sum and count.
#[derive(Debug)]
pub(super) struct Distribution {
    pub(super) bounds: Box<[f64]>,
    pub(super) slots: Box<[u32]>,
}

#[derive(Debug)]
struct PointEntry {
    family: u32,
    used: u32,
    hash: u64,
    key: Box<[u8]>,
    slots: PointSlots,
}

/// Families and points that the source has seen.
#[derive(Debug, Default)]
pub(super) struct Cache {
    hasher: DefaultHashBuilder,
    families: Vec<FamilyEntry>,
    family_index: HashTable<u32>,
    points: Vec<PointEntry>,
    point_index: HashTable<u32>,
}

impl Cache {
    pub(super) fn families(&self) -> usize {
        self.families.len()
    }

    pub(super) fn points(&self) -> usize {
        self.points.len()
    }

    pub(super) fn family(&self, at: FamilyRef) -> Option<&FamilyEntry> {
        self.families.get(at.0 as usize)
    }

    pub(super) fn family_mut(&mut self, at: FamilyRef) -> Option<&mut FamilyEntry> {
        self.families.get_mut(at.0 as usize)
    }

    pub(super) fn find_family<N: AsRef<str>>(&mut self, described: &Described<'_, N>, batch: u32) -> Option<FamilyRef> {
        let hash = family_hash(&self.hasher, described.name, described.kind);
        let at = *self.family_index.find(hash, |at| self.families[*at as usize].is(described))?;
        self.families[at as usize].used = batch;
        Some(FamilyRef(at))
    }

    pub(super) fn add_family<N: AsRef<str>>(
        &mut self,
        described: &Described<'_, N>,
        batch: u32,
        state: Result<Usable, Refusal>,
    ) -> FamilyRef {
        let given = Arc::new(Family {
            name: described.name.into(),
            kind: described.kind,
            unit: described.unit.into(),
            help: described.help.into(),
        });
        let label_names = described.label_names.iter().map(|name| name.as_ref().into()).collect();
        self.push_family(FamilyEntry { given, label_names, used: batch, state })
    }

    fn push_family(&mut self, entry: FamilyEntry) -> FamilyRef {
        let at = u32::try_from(self.families.len()).unwrap_or(u32::MAX);
        let (hasher, families) = (&self.hasher, &mut self.families);
        let hash = family_hash(hasher, entry.name(), entry.kind());
        families.push(entry);
        let rehash = |at: &u32| {
            let entry = &families[*at as usize];
            family_hash(hasher, entry.name(), entry.kind())
        };
        self.family_index.insert_unique(hash, at, rehash);
        FamilyRef(at)
    }

    pub(super) fn point_hash<V: AsRef<str>>(&self, family: FamilyRef, values: &[V]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(family.0);
        for value in values {
            hasher.write(value.as_ref().as_bytes());
            hasher.write_u8(END);
        }
        hasher.finish()
    }

    /// The slots of a known point.
    pub(super) fn find_point<V: AsRef<str>>(
        &mut self,
        hash: u64,
        family: FamilyRef,
        values: &[V],
        batch: u32,
    ) -> Option<&PointSlots> {
        let points = &self.points;
        let at = *self.point_index.find(hash, |at| {
            let point = &points[*at as usize];
            point.hash == hash && point.family == family.0 && is_key(&point.key, values)
        })?;
        let point = &mut self.points[at as usize];
        point.used = batch;
        Some(&point.slots)
    }

    /// Remembers a point; one with the same key is replaced.
    pub(super) fn add_point<V: AsRef<str>>(
        &mut self,
        hash: u64,
        family: FamilyRef,
        values: &[V],
        batch: u32,
        slots: PointSlots,
    ) {
        let points = &self.points;
        let same = |at: &u32| points[*at as usize].family == family.0 && is_key(&points[*at as usize].key, values);
        if let Some(at) = self.point_index.find(hash, same).copied() {
            self.points[at as usize].slots = slots;
            return;
        }
        let mut key = Vec::with_capacity(values.iter().map(|value| value.as_ref().len() + 1).sum());
        for value in values {
            key.extend_from_slice(value.as_ref().as_bytes());
            key.push(END);
        }
        self.push_point(PointEntry { family: family.0, used: batch, hash, key: key.into(), slots });
    }

    fn push_point(&mut self, point: PointEntry) {
        let at = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        let hash = point.hash;
        self.points.push(point);
        let points = &self.points;
        self.point_index.insert_unique(hash, at, |at| points[*at as usize].hash);
    }

    /// Forgets what the batch `used` did not use, and moves the slots of the rest; `moved` says where each slot went.
    pub(super) fn retain(&mut self, used: u32, moved: &[Option<u32>]) {
        let families = std::mem::take(&mut self.families);
        let points = std::mem::take(&mut self.points);
        self.family_index = HashTable::new();
        self.point_index = HashTable::new();
        let kept: Vec<_> = families.into_iter().map(|entry| (entry.used == used).then(|| self.push_family(entry))).collect();
        for point in points.into_iter().filter(|point| point.used == used) {
            let Some(family) = kept.get(point.family as usize).copied().flatten() else { continue };
            let Some(slots) = move_slots(point.slots, moved) else { continue };
            let key_hash = self.key_hash(family, &point.key);
            self.push_point(PointEntry { family: family.0, slots, hash: key_hash, ..point });
        }
    }

    /// The same hash as [`Self::point_hash`], from a stored key.
    fn key_hash(&self, family: FamilyRef, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(family.0);
        for value in key.split_inclusive(|byte| *byte == END) {
            hasher.write(&value[..value.len() - 1]);
            hasher.write_u8(END);
        }
        hasher.finish()
    }
}

fn family_hash(hasher: &DefaultHashBuilder, name: &str, kind: Kind) -> u64 {
    hasher.hash_one((name, kind))
}

fn is_key<V: AsRef<str>>(key: &[u8], values: &[V]) -> bool {
    let mut rest = key;
    for value in values {
        let value = value.as_ref().as_bytes();
        if rest.len() <= value.len() || rest[..value.len()] != *value || rest[value.len()] != END {
            return false;
        }
        rest = &rest[value.len() + 1..];
    }
    rest.is_empty()
}

fn move_slots(slots: PointSlots, moved: &[Option<u32>]) -> Option<PointSlots> {
    let place = |at: u32| moved.get(at as usize).copied().flatten();
    match slots {
        PointSlots::One(at) => Some(PointSlots::One(place(at)?)),
        PointSlots::Many(mut many) => {
            for at in &mut many.slots {
                *at = place(*at)?;
            }
            Some(PointSlots::Many(many))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_values_apart_by_their_ends() {
        let mut cache = Cache::default();
        let family = FamilyRef(0);
        for (at, values) in (0..).zip([["a", "bc"], ["ab", "c"], ["", "abc"], ["abc", ""]]) {
            let hash = cache.point_hash(family, &values);
            assert!(cache.find_point(hash, family, &values, 1).is_none());
            cache.add_point(hash, family, &values, 1, PointSlots::One(at));
            assert_eq!(cache.key_hash(family, &cache.points[at as usize].key), hash);
        }
        let hash = cache.point_hash(family, &["ab", "c"]);
        assert!(matches!(cache.find_point(hash, family, &["ab", "c"], 1), Some(PointSlots::One(1))));
    }
}
