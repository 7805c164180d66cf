//! The alert book's consumer: reads evaluations, lets the book decide, appends the transitions with its cursor as one frame,
//! synced, and only then applies them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::alert::Book;
use crate::bus::{Accept, Bus, SubmitError};
use crate::clock::Clock;
use crate::event::{ConsumerName, Envelope, Event, Frame, Origin};
use crate::journal::{Next, ReadError, Reader, Record};
use crate::model::{EventId, Offset, OffsetRange};

/// How long to wait before a refused frame is submitted again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Keeps the book.
pub struct Bookkeeper {
    book: Arc<RwLock<Book>>,
    bus: Bus,
    clock: Arc<dyn Clock>,
    /// The last event that the book has consumed.
    cursor: Offset,
    /// During replay: inputs of which it is not yet known whether they were decided.
    undecided: VecDeque<Envelope>,
}

impl Bookkeeper {
    /// A keeper of a book that has consumed the journal up to `cursor`.
    #[must_use]
    pub fn new(book: Arc<RwLock<Book>>, bus: Bus, clock: Arc<dyn Clock>, cursor: Offset) -> Self {
        Self { book, bus, clock, cursor, undecided: VecDeque::new() }
    }

    /// Takes a record of the past: what the book had decided is applied, never decided again; inputs beyond its last frame wait.
    pub fn replay(&mut self, record: &Record) {
        if let Origin::Consumer { name: ConsumerName::Book, consumed } = &record.frame.origin {
            self.catch_up(consumed.to);
            let mut book = self.book.write();
            for envelope in record.envelopes().filter(|envelope| envelope.id.offset > self.cursor) {
                book.apply(&envelope);
            }
            return;
        }
        let inputs = record.envelopes().filter(|envelope| envelope.id.offset > self.cursor && Book::is_input(&envelope.event));
        self.undecided.extend(inputs);
    }

    fn catch_up(&mut self, to: Offset) {
        let mut book = self.book.write();
        while let Some(input) = self.undecided.pop_front_if(|input| input.id.offset <= to) {
            book.apply(&input);
        }
    }

    /// Decides what the past left undecided, then follows the journal until it closes.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn run(mut self, mut reader: Reader) -> Result<(), ReadError> {
        while let Some(input) = self.undecided.pop_front() {
            if self.take(&input).await.is_err() {
                return Ok(());
            }
        }
        while let Some(next) = reader.next().await? {
            let Next::Record(record) = next else { continue };
            if matches!(&record.frame.origin, Origin::Consumer { name: ConsumerName::Book, .. }) {
                continue;
            }
            for (offset, event) in record.events().filter(|(_, event)| Book::is_input(event)) {
                let id = EventId { epoch: record.epoch, offset };
                if self.take(&Envelope { id, at: record.frame.at, event: event.clone() }).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Decides about one input; returns when its transitions are synced and applied.
    async fn take(&mut self, input: &Envelope) -> Result<(), SubmitError> {
        let decided = self.book.read().decide(input);
        let consumed = OffsetRange { from: self.cursor, to: input.id.offset };
        let committed = if decided.is_empty() { None } else { Some(self.commit(decided.clone(), consumed).await?) };
        let mut book = self.book.write();
        book.apply(input);
        for (event, at) in decided.into_iter().zip(0..) {
            if let Some(committed) = &committed {
                let id = EventId { epoch: committed.epoch, offset: Offset(committed.first.0 + at) };
                book.apply(&Envelope { id, at: input.at, event });
            }
        }
        self.cursor = input.id.offset;
        book.advance(self.cursor);
        Ok(())
    }

    /// Submits until the journal takes it: a transition that is not recorded has not happened.
    async fn commit(&self, events: Vec<Event>, consumed: OffsetRange) -> Result<crate::bus::Committed, SubmitError> {
        let origin = Origin::Consumer { name: ConsumerName::Book, consumed };
        loop {
            let frame = Frame { at: self.clock.now(), origin: origin.clone(), events: events.clone() };
            match self.bus.submit(frame, Accept::Synced).await {
                Err(SubmitError::Append(error)) => {
                    tracing::error!(%error, "alert transitions wait for the journal");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                answer => return answer,
            }
        }
    }
}
