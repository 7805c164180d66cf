//! What many statuses add up to: the worst that is known, with the unknown counted beside it.

use std::fmt;

use crate::model::Status;

/// How many targets have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Up.
    pub up: usize,
    /// Degraded.
    pub degraded: usize,
    /// Down.
    pub down: usize,
    /// Unknown.
    pub unknown: usize,
}

impl Rollup {
    /// Counts one more.
    pub fn add(&mut self, status: Status) {
        match status {
            Status::Up => self.up += 1,
            Status::Degraded => self.degraded += 1,
            Status::Down => self.down += 1,
            Status::Unknown => self.unknown += 1,
        }
    }

    /// The worst status that is known; unknown where none is.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.down > 0 {
            Status::Down
        } else if self.degraded > 0 {
            Status::Degraded
        } else if self.up > 0 {
            Status::Up
        } else {
            Status::Unknown
        }
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.up + self.degraded + self.down + self.unknown
    }
}

impl FromIterator<Status> for Rollup {
    fn from_iter<I: IntoIterator<Item = Status>>(statuses: I) -> Self {
        let mut rollup = Self::default();
        statuses.into_iter().for_each(|status| rollup.add(status));
        rollup
    }
}

impl fmt::Display for Rollup {
    /// `down (1 down, 3 up)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [(self.down, "down"), (self.degraded, "degraded"), (self.unknown, "unknown"), (self.up, "up")];
        let parts: Vec<_> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, status)| format!("{count} {status}")).collect();
        write!(f, "{} ({})", self.status().as_str(), if parts.is_empty() { "none".into() } else { parts.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_known_status_counts() {
        use Status::{Degraded, Down, Unknown, Up};
        for (statuses, text) in [
            (&[][..], "unknown (none)"),
            (&[Unknown, Unknown], "unknown (2 unknown)"),
            (&[Up, Unknown], "up (1 unknown, 1 up)"),
            (&[Up, Degraded, Up], "degraded (1 degraded, 2 up)"),
            (&[Degraded, Down, Unknown], "down (1 down, 1 degraded, 1 unknown)"),
        ] {
            let rollup: Rollup = statuses.iter().copied().collect();
            assert_eq!((rollup.to_string().as_str(), rollup.total()), (text, statuses.len()));
        }
    }
}
