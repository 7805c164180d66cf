//! What the writer and all readers of one journal share: the list of segments, and the ring of the latest frames.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::model::{Offset, Timestamp};

use super::format::{Mark, SegmentHeader};
use super::record::Record;
use super::ring::Ring;
use super::scan::{Found, FrameSource};
use super::segment::Segment;

/// How much one look at the disk takes in, at least one frame.
const BATCH_BYTES: usize = 1 << 20;
/// How many frames one look takes in.
pub(super) const BATCH_FRAMES: usize = 256;
/// How often a segment may vanish (deleted, written again) between finding and opening it before that is an error.
const OPEN_TRIES: u32 = 8;

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first frame with something at or after this offset.
    Offset(Offset),
    /// Before the frame of this number, which begins at this offset, unless that is lost.
    Frame(u64, Offset),
}

/// What one look at the disk found.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) records: Vec<Arc<Record>>,
    /// For one who came with an offset: the frame that should have been the first, if that is damaged.
    pub(super) lost: Option<Place>,
    /// To go on with.
    pub(super) source: Option<FrameSource>,
}

/// A segment to read, from which place, and to which byte.
struct Opening {
    header: SegmentHeader,
    path: PathBuf,
    from: Mark,
    end: u64,
}

/// What the writer and all readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: PathBuf,
    /// In order; the last one is being written.
    pub(super) segments: RwLock<Vec<Segment>>,
    pub(super) ring: RwLock<Ring>,
}

impl Shared {
    /// The oldest offset that is there, or that comes first.
    pub(super) fn oldest(&self) -> Offset {
        self.segments.read().first().map_or(Offset(1), |segment| segment.header.first)
    }

    /// Number of segments, and their bytes together.
    pub(super) fn size(&self) -> (usize, u64) {
        let segments = self.segments.read();
        (segments.len(), segments.iter().map(|segment| segment.end.position).sum())
    }

    /// From memory, if the place is there.
    pub(super) fn remembered(&self, place: Place) -> Option<Vec<Arc<Record>>> {
        let ring = self.ring.read();
        let number = match place {
            Place::Offset(from) => ring.find(from)?,
            Place::Frame(number, _) => number,
        };
        ring.get(number, BATCH_FRAMES)
    }

    /// From disk: the frames at the place or, where those are lost, the next ones that are there. None: there are no more.
    /// What is in memory comes from there, since only there is it sure to be whole while a sync fails.
    pub(super) fn fetch(&self, mut place: Place, mut source: Option<FrameSource>) -> io::Result<Batch> {
        let mut lost = None;
        loop {
            if let Some(records) = self.remembered(place) {
                return Ok(Batch { records, lost, source: None });
            }
            let Some(opening) = self.opening(place) else { return Ok(Batch { records: Vec::new(), lost, source: None }) };
            let mut open = match source.take() {
                Some(mut source) if source.marker() == opening.header.marker && stands_at(&source, place) => {
                    source.extend(opening.end);
                    source
                }
                _ => self.open(place)?,
            };
            let remembered = self.ring.read().first_number();
            let records = read_batch(&mut open, place, remembered.unwrap_or(u64::MAX), &mut lost)?;
            if !records.is_empty() {
                return Ok(Batch { records, lost, source: Some(open) });
            }
            let reached = open.place();
            if remembered.is_some_and(|number| reached.number >= number) {
                place = match place {
                    Place::Offset(from) if reached.offset < from => place,
                    Place::Frame(number, _) if number > reached.number => place,
                    _ => Place::Frame(reached.number, reached.offset),
                };
                continue;
            }
            // Nothing (more) in this segment: on to the next one, unless it was replaced while we read.
            let replaced = self.opening(place).is_none_or(|now| now.header.marker != opening.header.marker);
            match self.after(&opening.header, place) {
                _ if replaced => {}
                Some(next) => place = next,
                None => return Ok(Batch { records, lost, source: Some(open) }),
            }
        }
    }

