//! Appending: frames in groups, one vectored write a group, segments that follow each other, syncing beside it.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::event::Frame;
use crate::model::{Epoch, Offset};

use super::Settings;
use super::format::{FRAME_BYTES_MAX, FRAME_HEADER, FrameHeader, Mark, SEGMENT_HEADER, SegmentHeader};
use super::read::Tail;
use super::record::Record;
use super::recover::Recovered;
use super::ring::Ring;
use super::segment::Segment;
use super::shared::Shared;
use super::storage::{Storage, write_all};

/// Frames in one write: each takes two slices, and the system takes 1,024.
const WRITE_FRAMES_MAX: usize = 512;
/// What a record costs in memory beside its payload, roughly.
const RECORD_OVERHEAD: usize = 256;
/// Bytes that may wait for a sync before appending waits too: a second of far more than is planned for.
const UNSYNCED_BYTES_MAX: usize = 128 << 20;

/// The journal's end: the next frame's number and the next event's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) offset: Offset,
}

/// A frame that is to be appended.
#[derive(Clone, Debug)]
pub struct Entry {
    /// For those who read from memory.
    pub frame: Arc<Frame>,
    /// The same in postcard's encoding.
    pub payload: Vec<u8>,
}

impl Entry {
    /// Encodes a frame.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn new(frame: Frame) -> Result<Self, AppendError> {
        let payload = postcard::to_stdvec(&frame).map_err(|error| AppendError::Encode(error.to_string()))?;
        Ok(Self { frame: Arc::new(frame), payload })
    }

    fn size(&self) -> u64 {
        (FRAME_HEADER + self.payload.len()) as u64
    }
}

/// Where an appended frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The epoch.
    pub epoch: Epoch,
    /// The frame's number.
    pub number: u64,
    /// The first event's offset.
    pub first: Offset,
    /// The last event's offset; before `first` without events.
    pub last: Offset,
}

/// Why a frame was not appended. Nothing of it is in the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Over [`FRAME_BYTES_MAX`].
    #[error("a frame of {0} bytes is longer than the {FRAME_BYTES_MAX} that a frame may have, put out less in one call")]
    TooLong(usize),
    /// It cannot be encoded.
    #[error("a frame cannot be encoded: {0}")]
    Encode(String),
    /// The file system refuses. Later frames are tried again.
    #[error("cannot append: {0}")]
    Write(String),
    /// Neither the segment nor a new one could be synced. It is tried again until that works.
    #[error("the journal cannot be synced: {0}")]
    Failed(String),
    /// The frame was not looked at because one before it failed.
    #[error("a frame before it could not be appended")]
    Lost,
}

/// Whether the journal takes appends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It does.
    #[default]
    Sound,
    /// The last append failed and was taken back (the disk is full, say). The next one is tried.
    Refusing {
        /// What the file system said.
        error: String,
    },
    /// What was written could not be synced, not even to a new segment. Nothing is appended until it can.
    Failed {
        /// What the file system said.
        error: String,
    },
}

/// The file that is being written.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: Arc<File>,
    pub(super) header: SegmentHeader,
}

/// Appends frames. There is one a journal.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) settings: Settings,
    /// `None` until the first append.
    pub(super) active: Option<Active>,
    pub(super) epoch: Epoch,
    /// Behind what is written; the position is in the active segment's file.
    pub(super) end: Mark,
    /// Behind what is synced.
    pub(super) synced: Mark,
    /// Files of closed segments that are not synced.
    pub(super) unsynced: Vec<Arc<File>>,
    /// Whether the directory has entries that are not synced.
    pub(super) directory_changed: bool,
    head: watch::Sender<Head>,
    written: watch::Sender<Offset>,
    pub(super) synced_sender: watch::Sender<Offset>,
    pub(super) condition: watch::Sender<Condition>,
}

impl Writer {
    pub(super) fn new(directory: PathBuf, settings: Settings, storage: Arc<dyn Storage>, recovered: Recovered) -> Self {
        let Recovered { segments, end, report, .. } = recovered;
        let reopened =
            segments.last().filter(|segment| !segment.sealed && segment.header.epoch == report.epoch && segment.end == end);
        let active = reopened.and_then(|segment| {
            let file = File::options().read(true).write(true).open(&segment.path).ok()?;
            Some(Active { file: Arc::new(file), header: segment.header })
        });
        let ring = Ring::new(settings.tail_bytes, settings.tail_frames, end.number);
        let last = before(end.offset);
        let shared = Shared { directory, segments: RwLock::new(segments), ring: RwLock::new(ring) };
        let mut writer = Self {
            shared: Arc::new(shared),
            storage,
            settings,
            active,
            epoch: report.epoch,
            end,
            synced: end,
            unsynced: Vec::new(),
            directory_changed: false,
            head: watch::Sender::new(Head { number: end.number, offset: end.offset }),
            written: watch::Sender::new(last),
            synced_sender: watch::Sender::new(last),
            condition: watch::Sender::new(Condition::Sound),
        };
        // A raised epoch is written down at once. If that fails, the first append does it.
        if report.raised
            && let Err(error) = writer.roll()
        {
            tracing::warn!(%error, "cannot begin a segment for the journal's new epoch yet");
        }
        writer
    }

