//! A frame with its place in the journal: what readers get.

use std::sync::Arc;

use crate::event::{Envelope, Event, Frame};
use crate::model::{Epoch, EventId, Offset};

/// A frame with its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The epoch in which it was appended.
    pub epoch: Epoch,
    /// Counts frames, also those without events: dense from 1, but for what was lost.
    pub number: u64,
    /// The first event's offset; for a frame without events, that of the next event.
    pub first: Offset,
    /// What was committed.
    pub frame: Arc<Frame>,
}

impl Record {
    /// The offset after its last event.
    #[must_use]
    pub fn end(&self) -> Offset {
        Offset(self.first.0 + self.frame.events.len() as u64)
    }

    /// Its last event's offset; for a frame without events the one before `first`.
    #[must_use]
    pub fn last(&self) -> Offset {
        Offset(self.end().0.saturating_sub(1))
    }

    /// Its events with their offsets.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (Offset, &Event)> {
        self.frame.events.iter().enumerate().map(|(at, event)| (Offset(self.first.0 + at as u64), event))
    }

    /// Its events as envelopes, cloned; [`Self::events`] lends them.
    pub fn envelopes(&self) -> impl Iterator<Item = Envelope> {
        self.events().map(|(offset, event)| Envelope {
            id: EventId { epoch: self.epoch, offset },
            at: self.frame.at,
            event: event.clone(),
        })
    }

    /// Whether one who starts at `from` has no use for it: it ends before. A frame without events that stands right before
    /// `from` counts as not before, since its state writes may be new to them.
    pub(super) fn is_before(&self, from: Offset) -> bool {
        self.first < from && self.end() <= from
    }
}
