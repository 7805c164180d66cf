//! Reading a data directory from outside, without changing or locking it: also while a host writes to it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::model::{Offset, Timestamp};

use super::format::{Digest, chain};
use super::read::{Item, ReadError, Reader, Tail};
use super::ring::Ring;
use super::scan::{Found, FrameSource};
use super::segment::Segment;
use super::shared::Shared;
use super::survey::{candidates, failed};
use super::writer::{Condition, Head, before};
use super::{OpenError, Settings, journal_dir};

/// A journal as it stands on the disk.
#[derive(Debug)]
pub struct Offline {
    tail: Tail,
}

/// Opens the journal of a data directory for reading, as far as it is written now.
///
/// # Errors
/// There is none, it is of another format version, or the file system refuses.
pub fn read_dir(data_dir: &Path) -> Result<Offline, OpenError> {
    let directory = journal_dir(data_dir);
    let settings = Settings::default();
    let candidates = candidates(&directory)?;
    let mut segments: Vec<Segment> = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let next = candidates[at + 1..].iter().find_map(|candidate| candidate.header.ok()).map(|header| header.number);
        match &candidate.sealed {
            Some(sealed) => segments.push(sealed.clone()),
            None if candidate.header.is_ok() => {
                let survey = candidate.survey(next, settings.segment_bytes);
                segments.push(survey.map_err(|error| failed("read", &candidate.path, error))?.whole);
            }
            None => {}
        }
    }
    let end = segments
        .last()
        .map_or(Head { number: 1, offset: Offset(1) }, |last| Head { number: last.end.number, offset: last.end.offset });
    let shared = Shared { directory, segments: RwLock::new(segments), ring: RwLock::new(Ring::new(0, 0, end.number)) };
    let last = before(end.offset);
    let tail = Tail {
        shared: Arc::new(shared),
        head: watch::Sender::new(end).subscribe(),
        written: watch::Sender::new(last).subscribe(),
        synced: watch::Sender::new(last).subscribe(),
        condition: watch::Sender::new(Condition::Sound).subscribe(),
    };
    Ok(Offline { tail })
}

impl Offline {
    /// The last offset that is there.
    #[must_use]
    pub fn last(&self) -> Offset {
        self.tail.last()
    }

    /// The oldest offset that is there.
    #[must_use]
    pub fn oldest(&self) -> Offset {
        self.tail.oldest()
    }

    /// The first offset whose frame's time is `time` or later, else the one after the last.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn offset_at(&self, time: Timestamp) -> Result<Offset, ReadError> {
        Ok(self.tail.shared.offset_at(time)?.unwrap_or(self.tail.last().next()))
    }

    /// Everything from `from` on. Ends at the journal's end, or after an error.
    pub fn items(&self, from: Offset) -> impl Iterator<Item = Result<Item, ReadError>> + use<> {
        Items { reader: self.tail.reader(from), ready: VecDeque::new(), ended: false }
    }
}

struct Items {
    reader: Reader,
    ready: VecDeque<Item>,
    ended: bool,
}

impl Iterator for Items {
    type Item = Result<Item, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && !self.ended {
            match self.reader.batch_blocking(usize::MAX) {
                Ok(items) => self.ready = items.into(),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// What looking through all frames of a journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whole frames whose payload has the digest that they say.
    pub frames: u64,
    /// The chain over all digests.
    pub chain: Digest,
    /// What is not as it should be, with segment and position.
    pub problems: Vec<String>,
}

/// Checks every frame of a data directory: its checksum, its digest, its number, and the chain from segment to segment.
///
/// # Errors
/// There is no journal, it is of another format version, or the file system refuses.
pub fn verify(data_dir: &Path) -> Result<Verified, OpenError> {
    let offline = read_dir(data_dir)?;
    let mut verified = Verified::default();
    for (at, segment) in offline.tail.shared.segments.read().iter().enumerate() {
        if at > 0 && segment.header.chain != verified.chain {
            verified.problems.push(format!("{}: does not continue the chain of the segment before", segment.name()));
        }
        verified.chain = segment.header.chain;
        verify_segment(segment, &mut verified).map_err(|error| failed("read", &segment.path, error))?;
    }
    Ok(verified)
}

fn verify_segment(segment: &Segment, verified: &mut Verified) -> std::io::Result<()> {
    let mut source = FrameSource::open(&segment.path, segment.header, segment.header.start(), segment.end.position)?;
    loop {
        match source.next()? {
            Found::Frame(frame) => {
                if *blake3::hash(source.payload()).as_bytes() != frame.digest {
                    let problem = format!("{}: frame {} has another digest than it says", segment.name(), frame.number);
                    verified.problems.push(problem);
                }
                verified.frames += 1;
                verified.chain = chain(&verified.chain, &frame.digest);
            }
            Found::End => return Ok(()),
            Found::Bad(reason) => {
                verified.problems.push(format!("{}: at byte {}: {reason}", segment.name(), source.place().position));
                if !source.resync()? {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
impl Offline {
    /// Where in the last segment the last frame begins.
    pub(super) fn last_frame_position(&self) -> u64 {
        let segments = self.tail.shared.segments.read();
        let segment = segments.last().unwrap();
        let mut source =
            FrameSource::open(&segment.path, segment.header, segment.header.start(), segment.end.position).unwrap();
        let mut position = 0;
        while source.place().number < segment.end.number {
            position = source.place().position;
            source.next().unwrap();
        }
        position
    }
}
