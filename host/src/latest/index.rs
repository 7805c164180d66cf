//! Which series a family has.

use std::collections::BTreeMap;

use crate::edge::Definitions;
use crate::latest::order;
use crate::model::SeriesId;

/// Ended series that a family lists before it is cleared of them, however few live.
const ENDED_SLACK: usize = 64;

#[derive(Debug, Default)]
struct FamilySeries {
    ids: Vec<SeriesId>,
    /// How many at the front are in order.
    sorted: usize,
    ended: usize,
}

/// Families by name, each with its series; ended ones stay until they are half.
#[derive(Debug, Default)]
pub(super) struct Index {
    families: BTreeMap<Box<str>, FamilySeries>,
    unsorted: bool,
}

impl Index {
    /// Lists a series that is not listed.
    pub(super) fn add(&mut self, family: &str, id: SeriesId) {
        self.unsorted = true;
        match self.families.get_mut(family) {
            Some(series) => series.ids.push(id),
            None => {
                self.families.insert(family.into(), FamilySeries { ids: vec![id], sorted: 0, ended: 0 });
            }
        }
    }

    /// A listed series that had ended lives again.
    pub(super) fn revived(&mut self, family: &str) {
        if let Some(series) = self.families.get_mut(family) {
            series.ended = series.ended.saturating_sub(1);
        }
    }

    /// A listed series ended. `keep` says which are still to be listed, where it is time to ask.
    pub(super) fn ended(&mut self, family: &str, mut keep: impl FnMut(SeriesId) -> bool) {
        let Some(series) = self.families.get_mut(family) else { return };
        series.ended += 1;
        if series.ended == series.ids.len() || series.ended > ENDED_SLACK + series.ids.len() / 2 {
            let mut at = 0;
            let mut sorted = 0;
            series.ids.retain(|id| {
                let kept = keep(*id);
                sorted += usize::from(kept && at < series.sorted);
                at += 1;
                kept
            });
            (series.sorted, series.ended) = (sorted, 0);
            if series.ids.is_empty() {
                self.families.remove(family);
            }
        }
    }

    pub(super) fn is_sorted(&self) -> bool {
        !self.unsorted
    }

    /// Brings every family's series into the order of a page. The front is in order already, which the sort finds by itself.
    pub(super) fn sort(&mut self, definitions: &Definitions<'_>) {
        for series in self.families.values_mut().filter(|series| series.sorted < series.ids.len()) {
            series.ids.sort_by(|a, b| order::compare(definitions.get(*a), definitions.get(*b)));
            series.sorted = series.ids.len();
        }
        self.unsorted = false;
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(|name| &**name)
    }

    pub(super) fn of(&self, family: &str) -> impl Iterator<Item = SeriesId> + '_ {
        self.families.get(family).into_iter().flat_map(|series| series.ids.iter().copied())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = SeriesId> + '_ {
        self.families.values().flat_map(|series| series.ids.iter().copied())
    }
}