    pub(super) fn tail(&self) -> Tail {
        Tail {
            shared: self.shared.clone(),
            head: self.head.subscribe(),
            written: self.written.subscribe(),
            synced: self.synced_sender.subscribe(),
            condition: self.condition.subscribe(),
        }
    }

    /// Appends frames in order, each whole or not at all, and shows them to readers. An answer a frame.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Vec<Result<Appended, AppendError>> {
        let mut answers = Vec::with_capacity(entries.len());
        let failed = match &*self.condition.borrow() {
            Condition::Failed { error } => Some(AppendError::Failed(error.clone())),
            _ => None,
        };
        let mut stopped = failed;
        while stopped.is_none() && answers.len() < entries.len() {
            let rest = &entries[answers.len()..];
            if rest[0].payload.len() > FRAME_BYTES_MAX {
                answers.push(Err(AppendError::TooLong(rest[0].payload.len())));
                continue;
            }
            let result = self.make_room(rest[0].size()).and_then(|()| {
                let (appended, result) = self.write(&rest[..self.fitting(rest)]);
                answers.extend(appended.into_iter().map(Ok));
                result
            });
            stopped = result.err().map(|error| AppendError::Write(error.to_string()));
            self.report(stopped.as_ref());
        }
        answers.resize(entries.len(), Err(stopped.unwrap_or(AppendError::Lost)));
        answers
    }

    /// Whether so much waits for a sync that appending should wait.
    pub(crate) fn is_crowded(&self) -> bool {
        self.shared.ring.read().unsynced_bytes() > UNSYNCED_BYTES_MAX && !self.has_failed()
    }

    /// Whether nothing is appended because nothing can be synced.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(*self.condition.borrow(), Condition::Failed { .. })
    }

    /// Whether something is written and not synced.
    pub(crate) fn is_dirty(&self) -> bool {
        self.synced.number < self.end.number
    }

    /// The number of the first frame that is not synced.
    pub(crate) fn unsynced_number(&self) -> u64 {
        self.synced.number
    }

    /// The last offset that is written.
    pub(crate) fn written_offset(&self) -> Offset {
        before(self.end.offset)
    }

    /// The last offset that is synced.
    pub(crate) fn synced_offset(&self) -> Offset {
        before(self.synced.offset)
    }

    /// Segments and their bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        self.shared.size()
    }

    fn report(&self, error: Option<&AppendError>) {
        let condition = error.map_or(Condition::Sound, |error| Condition::Refusing { error: error.to_string() });
        self.condition.send_if_modified(|now| {
            let changed = *now != condition;
            *now = condition;
            changed
        });
    }

    /// Begins a new segment if the present one is full.
    fn make_room(&mut self, size: u64) -> io::Result<()> {
        let full = self.end.position + size > self.settings.segment_bytes && self.end.position > SEGMENT_HEADER as u64;
        if self.active.is_none() || full { self.roll() } else { Ok(()) }
    }

    /// How many of the entries go into the present segment in one write, at least one.
    fn fitting(&self, entries: &[Entry]) -> usize {
        let mut position = self.end.position;
        let fits = entries.iter().take(WRITE_FRAMES_MAX).take_while(|entry| {
            position += entry.size();
            position <= self.settings.segment_bytes && entry.payload.len() <= FRAME_BYTES_MAX
        });
        fits.count().max(1)
    }

    /// Begins a new segment at the end.
    fn roll(&mut self) -> io::Result<()> {
        let header = self.header_at(&self.end);
        let (file, path) = self.begin_segment(&header)?;
        if let Err(error) = self.storage.rename(&path.with_extension("new"), &path) {
            let _ = std::fs::remove_file(path.with_extension("new"));
            return Err(error);
        }
        self.directory_changed = true;
        {
            let mut segments = self.shared.segments.write();
            segments.retain(|segment| segment.path != path);
            segments.push(Segment::empty(header, path));
        }
        let before = self.active.replace(Active { file: Arc::new(file), header });
        self.unsynced.extend(before.filter(|_| self.is_dirty()).map(|active| active.file));
        self.end = header.start();
        if self.synced.number == self.end.number {
            self.synced = self.end;
        }
        Ok(())
    }

    /// Makes the file of a segment, with its header, under a name that does not count yet.
    pub(super) fn begin_segment(&self, header: &SegmentHeader) -> io::Result<(File, PathBuf)> {
        let path = self.shared.directory.join(header.file_name());
        let new = path.with_extension("new");
        let file = self.storage.create(&new)?;
        let bytes = header.encode();
        let (_, result) = write_all(&*self.storage, &file, 0, &mut [IoSlice::new(&bytes)]);
        if let Err(error) = result {
            let _ = std::fs::remove_file(&new);
            return Err(error);
        }
        Ok((file, path))
    }

    pub(super) fn header_at(&self, place: &Mark) -> SegmentHeader {
        let marker = RandomState::new().build_hasher().finish().to_le_bytes();
        SegmentHeader { epoch: self.epoch, first: place.offset, number: place.number, marker, chain: place.chain }
    }

    /// Writes frames that fit into the present segment. Those that were written whole count, whatever came after.
    fn write(&mut self, entries: &[Entry]) -> (Vec<Appended>, io::Result<()>) {
        let Some(active) = &self.active else { return (Vec::new(), Err(io::ErrorKind::NotFound.into())) };
        let frames = frames(self.epoch, &self.end, entries);
        let headers: Vec<_> =
            frames.iter().zip(entries).map(|((_, h), e)| h.encode(active.header.marker, &e.payload)).collect();
        let pairs = headers.iter().zip(entries);
        let mut slices: Vec<_> =
            pairs.flat_map(|(header, entry)| [IoSlice::new(header), IoSlice::new(&entry.payload)]).collect();
        let start = self.end.position;
        let (written, result) = write_all(&*self.storage, &active.file, start, &mut slices);
        let whole = frames.iter().take_while(|(at, header)| at.position + header.size() <= start + written).count();
        let end = frames[..whole].last().map_or(start, |(at, header)| at.position + header.size());
        if result.is_err()
            && let Err(error) = self.storage.truncate(&active.file, end)
        {
            // What is left behind the end is overwritten by the next append, or cut at the next opening.
            tracing::warn!(%error, "cannot cut an unfinished write off the journal");
        }
        (self.publish(&frames[..whole], entries), result)
    }

    /// Shows frames that were written to readers.
    fn publish(&mut self, frames: &[(Mark, FrameHeader)], entries: &[Entry]) -> Vec<Appended> {
        if let Some(segment) = self.shared.segments.write().last_mut() {
            frames.iter().for_each(|(at, header)| segment.push(*at, header, self.settings.segment_bytes));
        }
        let mut appended = Vec::with_capacity(frames.len());
        {
            let mut ring = self.shared.ring.write();
            for ((at, header), entry) in frames.iter().zip(entries) {
                let (epoch, number, first) = (header.epoch, header.number, header.first);
                let record = Record { epoch, number, first, frame: entry.frame.clone() };
                appended.push(Appended { epoch, number, first, last: record.last() });
                ring.push(Arc::new(record), entry.payload.len() + RECORD_OVERHEAD);
                self.end = header.end(at);
            }
        }
        if !frames.is_empty() {
            self.head.send_replace(Head { number: self.end.number, offset: self.end.offset });
            self.written.send_replace(before(self.end.offset));
        }
        appended
    }
}

/// Headers for entries that follow each other from `start` on, with their places.
pub(super) fn frames(epoch: Epoch, start: &Mark, entries: &[Entry]) -> Vec<(Mark, FrameHeader)> {
    let mut at = *start;
    let place = |entry: &Entry| {
        let header = FrameHeader {
            length: u32::try_from(entry.payload.len()).unwrap_or(u32::MAX),
            flags: 0,
            epoch,
            number: at.number,
            first: at.offset,
            at: entry.frame.at,
            events: u32::try_from(entry.frame.events.len()).unwrap_or(u32::MAX),
            digest: *blake3::hash(&entry.payload).as_bytes(),
        };
        let placed = (at, header);
        at = header.end(&at);
        placed
    };
    entries.iter().map(place).collect()
}

/// The offset before one.
pub(super) fn before(offset: Offset) -> Offset {
    Offset(offset.0.saturating_sub(1))
}