    /// The offset of the first frame, in order of offsets, whose time is `time` or later; `None` if there is none.
    pub(super) fn offset_at(&self, time: Timestamp) -> io::Result<Option<Offset>> {
        let places: Vec<Place> = {
            let segments = self.segments.read();
            let blocks = segments.iter().flat_map(|segment| &segment.blocks).filter(|block| block.latest >= time);
            blocks.map(|block| Place::Frame(block.start.number, block.start.offset)).collect()
        };
        for place in places {
            let mut batch = self.fetch(place, None)?;
            while let Some(last) = batch.records.last() {
                if let Some(found) = batch.records.iter().find(|record| record.frame.at >= time) {
                    return Ok(Some(found.first));
                }
                batch = self.fetch(Place::Frame(last.number + 1, last.end()), batch.source.take())?;
            }
        }
        Ok(None)
    }

    fn open(&self, place: Place) -> io::Result<FrameSource> {
        let mut tries = 0;
        loop {
            let opening = self.opening(place).ok_or(io::ErrorKind::NotFound)?;
            match FrameSource::open(&opening.path, opening.header, opening.from, opening.end) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < OPEN_TRIES => tries += 1,
                other => return other,
            }
        }
    }

    /// The segment in which the place is, or comes next.
    fn opening(&self, place: Place) -> Option<Opening> {
        let segments = self.segments.read();
        let mut at = match place {
            Place::Offset(from) => segments.partition_point(|segment| segment.header.first < from),
            Place::Frame(number, _) => segments.partition_point(|segment| segment.header.number <= number),
        }
        .saturating_sub(1);
        if let Place::Frame(number, _) = place {
            // Behind this segment's last frame: in the gap before the next one, which is where reading goes on.
            while segments.get(at)?.end.number <= number && at + 1 < segments.len() {
                at += 1;
            }
        }
        let segment = segments.get(at)?;
        let from = match place {
            Place::Offset(from) => segment.before_offset(from),
            Place::Frame(number, _) => segment.before_number(number),
        };
        Some(Opening { header: segment.header, path: segment.path.clone(), from, end: segment.end.position })
    }

    /// The beginning of the segment after the one with this header, but not before `place`.
    fn after(&self, header: &SegmentHeader, place: Place) -> Option<Place> {
        let segments = self.segments.read();
        let next = segments.iter().find(|segment| segment.header.number > header.number)?.header;
        match place {
            Place::Frame(number, _) if number > next.number => Some(place),
            _ => Some(Place::Frame(next.number, next.first)),
        }
    }
}

fn stands_at(source: &FrameSource, place: Place) -> bool {
    matches!(place, Place::Frame(number, _) if source.place().number == number)
}

/// Reads frames from the place up to frame `stop`, passing over damaged ones: the gap in the numbers shows them. For one who
/// came with an offset, and so has no number to compare, `lost` does.
fn read_batch(source: &mut FrameSource, place: Place, stop: u64, lost: &mut Option<Place>) -> io::Result<Vec<Arc<Record>>> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES && records.len() < BATCH_FRAMES && source.place().number < stop {
        let frame = match source.next()? {
            Found::Frame(frame) => frame,
            Found::End => break,
            Found::Bad(reason) => {
                let at = *source.place();
                tracing::error!(position = at.position, reason, "a frame of the journal is damaged");
                let found = source.resync()?;
                if let Place::Offset(from) = place
                    && records.is_empty()
                    && (!found || source.place().offset >= from)
                {
                    lost.get_or_insert(Place::Frame(at.number, at.offset.max(from)));
                }
                if found {
                    continue;
                }
                break;
            }
        };
        let before = match place {
            Place::Offset(from) => frame.first < from && frame.first.0 + u64::from(frame.events) <= from.0,
            Place::Frame(number, _) => frame.number < number,
        };
        if before {
            continue;
        }
        match postcard::from_bytes(source.payload()) {
            Ok(decoded) => {
                bytes += source.payload().len();
                let record = Record { epoch: frame.epoch, number: frame.number, first: frame.first, frame: Arc::new(decoded) };
                records.push(Arc::new(record));
            }
            Err(error) => tracing::error!(number = frame.number, %error, "a frame of the journal cannot be decoded"),
        }
    }
    Ok(records)
}
