//! Segments and frames as bytes. docs/journal.md says the same in prose; the two change together or not at all.

use serde::{Deserialize, Serialize};

use crate::model::{Epoch, Offset, Timestamp};

/// The version of everything that the journal writes: segments, frames, the encoding of events, snapshots.
pub const FORMAT_VERSION: u32 = 1;
/// The longest payload of a frame. What a call may put out is bounded far below, so that a call is always one frame
/// (docs/decisions/0002-one-call-one-frame.md).
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER: usize = 76;
/// Bytes of a frame's header.
pub(super) const FRAME_HEADER: usize = 84;
/// Where in a segment's header its CRC is, in every version: what comes before is covered.
const SEGMENT_CRC: usize = 72;
const SEGMENT_MAGIC: [u8; 8] = *b"VIGIEJNL";

/// Reserved: the call goes on in the next frame. Version 1 never sets it.
#[expect(dead_code, reason = "keeps the bit from being used for something else")]
pub(super) const FLAG_CONTINUES: u32 = 1;
/// Reserved: samples and state writes were taken out, the digest is that of the whole payload. Version 1 never sets it.
#[expect(dead_code, reason = "keeps the bit from being used for something else")]
pub(super) const FLAG_THINNED: u32 = 2;

/// A BLAKE3 digest: of a payload, or of a chain of digests.
pub(super) type Digest = [u8; 32];

/// The place between two frames: where the frame before ends and the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// In bytes from the beginning of the segment's file.
    pub(super) position: u64,
    /// The next frame's number. Frames are numbered densely from 1, also those without events.
    pub(super) number: u64,
    /// The next event's offset.
    pub(super) offset: Offset,
    /// The chain over all digests so far.
    pub(super) chain: Digest,
}

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) epoch: Epoch,
    /// The first offset in it.
    pub(super) first: Offset,
    /// The first frame's number.
    pub(super) number: u64,
    /// Random bytes with which each of its frames begins. Nobody outside knows them, so no payload can pass for a frame.
    pub(super) marker: [u8; 8],
    /// The chain up to here.
    pub(super) chain: Digest,
}

/// Why bytes are no segment header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Too short, not ours, or damaged.
    Damaged(&'static str),
    /// Whole, and of another version.
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = [0; SEGMENT_HEADER];
        bytes[..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.number.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.marker);
        bytes[40..72].copy_from_slice(&self.chain);
        let crc = crc32fast::hash(&bytes[..SEGMENT_CRC]);
        bytes[SEGMENT_CRC..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        if bytes.len() < SEGMENT_HEADER {
            return Err(BadHeader::Damaged("the file ends within the segment's header"));
        }
        if bytes[..8] != SEGMENT_MAGIC {
            return Err(BadHeader::Damaged("the file does not begin as a segment"));
        }
        if crc32fast::hash(&bytes[..SEGMENT_CRC]) != u32_at(bytes, SEGMENT_CRC) {
            return Err(BadHeader::Damaged("the checksum of the segment's header is wrong"));
        }
        match u32_at(bytes, 8) {
            FORMAT_VERSION => Ok(Self {
                epoch: Epoch(u32_at(bytes, 12)),
                first: Offset(u64_at(bytes, 16)),
                number: u64_at(bytes, 24),
                marker: array_at(bytes, 32),
                chain: array_at(bytes, 40),
            }),
            other => Err(BadHeader::Version(other)),
        }
    }

    /// The place of its first frame.
    pub(super) fn start(&self) -> Mark {
        Mark { position: SEGMENT_HEADER as u64, number: self.number, offset: self.first, chain: self.chain }
    }

    /// By first offset and, since segments without events share it, by first frame: names sort as frames do.
    pub(super) fn file_name(&self) -> String {
        format!("{:016}-{:016}.seg", self.first.0, self.number)
    }
}

