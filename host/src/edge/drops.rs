//! What was not taken, and why.

use crate::model::{DropCount, DropReason};

/// How much of a guest's text an example shows, in characters.
const SHOWN_CHARS_MAX: usize = 120;

/// Why something was refused whole: to be counted, and told to the guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason under which its samples count as dropped.
    pub reason: DropReason,
    /// What is wrong, and what would fix it.
    pub message: String,
}

impl Refusal {
    pub(super) fn invalid(message: String) -> Self {
        Self { reason: DropReason::Invalid, message }
    }
}

/// Why one point was refused; without allocation, because most are only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Why(pub(super) DropReason, pub(super) &'static str);

/// Dropped samples by reason, each with the first one's description.
#[derive(Debug, Default)]
pub(super) struct Drops {
    counts: [u64; DropReason::ALL.len()],
    examples: Vec<(DropReason, String)>,
}

impl Drops {
    /// Counts samples; `example` is asked for only once a reason.
    pub(super) fn add(&mut self, reason: DropReason, count: usize, example: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        let sum = &mut self.counts[reason as usize];
        if *sum == 0 {
            self.examples.push((reason, example()));
        }
        *sum += count as u64;
    }

    pub(super) fn into_counts(self) -> Vec<DropCount> {
        let counts = self.counts;
        self.examples
            .into_iter()
            .map(|(reason, example)| DropCount { reason, count: counts[reason as usize], example })
            .collect()
    }
}

/// A guest's text, printable and short enough for a message.
pub(super) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        cut.push('…');
    }
    cut
}
