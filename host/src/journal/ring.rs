//! The latest frames in memory, bounded by bytes and count. What is not synced stays, whatever the bounds: a segment that could
//! not be synced is written again from here.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::Offset;

use super::record::Record;

/// The latest frames.
#[derive(Debug)]
pub(super) struct Ring {
    records: VecDeque<(Arc<Record>, usize)>,
    bytes: usize,
    bytes_max: usize,
    frames_max: usize,
    /// Frames from this number on are not synced.
    unsynced: u64,
    unsynced_bytes: usize,
}

impl Ring {
    pub(super) fn new(bytes_max: usize, frames_max: usize, unsynced: u64) -> Self {
        Self { records: VecDeque::new(), bytes: 0, bytes_max, frames_max, unsynced, unsynced_bytes: 0 }
    }

    /// Adds the next frame, which is not synced and has so many bytes.
    pub(super) fn push(&mut self, record: Arc<Record>, bytes: usize) {
        self.bytes += bytes;
        self.unsynced_bytes += bytes;
        self.records.push_back((record, bytes));
        self.evict();
    }

    /// Takes note that all frames before number `unsynced` are synced.
    pub(super) fn synced(&mut self, unsynced: u64) {
        let newly = self.since(self.unsynced).take_while(|(record, _)| record.number < unsynced);
        self.unsynced_bytes -= newly.map(|(_, bytes)| bytes).sum::<usize>();
        self.unsynced = unsynced;
        self.evict();
    }

    /// Bytes that are not synced.
    pub(super) fn unsynced_bytes(&self) -> usize {
        self.unsynced_bytes
    }

    /// All frames that are not synced.
    pub(super) fn unsynced(&self) -> Vec<Arc<Record>> {
        self.since(self.unsynced).map(|(record, _)| record.clone()).collect()
    }

    /// The number of the oldest frame that is here.
    pub(super) fn first_number(&self) -> Option<u64> {
        self.records.front().map(|(record, _)| record.number)
    }

    /// Up to `frames` frames from number `number` on, none if that one is the next to come; `None` if that one is not here.
    pub(super) fn get(&self, number: u64, frames: usize) -> Option<Vec<Arc<Record>>> {
        let first = self.records.front()?.0.number;
        let last = self.records.back()?.0.number;
        (first..=last + 1)
            .contains(&number)
            .then(|| self.since(number).take(frames).map(|(record, _)| record.clone()).collect())
    }

    /// The number of the first frame for one who starts at `from`; `None` if that may be an older one than those here.
    pub(super) fn find(&self, from: Offset) -> Option<u64> {
        if self.records.front()?.0.first >= from {
            return None;
        }
        let at = self.records.partition_point(|(record, _)| record.is_before(from));
        Some(self.records.front()?.0.number + at as u64)
    }

    fn since(&self, number: u64) -> impl Iterator<Item = &(Arc<Record>, usize)> {
        let first = self.records.front().map_or(number, |(record, _)| record.number);
        let skip = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX).min(self.records.len());
        self.records.range(skip..)
    }

    fn evict(&mut self) {
        while self.bytes > self.bytes_max || self.records.len() > self.frames_max {
            match self.records.front() {
                Some((record, bytes)) if record.number < self.unsynced => {
                    self.bytes -= bytes;
                    self.records.pop_front();
                }
                _ => break,
            }
        }
    }
}
