//! The alert book's consumer: reads evaluations, lets the book decide, appends the steps with its cursor as one frame, synced,
//! and only then applies them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::alert::{Ahead, Book};
use crate::bus::{Accept, Bus, Committed, SubmitError};
use crate::clock::Clock;
use crate::event::{ConsumerName, Event, Frame, Origin};
use crate::journal::{Item, Reader, Record};
use crate::model::{Epoch, EventId, Offset, OffsetRange, Timestamp};

/// How long to wait before a refused frame is submitted again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Keeps the book.
pub struct Bookkeeper {
    book: Arc<RwLock<Book>>,
    bus: Bus,
    clock: Arc<dyn Clock>,
    /// The last event that the book has taken into account; told to whoever takes snapshots.
    cursor: watch::Sender<Offset>,
}

impl Bookkeeper {
    /// A keeper of a book that has taken the journal into account up to `cursor`.
    #[must_use]
    pub fn new(book: Arc<RwLock<Book>>, bus: Bus, clock: Arc<dyn Clock>, cursor: Offset) -> Self {
        Self { book, bus, clock, cursor: watch::Sender::new(cursor) }
    }

    /// Up to where the book has come. Changes while the book is locked for writing, so that who holds the lock sees both agree.
    #[must_use]
    pub fn cursor(&self) -> watch::Receiver<Offset> {
        self.cursor.subscribe()
    }

    /// Decides what the past left undecided, then follows the journal until the host closes it.
    pub async fn run(self, undecided: Vec<Ahead>, mut reader: Reader) {
        for ahead in undecided {
            let Some(event) = &ahead.event else {
                self.pass(ahead.id.offset, |book| book.pass(ahead.at));
                continue;
            };
            if self.take(ahead.id, ahead.at, event).await.is_err() {
                return;
            }
        }
        while let Ok(item) = reader.next().await {
            match item {
                Item::Record(record) if self.take_record(&record).await.is_err() => return,
                Item::Record(_) => {}
                Item::Skipped(skipped) => {
                    tracing::error!(from = skipped.from.0, to = skipped.to.0, "the alert book lost events");
                }
            }
        }
    }

    async fn take_record(&self, record: &Record) -> Result<(), SubmitError> {
        // Its own steps were applied when they were recorded.
        if record.frame.origin.consumed_by(ConsumerName::Book).is_none() {
            for (offset, event) in record.events().filter(|(_, event)| Book::concerns(event)) {
                self.take(EventId { epoch: record.epoch, offset }, record.frame.at, event).await?;
            }
        }
        self.pass(record.last(), |book| book.pass(record.frame.at));
        Ok(())
    }

    /// Decides about one event; returns when the steps are synced and applied.
    async fn take(&self, id: EventId, at: Timestamp, event: &Event) -> Result<(), SubmitError> {
        let steps = self.book.read().decide(at, event);
        let consumed = OffsetRange { from: *self.cursor.borrow(), to: id.offset };
        let committed = if steps.is_empty() { None } else { Some(self.commit(&steps, consumed).await?) };
        self.pass(id.offset, |book| {
            book.apply(id, at, event);
            let Some(committed) = committed else { return };
            for (step, offset) in steps.iter().zip(committed.first.0..) {
                book.apply(EventId { epoch: committed.epoch, offset: Offset(offset) }, committed.at, step);
            }
        });
        Ok(())
    }

    fn pass(&self, to: Offset, apply: impl FnOnce(&mut Book)) {
        let mut book = self.book.write();
        apply(&mut book);
        self.cursor.send_replace(to);
    }

    /// Submits until the journal takes it: a step that is not recorded has not happened.
    async fn commit(&self, steps: &[Event], consumed: OffsetRange) -> Result<Taken, SubmitError> {
        let origin = Origin::Consumer { name: ConsumerName::Book, consumed };
        loop {
            let at = self.clock.now();
            let frame = Frame { at, origin: origin.clone(), events: steps.to_vec() };
            match self.bus.submit(frame, Accept::Synced).await {
                Ok(Committed { epoch, first, .. }) => return Ok(Taken { epoch, first, at }),
                // It is at its place for all to see; the recorder goes on trying to sync it.
                Err(SubmitError::Unsynced { committed: Committed { epoch, first, .. }, error }) => {
                    tracing::error!(%error, "alert steps are recorded and not yet synced");
                    return Ok(Taken { epoch, first, at });
                }
                Err(SubmitError::Append(error)) => {
                    tracing::error!(%error, "alert steps wait for the journal");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(SubmitError::Closed) => return Err(SubmitError::Closed),
            }
        }
    }
}

/// Where and when steps were recorded.
struct Taken {
    epoch: Epoch,
    first: Offset,
    at: Timestamp,
}