/// What a frame says about its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Bytes of the payload.
    pub(super) length: u32,
    pub(super) flags: u32,
    pub(super) epoch: Epoch,
    pub(super) number: u64,
    /// The first event's offset; without events, that of the next one.
    pub(super) first: Offset,
    /// The frame's time, so that a reader finds frames by time without decoding them.
    pub(super) at: Timestamp,
    /// How many events it holds.
    pub(super) events: u32,
    /// BLAKE3 of the payload.
    pub(super) digest: Digest,
}

impl FrameHeader {
    /// The header's bytes, with the CRC over them and the payload.
    pub(super) fn encode(&self, marker: [u8; 8], payload: &[u8]) -> [u8; FRAME_HEADER] {
        let mut bytes = [0; FRAME_HEADER];
        bytes[..8].copy_from_slice(&marker);
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.flags.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.number.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.at.0.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.events.to_le_bytes());
        bytes[52..84].copy_from_slice(&self.digest);
        let crc = frame_crc(&bytes, payload);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the fields without checking the CRC, for which the payload is needed. `bytes` holds a whole header.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self {
            length: u32_at(bytes, 8),
            flags: u32_at(bytes, 16),
            epoch: Epoch(u32_at(bytes, 20)),
            number: u64_at(bytes, 24),
            first: Offset(u64_at(bytes, 32)),
            at: Timestamp(u64_at(bytes, 40).cast_signed()),
            events: u32_at(bytes, 48),
            digest: array_at(bytes, 52),
        }
    }

    /// Bytes of the whole frame.
    pub(super) fn size(&self) -> u64 {
        FRAME_HEADER as u64 + u64::from(self.length)
    }

    /// The place after the frame, which begins at `start`.
    pub(super) fn end(&self, start: &Mark) -> Mark {
        Mark {
            position: start.position + self.size(),
            number: self.number + 1,
            offset: Offset(self.first.0 + u64::from(self.events)),
            chain: chain(&start.chain, &self.digest),
        }
    }
}

/// Whether the CRC of a whole frame (header and payload) is right.
pub(super) fn frame_is_sound(frame: &[u8]) -> bool {
    let (header, payload) = frame.split_at(FRAME_HEADER);
    frame_crc(header, payload) == u32_at(header, 12)
}

/// Over everything but the marker and the CRC itself.
fn frame_crc(header: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header[8..12]);
    crc.update(&header[16..FRAME_HEADER]);
    crc.update(payload);
    crc.finalize()
}

/// The chain after one more digest.
pub(super) fn chain(before: &Digest, digest: &Digest) -> Digest {
    *blake3::Hasher::new().update(before).update(digest).finalize().as_bytes()
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader { epoch: Epoch(3), first: Offset(7), number: 5, marker: *b"01234567", chain: [9; 32] }
    }

    #[test]
    fn a_segment_header_reads_back() {
        assert_eq!(SegmentHeader::decode(&header().encode()), Ok(header()));
        assert_eq!(header().file_name(), "0000000000000007-0000000000000005.seg");
    }

    #[test]
    fn every_flipped_bit_of_a_segment_header_is_noticed() {
        for bit in 0..SEGMENT_HEADER * 8 {
            let mut bytes = header().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(SegmentHeader::decode(&bytes), Err(BadHeader::Damaged(_))), "bit {bit}");
        }
    }

    #[test]
    fn a_whole_header_of_another_version_is_told_from_a_damaged_one() {
        let mut bytes = header().encode();
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..SEGMENT_CRC]);
        bytes[SEGMENT_CRC..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(BadHeader::Version(2)));
    }

    #[test]
    fn a_frame_header_reads_back_and_covers_its_payload() {
        let header = FrameHeader {
            length: 3,
            flags: 0,
            epoch: Epoch(1),
            number: 4,
            first: Offset(10),
            at: Timestamp(-5),
            events: 2,
            digest: [7; 32],
        };
        let mut frame = header.encode(*b"marker!!", b"abc").to_vec();
        frame.extend_from_slice(b"abc");
        assert_eq!(FrameHeader::decode(&frame), header);
        assert!(frame_is_sound(&frame));
        for bit in 64..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!frame_is_sound(&flipped), "bit {bit}");
        }
    }
}
