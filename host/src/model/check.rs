//! What a health check answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::label::Labels;

/// A target's status as one check sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Answers as it should.
    Up,
    /// Answers, but not as it should.
    Degraded,
    /// Does not answer, or answers wrongly.
    Down,
    /// The question could not be asked.
    Unknown,
}

impl Status {
    /// All, from best to unknown.
    pub const ALL: [Self; 4] = [Self::Up, Self::Degraded, Self::Down, Self::Unknown];

    /// The status as a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// One check's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// What the check found; `Unknown` where the question could not be asked.
    pub status: Status,
    /// For people.
    pub message: String,
    /// How long the target took, where that means something.
    pub latency: Option<Duration>,
    /// Open-ended facts about this run.
    pub details: Labels,
}
