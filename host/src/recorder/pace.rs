//! When the sync thread does its work: soon after something was written, at once when somebody waits, and a last time at the end.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long the appending thread waits for a sync before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the sync thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Sync, and come back.
    Sync,
    /// Sync for the last time.
    Last,
}

#[derive(Debug, Default)]
struct State {
    /// When something that is written is to be synced at the latest.
    due: Option<Instant>,
    ending: bool,
}

/// Shared by the appending and the syncing thread.
#[derive(Debug, Default)]
pub(super) struct Pace {
    state: Mutex<State>,
    wake: Condvar,
    progress: Condvar,
}

impl Pace {
    /// Something was written that is to be synced within `interval`, or at once.
    pub(super) fn written(&self, interval: Duration, urgent: bool) {
        self.again_in(if urgent { Duration::ZERO } else { interval });
    }

    /// There is something to do within this time.
    pub(super) fn again_in(&self, interval: Duration) {
        let due = Instant::now() + interval;
        let mut state = self.state.lock();
        if state.due.is_none_or(|before| due < before) {
            state.due = Some(due);
            self.wake.notify_one();
        }
    }

    /// Nothing more will be written.
    pub(super) fn end(&self) {
        self.state.lock().ending = true;
        self.wake.notify_one();
    }

    /// A sync has ended.
    pub(super) fn synced(&self) {
        self.progress.notify_all();
    }

    /// Asks for a sync and waits until one has ended, or for a moment.
    pub(super) fn wait_for_sync(&self) {
        self.again_in(Duration::ZERO);
        let mut state = self.state.lock();
        self.progress.wait_for(&mut state, LOOK_AGAIN);
    }

    /// Waits until there is something to sync. An idle journal wakes nobody.
    pub(super) fn wait(&self) -> Turn {
        let mut state = self.state.lock();
        loop {
            if state.ending {
                return Turn::Last;
            }
            match state.due {
                None => self.wake.wait(&mut state),
                Some(due) if due <= Instant::now() => {
                    state.due = None;
                    return Turn::Sync;
                }
                Some(due) => {
                    self.wake.wait_until(&mut state, due);
                }
            }
        }
    }
}
