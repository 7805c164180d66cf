//! What a source remembers of each of its series.

use hashbrown::HashMap;

use super::drops::Why;
use crate::model::{DropReason, SeriesId, Timestamp};

/// One series of one source. Batches are numbered from 1, so that nothing need be reset between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) id: SeriesId,
    /// The batch that touched it last.
    batch: u32,
    /// The batch in which the plugin ended it last.
    ended: u32,
    /// Its values cannot be negative or NaN.
    pub(super) counter: bool,
    /// It was in the last committed batch.
    pub(super) live: bool,
    /// It counts against the plugin's limit.
    pub(super) held: bool,
    /// Its definition is in the journal.
    pub(super) confirmed: bool,
    /// The newest sample before `batch`.
    last: Timestamp,
    /// The newest sample in `batch`.
    batch_last: Timestamp,
}

impl Slot {
    pub(super) fn new(id: SeriesId, counter: bool) -> Self {
        let never = Timestamp(i64::MIN);
        Self { id, batch: 0, ended: 0, counter, live: false, held: false, confirmed: false, last: never, batch_last: never }
    }

    /// Takes note of a sample; says whether it is the series' first in the batch.
    ///
    /// A series has one value at one time: another sample at the time of its newest is a duplicate, whatever its value. Within a
    /// batch a series' samples ascend, else they are late; across batches an older sample is taken, as the window allows.
    pub(super) fn touch(&mut self, batch: u32, time: Timestamp) -> Result<bool, Why> {
        self.accepts(batch, time)?;
        let first = self.batch != batch;
        if first {
            self.last = self.last.max(self.batch_last);
            self.batch = batch;
        }
        self.batch_last = time;
        self.ended = 0;
        Ok(first)
    }

    /// What [`Self::touch`] would say, without taking note.
    pub(super) fn accepts(&self, batch: u32, time: Timestamp) -> Result<(), Why> {
        if time == self.batch_last || time == self.last {
            let why = if self.batch == batch { "is twice in this batch" } else { "already has a sample of this time" };
            return Err(Why(DropReason::Duplicate, why));
        }
        if self.batch == batch && time < self.batch_last {
            return Err(Why(DropReason::Late, "is older than the same series' point before it, send points in order of time"));
        }
        Ok(())
    }

    /// Ends it in this batch, where the batch has touched it; else it is missing anyway.
    pub(super) fn end(&mut self, batch: u32) {
        if self.batch == batch {
            self.ended = batch;
        }
    }

    /// Whether it is in the batch and goes on after it.
    pub(super) fn goes_on(&self, batch: u32) -> bool {
        self.batch == batch && self.ended != batch
    }

    /// Forgets that a batch touched it: the batch is void.
    pub(super) fn forget(&mut self) {
        self.batch = 0;
        self.ended = 0;
        self.batch_last = self.last;
    }
}

/// All series of a source.
#[derive(Debug, Default)]
pub(super) struct Slots {
    list: Vec<Slot>,
    by_id: HashMap<SeriesId, u32>,
}

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// How many count against the plugin's limit.
    pub(super) fn held(&self) -> usize {
        self.list.iter().filter(|slot| slot.held).count()
    }

    /// The slot of a series, made now if it has none. Whoever gave the id bounds how many there are.
    pub(super) fn of(&mut self, id: SeriesId, counter: bool) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let at = *self.by_id.entry(id).or_insert(next);
        if at == next {
            self.list.push(Slot::new(id, counter));
        }
        at
    }

    pub(super) fn get(&self, at: u32) -> &Slot {
        &self.list[at as usize]
    }

    pub(super) fn get_mut(&mut self, at: u32) -> &mut Slot {
        &mut self.list[at as usize]
    }

    /// Keeps those that count, and says where each one went.
    pub(super) fn retain(&mut self, keep: impl Fn(&Slot) -> bool) -> Vec<Option<u32>> {
        let mut moved = Vec::with_capacity(self.list.len());
        let mut kept: Vec<Slot> = Vec::new();
        self.by_id.clear();
        for slot in &self.list {
            moved.push(keep(slot).then(|| {
                let at = u32::try_from(kept.len()).unwrap_or(u32::MAX);
                self.by_id.insert(slot.id, at);
                kept.push(*slot);
                at
            }));
        }
        self.by_id.shrink_to_fit();
        self.list = kept;
        moved
    }
}
