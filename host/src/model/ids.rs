//! Numbers that name things: series, offsets, epochs, fingerprints.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A series in the registry: dense from 0, stable for the life of a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesId(pub u32);

impl SeriesId {
    /// The id as an index into a column of series.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Position of an event in the journal: dense within an epoch, from 1. 0 stands for "before the first event".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset(pub u64);

impl Offset {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The offset after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a call consumed of the journal: the offsets in `(from, to]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetRange {
    /// The last offset consumed before, not part of the range.
    pub from: Offset,
    /// The last offset of the range.
    pub to: Offset,
}

/// Counts the recoveries that cut a torn tail: offsets are comparable only within one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u32);

/// An event's name outside this process, written `epoch-offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// The epoch in which the event was appended.
    pub epoch: Epoch,
    /// Its position.
    pub offset: Offset,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.0, self.offset.0)
    }
}

impl FromStr for EventId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('-').and_then(|(epoch, offset)| Some((epoch.parse().ok()?, offset.parse().ok()?)));
        match parsed {
            Some((epoch, offset)) => Ok(Self { epoch: Epoch(epoch), offset: Offset(offset) }),
            None => Err(format!("`{text}` is no event id, write `epoch-offset` as in `1-42`")),
        }
    }
}

/// Stable hash of a label set, the same on every machine and in every version. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
