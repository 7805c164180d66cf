//! One stream of batches: what one plugin says of one target, or of one rule, in one role.

use std::sync::Arc;

use super::batch::{Batch, Ending};
use super::cache::Cache;
use super::labelling::{Base, HonorLabels};
use super::limits::PluginShare;
use super::registry::SeriesRegistry;
use super::slot::Slots;
use super::status;
use crate::event::Collected;
use crate::model::{Columns, Kind, PluginName, SeriesId, Target, TargetName, Timestamp};

/// What a finished batch changes once it is in the journal.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) ending: Ending,
    pub(super) touched: Vec<u32>,
    pub(super) defined: Vec<SeriesId>,
}

/// A stream of batches with its series. Make one for each role of a plugin and each of its targets, and one for each rule of an
/// alerter: a series ends when it is missing from the *same* source's next batch, so what a check returns does not end what a
/// collection returned, nor one rule's output another's.
#[derive(Debug)]
pub struct Source {
    pub(super) registry: Arc<SeriesRegistry>,
    pub(super) share: Arc<PluginShare>,
    pub(super) plugin: PluginName,
    pub(super) target: Option<TargetName>,
    pub(super) base: Base,
    pub(super) cache: Cache,
    pub(super) slots: Slots,
    /// Slots in the last committed batch.
    pub(super) live: Vec<u32>,
    /// Slots of an interner's local ids, and which interner's.
    pub(super) locals: Vec<u32>,
    pub(super) locals_of: u64,
    pub(super) batch: u32,
    /// Families that the last batch described.
    pub(super) families_used: usize,
    pub(super) staged: Option<Staged>,
}

impl Source {
    /// A source without series. `target` is `None` for alerters; `hostname` becomes the label `instance` where no target has a name.
    #[must_use]
    pub fn new(
        registry: Arc<SeriesRegistry>,
        share: Arc<PluginShare>,
        plugin: &PluginName,
        target: Option<&Target>,
        hostname: &str,
        honor: HonorLabels,
    ) -> Self {
        Self {
            registry,
            share,
            plugin: plugin.clone(),
            target: target.and_then(|target| target.name.clone()),
            base: Base::new(plugin, target, hostname, honor),
            cache: Cache::default(),
            slots: Slots::default(),
            live: Vec::new(),
            locals: Vec::new(),
            locals_of: 0,
            batch: 0,
            families_used: 0,
            staged: None,
        }
    }

    /// Begins the batch of one call at the host's time `now`. It owns the source until it is finished, so that it can live in the
    /// Wasm store during the call. An earlier batch that was not settled counts as committed.
    #[must_use]
    pub fn begin(mut self, now: Timestamp) -> Batch {
        self.committed();
        self.compact();
        self.batch = self.batch.checked_add(1).unwrap_or(1);
        Batch::new(self, now)
    }

    /// The finished batch is in the journal: its series are live now, its definitions known.
    pub fn committed(&mut self) {
        let Some(staged) = self.staged.take() else { return };
        self.registry.confirm(staged.defined.iter().copied());
        for id in staged.defined {
            let at = self.slots.of(id, false);
            self.slots.get_mut(at).confirmed = true;
        }
        let batch = self.batch;
        let goes_on = |source: &Self, at: u32| staged.ending == Ending::Ok && source.slots.get(at).goes_on(batch);
        for at in std::mem::take(&mut self.live) {
            if !goes_on(self, at) {
                self.release(at);
            }
        }
        let mut live = staged.touched;
        live.retain(|at| {
            let stays = goes_on(self, *at);
            if stays {
                self.slots.get_mut(*at).live = true;
            } else {
                self.release(*at);
            }
            stays
        });
        self.live = live;
    }

    /// The finished batch did not get into the journal: everything is as before it. Its samples count as dropped (journal); that is
    /// the caller's to count.
    pub fn lost(&mut self) {
        if let Some(staged) = self.staged.take() {
            self.forget(&staged.touched);
        }
    }

    /// Takes up the series that were live before this process began, so that those which are missing from the first batch end.
    ///
    /// Ids come from `latest`, which knows plugin and target, not role or rule: seed where a plugin has one source for a target. The
    /// host's own series of a check are left to [`super::StatusSource`]. Ids that the registry does not know are left out.
    pub fn seed_live(&mut self, ids: impl IntoIterator<Item = SeriesId>) {
        self.seed(ids, |family| !status::FAMILIES.contains(&family));
    }

    pub(super) fn seed(&mut self, ids: impl IntoIterator<Item = SeriesId>, mine: impl Fn(&str) -> bool) {
        for id in ids {
            let Some(definition) = self.registry.definition(id).filter(|definition| mine(&definition.family.name)) else {
                continue;
            };
            let at = self.slots.of(id, definition.family.kind == Kind::Counter);
            let slot = self.slots.get_mut(at);
            if slot.held {
                continue;
            }
            (slot.live, slot.held, slot.confirmed) = (true, true, self.registry.is_confirmed(id));
            self.share.hold();
            self.live.push(at);
        }
    }

    /// The target or rule is gone: all of its series end. `None` where none lives. To be settled like a batch.
    pub fn gone(&mut self, now: Timestamp) -> Option<Collected> {
        self.committed();
        let ended = self.live_ids();
        self.staged = Some(Staged { ending: Ending::Aborted, touched: Vec::new(), defined: Vec::new() });
        let collected = Collected {
            plugin: self.plugin.clone(),
            target: self.target.clone(),
            samples: Columns::empty(now),
            ended,
            dropped: Vec::new(),
        };
        (!collected.ended.is_empty()).then_some(collected)
    }

    /// The series of the last committed batch.
    #[must_use]
    pub fn live_ids(&self) -> Vec<SeriesId> {
        self.live.iter().map(|at| self.slots.get(*at).id).collect()
    }

    /// Undoes what a batch noted about its series.
    pub(super) fn forget(&mut self, touched: &[u32]) {
        for at in touched {
            self.slots.get_mut(*at).forget();
            if !self.slots.get(*at).live {
                self.release(*at);
            }
        }
    }

    fn release(&mut self, at: u32) {
        let slot = self.slots.get_mut(at);
        slot.live = false;
        if std::mem::take(&mut slot.held) {
            self.share.release(1);
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.share.release(self.slots.held());
    }
}
