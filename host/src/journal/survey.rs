//! Looking through a data directory's segments: which are there, what of each is whole. Changes nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::OpenError;
use super::format::{BadHeader, Digest, FRAME_HEADER, FrameHeader, Mark, SEGMENT_HEADER, SegmentHeader, array_at};
use super::scan::{Found, FrameSource, read_up_to};
use super::segment::Segment;

/// A segment's file as found.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// The file's length in bytes.
    pub(super) length: u64,
    /// Its header, or what is wrong with it.
    pub(super) header: Result<SegmentHeader, &'static str>,
    /// The segment, if a valid index stands for it.
    pub(super) sealed: Option<Segment>,
}

/// What of one segment is whole.
#[derive(Debug)]
pub(super) struct Survey {
    /// The frames before the first bad place.
    pub(super) prefix: Segment,
    /// What is wrong there; `None`: nothing, the prefix is all.
    pub(super) bad: Option<&'static str>,
    /// All frames, also those behind bad places.
    pub(super) whole: Segment,
}

impl Survey {
    /// Whether whole frames stand behind the first bad place.
    pub(super) fn has_more(&self) -> bool {
        self.whole.end.number > self.prefix.end.number
    }
}

/// All segments' files in order.
pub(super) fn candidates(journal: &Path) -> Result<Vec<Candidate>, OpenError> {
    let mut paths = Vec::new();
    let listing = fs::read_dir(journal).map_err(|error| failed("read", journal, error))?;
    for entry in listing {
        let path = entry.map_err(|error| failed("read", journal, error))?.path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(candidate).collect()
}

fn candidate(path: PathBuf) -> Result<Candidate, OpenError> {
    let head = || -> io::Result<(u64, Vec<u8>)> {
        let file = File::open(&path)?;
        let mut bytes = vec![0; SEGMENT_HEADER];
        let read = read_up_to(&file, &mut bytes, 0)?;
        bytes.truncate(read);
        Ok((file.metadata()?.len(), bytes))
    };
    let (length, bytes) = head().map_err(|error| failed("read", &path, error))?;
    let header = match SegmentHeader::decode(&bytes) {
        Ok(header) => Ok(header),
        Err(BadHeader::Damaged(reason)) => Err(reason),
        Err(BadHeader::Version(found)) => return Err(OpenError::Version { file: path, found }),
    };
    let sealed = header.ok().and_then(|header| Segment::from_index(header, &path, length));
    Ok(Candidate { path, length, header, sealed })
}

impl Candidate {
    /// Reads the segment through. Frames from number `stop` on are not looked at: the next segment has them.
    pub(super) fn survey(&self, stop: Option<u64>, segment_bytes: u64) -> io::Result<Survey> {
        match self.header {
            Ok(header) => survey(&self.path, header, self.length, stop, segment_bytes),
            Err(reason) => self.survey_without_header(reason, segment_bytes),
        }
    }

    /// Where the header is damaged, the first frame may still tell what is needed to find the others.
    fn survey_without_header(&self, reason: &'static str, segment_bytes: u64) -> io::Result<Survey> {
        let mut bytes = [0; SEGMENT_HEADER + FRAME_HEADER];
        read_up_to(&File::open(&self.path)?, &mut bytes, 0)?;
        let first = FrameHeader::decode(&bytes[SEGMENT_HEADER..]);
        let guess = SegmentHeader {
            epoch: first.epoch,
            first: first.first,
            number: first.number,
            marker: array_at(&bytes, SEGMENT_HEADER),
            chain: Digest::default(),
        };
        let found = survey(&self.path, guess, self.length, None, segment_bytes)?;
        Ok(Survey { prefix: Segment::empty(guess, self.path.clone()), bad: Some(reason), whole: found.whole })
    }
}

fn survey(path: &Path, header: SegmentHeader, length: u64, stop: Option<u64>, segment_bytes: u64) -> io::Result<Survey> {
    let mut source = FrameSource::open(path, header, header.start(), length)?;
    let mut whole = Segment::empty(header, path.to_owned());
    let mut first_bad: Option<(Segment, &'static str)> = None;
    loop {
        let start: Mark = *source.place();
        if stop.is_some_and(|stop| start.number >= stop) {
            break;
        }
        match source.next()? {
            Found::Frame(frame) => whole.push(start, &frame, segment_bytes),
            Found::End => break,
            Found::Bad(reason) => {
                first_bad.get_or_insert_with(|| (whole.clone(), reason));
                if !source.resync()? || stop.is_some_and(|stop| source.place().number >= stop) {
                    break;
                }
            }
        }
    }
    let (prefix, bad) = first_bad.map_or_else(|| (whole.clone(), None), |(prefix, reason)| (prefix, Some(reason)));
    Ok(Survey { prefix, bad, whole })
}

/// An error that says what could not be done to which file.
pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source }
}
