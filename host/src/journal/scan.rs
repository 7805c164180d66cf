//! Reading a segment's file frame by frame, and finding the next whole frame behind a damaged one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::format::{FRAME_BYTES_MAX, FRAME_HEADER, FrameHeader, Mark, SegmentHeader, frame_is_sound};

/// How much is read at a time, at least.
const READ_BYTES: usize = 256 << 10;

/// What stands at a place in a segment.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole frame; its payload is [`FrameSource::payload`].
    Frame(FrameHeader),
    /// Nothing: the segment ends here.
    End,
    /// No whole frame, and why.
    Bad(&'static str),
}

/// Reads the frames of one segment in order.
#[derive(Debug)]
pub(super) struct FrameSource {
    file: File,
    header: SegmentHeader,
    /// The place of the next frame.
    next: Mark,
    /// Where the frames end, in bytes.
    end: u64,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    buffer_at: u64,
    payload: std::ops::Range<usize>,
}

impl FrameSource {
    /// Reads `path`, a segment with that header, from `next` to `end`.
    pub(super) fn open(path: &Path, header: SegmentHeader, next: Mark, end: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { file, header, next, end, buffer: Vec::new(), buffer_at: next.position, payload: 0..0 })
    }

    /// The segment's marker, which tells one file from another.
    pub(super) fn marker(&self) -> [u8; 8] {
        self.header.marker
    }

    /// The place of the next frame. After a damaged one the chain is no longer right.
    pub(super) fn place(&self) -> &Mark {
        &self.next
    }

    /// Lets it read what was appended meanwhile.
    pub(super) fn extend(&mut self, end: u64) {
        self.end = end;
    }

    /// The payload of the frame that was found last.
    pub(super) fn payload(&self) -> &[u8] {
        &self.buffer[self.payload.clone()]
    }

    /// The frame at the current place; the place moves behind it. On anything but a frame the place stays.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        let (header, found) = match self.check(self.next.position)? {
            Ok(header) => header,
            Err(found) => return Ok(found),
        };
        if header.number != self.next.number || header.first != self.next.offset {
            return Ok(Found::Bad("a frame is not the one that comes next"));
        }
        self.payload = found;
        self.next = header.end(&self.next);
        Ok(Found::Frame(header))
    }

    /// Moves to the next whole frame behind the current place, which has a damaged one. `false`: there is none.
    pub(super) fn resync(&mut self) -> io::Result<bool> {
        let mut at = self.next.position + 1;
        while let Some(candidate) = self.find_marker(at)? {
            if let Ok((header, _)) = self.check(candidate)?
                && header.number >= self.next.number
                && header.first >= self.next.offset
            {
                self.next = Mark { position: candidate, number: header.number, offset: header.first, ..self.next };
                return Ok(true);
            }
            at = candidate + 1;
        }
        self.next.position = self.end;
        Ok(false)
    }

    /// Reads the frame at `position` and checks all that does not depend on the frame before.
    fn check(&mut self, position: u64) -> io::Result<Result<(FrameHeader, std::ops::Range<usize>), Found>> {
        let head = self.load(position, FRAME_HEADER)?;
        if head.is_empty() {
            return Ok(Err(Found::End));
        }
        if head.len() < FRAME_HEADER {
            return Ok(Err(Found::Bad("the segment ends within a frame's header")));
        }
        if self.buffer[head.start..head.start + 8] != self.header.marker {
            return Ok(Err(Found::Bad("no frame begins where one should")));
        }
        let header = FrameHeader::decode(&self.buffer[head]);
        let length = header.length as usize;
        if length > FRAME_BYTES_MAX {
            return Ok(Err(Found::Bad("a frame says it is longer than frames are")));
        }
        let whole = self.load(position, FRAME_HEADER + length)?;
        if whole.len() < FRAME_HEADER + length {
            return Ok(Err(Found::Bad("the segment ends within a frame")));
        }
        if !frame_is_sound(&self.buffer[whole.clone()]) {
            return Ok(Err(Found::Bad("a frame's checksum is wrong")));
        }
        if header.epoch != self.header.epoch {
            return Ok(Err(Found::Bad("a frame is of another epoch than its segment")));
        }
        Ok(Ok((header, whole.start + FRAME_HEADER..whole.end)))
    }

    /// The first place at or behind `at` where the marker stands.
    fn find_marker(&mut self, mut at: u64) -> io::Result<Option<u64>> {
        let marker = self.header.marker;
        loop {
            let range = self.load(at, READ_BYTES)?;
            if range.len() < marker.len() {
                return Ok(None);
            }
            let bytes = &self.buffer[range];
            if let Some(found) = bytes.windows(marker.len()).position(|window| window == marker) {
                return Ok(Some(at + found as u64));
            }
            at += (bytes.len() - marker.len() + 1) as u64;
        }
    }

    /// Makes the buffer hold `length` bytes from `position`, fewer where the segment ends; says where in the buffer they are.
    fn load(&mut self, position: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
        let available = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        let wanted = length.min(available);
        let loaded = position >= self.buffer_at && position + wanted as u64 <= self.buffer_at + self.buffer.len() as u64;
        if !loaded {
            let bytes = wanted.max(READ_BYTES).min(available);
            self.buffer.resize(bytes, 0);
            self.buffer_at = position;
            let read = read_up_to(&self.file, &mut self.buffer, position)?;
            self.buffer.truncate(read);
        }
        let start = usize::try_from(position - self.buffer_at).unwrap_or(usize::MAX).min(self.buffer.len());
        Ok(start..(start + wanted).min(self.buffer.len()))
    }
}

/// Fills the buffer from `position`; says how many bytes there were.
pub(super) fn read_up_to(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], position + read as u64) {
            Ok(0) => break,
            Ok(bytes) => read += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
