//! What is known of one segment without reading it: where it begins and ends, and a coarse index by frame, offset and time.
//!
//! The index of a segment that is closed and synced is kept beside it as `NAME.idx`. So a segment with a valid index needs no
//! look at opening, and one without is read through and its index made again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{Offset, Timestamp};

use super::format::{FORMAT_VERSION, FrameHeader, Mark, SegmentHeader, u32_at};

const INDEX_MAGIC: [u8; 8] = *b"VIGIEIDX";
const INDEX_HEADER: usize = 16;
/// A segment's index has about so many blocks.
const BLOCKS: u64 = 64;

/// A run of frames within a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    /// Where it begins; its chain is right only as far as nothing before is damaged.
    pub(super) start: Mark,
    /// The latest time of its frames. The clock may step back, so the last frame's is not always the latest.
    pub(super) latest: Timestamp,
}

/// One segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    pub(super) path: PathBuf,
    /// The place after its last frame.
    pub(super) end: Mark,
    pub(super) blocks: Vec<Block>,
    /// Whether it is closed, synced, and has its index beside it.
    pub(super) sealed: bool,
}

#[derive(Serialize, Deserialize)]
struct Index {
    marker: [u8; 8],
    /// Of the segment's file, in bytes: behind its last whole frame may be a damaged one.
    length: u64,
    end: Mark,
    blocks: Vec<Block>,
}

impl Segment {
    /// One without frames.
    pub(super) fn empty(header: SegmentHeader, path: PathBuf) -> Self {
        Self { header, path, end: header.start(), blocks: Vec::new(), sealed: false }
    }

    /// Takes note of a frame that stands at `start`.
    pub(super) fn push(&mut self, start: Mark, frame: &FrameHeader, segment_bytes: u64) {
        let block_bytes = segment_bytes / BLOCKS;
        match self.blocks.last_mut() {
            Some(block) if start.position < block.start.position + block_bytes => block.latest = block.latest.max(frame.at),
            _ => self.blocks.push(Block { start, latest: frame.at }),
        }
        self.end = frame.end(&start);
    }

    /// Forgets the frames from `end` on.
    pub(super) fn cut(&mut self, end: Mark) {
        self.blocks.retain(|block| block.start.number < end.number);
        self.end = end;
        self.sealed = false;
    }

    /// Whether it has no frames.
    pub(super) fn is_empty(&self) -> bool {
        self.end.number == self.header.number
    }

    /// The file's name, for people.
    pub(super) fn name(&self) -> String {
        name_of(&self.path)
    }

    /// The latest place at or before frame `number` that the index knows.
    pub(super) fn before_number(&self, number: u64) -> Mark {
        let at = self.blocks.partition_point(|block| block.start.number <= number);
        at.checked_sub(1).map_or(self.header.start(), |at| self.blocks[at].start)
    }

    /// The latest place before all frames that begin at `offset`.
    pub(super) fn before_offset(&self, offset: Offset) -> Mark {
        let at = self.blocks.partition_point(|block| block.start.offset < offset);
        at.checked_sub(1).map_or(self.header.start(), |at| self.blocks[at].start)
    }

    /// Writes the index beside the segment. It is a hint: without it opening takes longer, so it is not synced.
    pub(super) fn write_index(&self) -> io::Result<()> {
        let length = fs::metadata(&self.path)?.len();
        let index = Index { marker: self.header.marker, length, end: self.end, blocks: self.blocks.clone() };
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&INDEX_MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let mut bytes = postcard::to_extend(&index, bytes).map_err(io::Error::other)?;
        let crc = crc32fast::hash(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        let path = index_path(&self.path);
        let new = path.with_extension("idx.new");
        fs::write(&new, bytes)?;
        fs::rename(new, path)
    }

    /// The segment as its index tells, if there is one, sound, made for this very file in its present length.
    pub(super) fn from_index(header: SegmentHeader, path: &Path, length: u64) -> Option<Self> {
        let mut bytes = fs::read(index_path(path)).ok()?;
        if bytes.len() < INDEX_HEADER || bytes[..8] != INDEX_MAGIC || u32_at(&bytes, 8) != FORMAT_VERSION {
            return None;
        }
        let crc = u32_at(&bytes, 12);
        bytes[12..16].fill(0);
        if crc32fast::hash(&bytes) != crc {
            return None;
        }
        let index: Index = postcard::from_bytes(&bytes[INDEX_HEADER..]).ok()?;
        let fits = index.marker == header.marker && index.length == length;
        fits.then(|| Self { header, path: path.to_owned(), end: index.end, blocks: index.blocks, sealed: true })
    }
}

/// Where a segment's index is.
pub(super) fn index_path(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

/// A file's name, for people.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
