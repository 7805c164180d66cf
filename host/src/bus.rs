//! The way in: a bounded channel that carries frames from whoever produces them to the recorder.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::event::Frame;
use crate::model::{Epoch, Offset};

/// Frames that may wait for the recorder. Producers wait when it is full, so nothing is lost; the wait shows in their calls.
pub const BUS_FRAMES_MAX: usize = 1024;

/// When a frame counts as accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// As the journal's durability setting says: written, or synced.
    Default,
    /// Synced, whatever the setting: alert transitions and notification results.
    Synced,
}

/// Where an accepted frame's events are: `first..=last`; for a frame without events `last` is before `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The journal's epoch.
    pub epoch: Epoch,
    /// The first event's offset.
    pub first: Offset,
    /// The last event's offset.
    pub last: Offset,
}

/// Why a frame was not accepted. Nothing of it is in the journal, but for `Unsynced`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The recorder has ended: the host is shutting down.
    #[error("the journal is closed")]
    Closed,
    /// The journal could not take it.
    #[error("the journal could not take a frame: {0}")]
    Append(String),
    /// It is written, readers see it at its place, and a crash may lose it: neither the segment nor a new one could be synced.
    /// The recorder keeps it and tries again until that works.
    #[error("the journal has a frame but could not sync it: {error}")]
    Unsynced {
        /// Where it is.
        committed: Committed,
        /// What the file system said.
        error: String,
    },
}

/// A frame on its way, encoded by its producer so that the recorder only orders and writes.
#[derive(Debug)]
pub struct Submission {
    /// For those who read from memory.
    pub frame: Arc<Frame>,
    /// The same in postcard's encoding.
    pub payload: Vec<u8>,
    /// When to answer.
    pub accept: Accept,
    /// The answer.
    pub ack: oneshot::Sender<Result<Committed, SubmitError>>,
}

/// The producers' end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus(mpsc::Sender<Submission>);

impl Bus {
    /// A bus and the end that the recorder reads.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Submission>) {
        let (sender, receiver) = mpsc::channel(BUS_FRAMES_MAX);
        (Self(sender), receiver)
    }

    /// Hands a frame over and waits until it is accepted.
    ///
    /// # Errors
    /// The journal is closed, or could not take the frame.
    pub async fn submit(&self, frame: Frame, accept: Accept) -> Result<Committed, SubmitError> {
        let payload = postcard::to_stdvec(&frame).map_err(|error| SubmitError::Append(error.to_string()))?;
        let (ack, answer) = oneshot::channel();
        let submission = Submission { frame: Arc::new(frame), payload, accept, ack };
        self.0.send(submission).await.map_err(|_| SubmitError::Closed)?;
        answer.await.map_err(|_| SubmitError::Closed)?
    }
}
