//! Rebuilding the book from the journal, in the order in which it took the events.

use std::collections::VecDeque;

use super::book::Book;
use crate::event::{ConsumerName, Event, Origin};
use crate::model::{EventId, Offset, Timestamp};

/// The book follows the journal at a distance, so its steps stand behind events that it had not seen when it decided them.
/// Each of its frames tells up to where it had come; what it had not come to is held back until a later frame has, or until the
/// journal ends: that is what it has still to decide on.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    book: Book,
    /// Up to where the book had come when it was saved.
    saved: Offset,
    ahead: VecDeque<Ahead>,
}

/// An event that the book has not taken into account.
#[derive(Clone, Debug, PartialEq)]
pub struct Ahead {
    /// Its place.
    pub id: EventId,
    /// Its time.
    pub at: Timestamp,
    /// `None`: one or more that say nothing to the book but the time ([`Book::pass`]).
    pub event: Option<Event>,
}

impl Replay {
    /// Goes on from a book that was saved when it had decided on all events up to an offset; from [`Book::default`] and
    /// [`Offset::ZERO`] without one.
    #[must_use]
    pub fn new(book: Book, saved: Offset) -> Self {
        Self { book, saved, ahead: VecDeque::new() }
    }

    /// Takes the next event of the journal, with its frame's origin. To be given every event after the saved offset; what the
    /// saved book knows already is passed over.
    pub fn take(&mut self, origin: &Origin, id: EventId, at: Timestamp, event: &Event) {
        let decided = origin.consumed_by(ConsumerName::Book);
        if decided.map_or(id.offset, |consumed| consumed.to) <= self.saved {
            return;
        }
        if let Some(consumed) = decided {
            self.advance(consumed.to);
            self.book.apply(id, at, event);
        } else if Book::concerns(event) {
            self.ahead.push_back(Ahead { id, at, event: Some(event.clone()) });
        } else if let Some(last @ Ahead { event: None, .. }) = self.ahead.back_mut() {
            (last.id, last.at) = (id, last.at.max(at));
        } else {
            self.ahead.push_back(Ahead { id, at, event: None });
        }
    }

    /// The book as it was, and the events after it in order: each is to be decided on, and applied when that is recorded.
    #[must_use]
    pub fn finish(self) -> (Book, Vec<Ahead>) {
        (self.book, self.ahead.into())
    }

    fn advance(&mut self, to: Offset) {
        while let Some(next) = self.ahead.pop_front_if(|next| next.id.offset <= to) {
            match next.event {
                Some(event) => self.book.apply(next.id, next.at, &event),
                None => self.book.pass(next.at),
            }
        }
    }
}
