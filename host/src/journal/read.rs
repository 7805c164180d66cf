//! Reading while the journal is written: from memory where it is there, else from disk, then waiting.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use crate::model::{Offset, Timestamp};

use super::record::Record;
use super::scan::FrameSource;
use super::shared::{Batch, Place, Shared};
use super::writer::{Condition, Head};

/// What a reader meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A frame with its place.
    Record(Arc<Record>),
    /// Offsets that are not there any more. The reader goes on behind them.
    Skipped(Skipped),
}

/// Offsets that are not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The first one.
    pub from: Offset,
    /// The last one; before `from` where only frames without events are gone.
    pub to: Offset,
    /// Why.
    pub reason: SkipReason,
}

/// Why offsets are not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Retention deleted them.
    Deleted,
    /// Their frames are damaged, or were set aside at opening.
    Damaged,
}

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal is closed and all of it was read.
    #[error("the journal is closed")]
    Closed,
    /// The file system refuses. Reading may be tried again.
    #[error("cannot read the journal")]
    Io(#[from] io::Error),
}

/// The readers' side of a journal. Cheap to clone; outlives the writer.
#[derive(Clone, Debug)]
pub struct Tail {
    pub(super) shared: Arc<Shared>,
    pub(super) head: watch::Receiver<Head>,
    pub(super) written: watch::Receiver<Offset>,
    pub(super) synced: watch::Receiver<Offset>,
    pub(super) condition: watch::Receiver<Condition>,
}

impl Tail {
    /// A reader of everything from `from` on. An offset beyond the end counts as the end. The first record may begin before
    /// `from`: records are whole frames.
    #[must_use]
    pub fn reader(&self, from: Offset) -> Reader {
        let from = from.min(self.head.borrow().offset);
        let place = Place::Offset(from.max(Offset(1)));
        Reader { shared: self.shared.clone(), head: self.head.clone(), ready: VecDeque::new(), place, source: None, at: from }
    }

    /// The last offset that is written.
    #[must_use]
    pub fn last(&self) -> Offset {
        Offset(self.head.borrow().offset.0.saturating_sub(1))
    }

    /// The oldest offset that is still there (or, in an empty journal, will come first).
    #[must_use]
    pub fn oldest(&self) -> Offset {
        self.shared.oldest()
    }

    /// Follows the last offset that is written.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<Offset> {
        self.written.clone()
    }

    /// Follows the last offset that is synced.
    #[must_use]
    pub fn synced(&self) -> watch::Receiver<Offset> {
        self.synced.clone()
    }

    /// Follows whether the journal takes appends.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    /// Number of segments, and their bytes together.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        self.shared.size()
    }

    /// The first offset whose frame's time is `time` or later, else the one that will come next. Since the clock may step back,
    /// later frames may have earlier times.
    ///
    /// # Errors
    /// The file system refuses.
    pub async fn offset_at(&self, time: Timestamp) -> Result<Offset, ReadError> {
        let shared = self.shared.clone();
        let end = self.head.borrow().offset;
        let found = blocking(move || shared.offset_at(time)).await?;
        Ok(found.unwrap_or(end))
    }
}

/// Reads the journal in order. Not losing anything when a call is cancelled, it fits into `select!`.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
    /// Read, and not yet handed out.
    ready: VecDeque<Item>,
    /// Behind what is ready.
    place: Place,
    source: Option<FrameSource>,
    /// Behind what was handed out.
    at: Offset,
}

impl Reader {
    /// The next item; waits for it.
    ///
    /// # Errors
    /// The journal is closed and read to its end, or the file system refuses.
    pub async fn next(&mut self) -> Result<Item, ReadError> {
        loop {
            if let Some(item) = self.hand_out() {
                return Ok(item);
            }
            if let Some(number) = self.end_number() {
                self.head.wait_for(|head| head.number > number).await.map_err(|_| ReadError::Closed)?;
            }
            self.fill().await?;
        }
    }

    /// Up to `max` of the items that are there, without waiting for more to be appended. Empty at the journal's end.
    ///
    /// # Errors
    /// The file system refuses.
    pub async fn batch(&mut self, max: usize) -> Result<Vec<Item>, ReadError> {
        while self.ready.is_empty() && self.end_number().is_none() {
            self.fill().await?;
        }
        Ok(std::iter::from_fn(|| self.hand_out()).take(max).collect())
    }

    /// As [`Self::batch`], on the calling thread, which may block on the disk.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn batch_blocking(&mut self, max: usize) -> Result<Vec<Item>, ReadError> {
        while self.ready.is_empty() && self.end_number().is_none() {
            let head = *self.head.borrow();
            if let Some(records) = self.shared.remembered(self.place) {
                self.admit(records, head);
            } else {
                let batch = self.shared.fetch(self.place, self.source.take())?;
                self.admit_batch(batch, head);
            }
        }
        Ok(std::iter::from_fn(|| self.hand_out()).take(max).collect())
    }

    /// The offset of the next event that it will hand out, or skip.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.at
    }

    fn hand_out(&mut self) -> Option<Item> {
        let item = self.ready.pop_front()?;
        self.at = match &item {
            Item::Record(record) => record.end(),
            Item::Skipped(skipped) => skipped.to.next(),
        };
        Some(item)
    }

    /// At the end, the number of the frame that will be the next.
    fn end_number(&self) -> Option<u64> {
        match self.place {
            Place::Frame(number, _) if number >= self.head.borrow().number => Some(number),
            _ => None,
        }
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        let head = *self.head.borrow();
        if let Some(records) = self.shared.remembered(self.place) {
            self.admit(records, head);
            return Ok(());
        }
        let (shared, place, source) = (self.shared.clone(), self.place, self.source.take());
        let batch = blocking(move || shared.fetch(place, source)).await?;
        self.admit_batch(batch, head);
        Ok(())
    }

    fn admit_batch(&mut self, batch: Batch, head: Head) {
        self.source = batch.source;
        if let (Place::Offset(_), Some(lost)) = (self.place, batch.lost) {
            self.place = lost;
        }
        self.admit(batch.records, head);
    }

    /// Makes records ready, with what is missing before them. `head` was the end before they were looked for.
    fn admit(&mut self, records: Vec<Arc<Record>>, head: Head) {
        if records.is_empty() {
            // Neither in memory nor on disk: all up to where the end was is gone.
            self.skip(head.number, head.offset);
        }
        for record in records {
            self.skip(record.number, record.first);
            self.place = Place::Frame(record.number + 1, record.end());
            self.ready.push_back(Item::Record(record));
        }
    }

    /// Moves the place to a frame; if that is not the expected one, says what was skipped.
    fn skip(&mut self, number: u64, first: Offset) {
        let (gap, from) = match self.place {
            Place::Offset(from) => (first > from, from),
            Place::Frame(expected, from) => (number > expected, from),
        };
        if gap {
            let to = Offset(first.0.saturating_sub(1));
            let reason = if from < self.shared.oldest() { SkipReason::Deleted } else { SkipReason::Damaged };
            self.ready.push_back(Item::Skipped(Skipped { from, to, reason }));
        }
        if !matches!(self.place, Place::Frame(expected, _) if expected > number) {
            self.place = Place::Frame(number, first);
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
