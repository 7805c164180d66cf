//! Deleting the oldest segments to keep the journal within its size.

use std::fs;
use std::io;

use crate::model::Offset;

use super::read::Tail;
use super::segment::index_path;

/// What was deleted; the caller records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The first offset that is gone.
    pub from: Offset,
    /// The last offset that is gone; before `from` if only frames without events are.
    pub to: Offset,
    /// How many bytes that freed.
    pub bytes: u64,
}

impl Tail {
    /// Deletes the oldest segments while all together have more than `retain_bytes`, but none with anything after `safe`: what
    /// has to be read again after a restart, because no snapshot covers it. The segment that is being written, and what is not
    /// synced, stays. Blocks on the disk.
    ///
    /// # Errors
    /// The file system refuses; segments before are deleted then, and not told.
    pub fn retain(&self, retain_bytes: u64, safe: Offset) -> io::Result<Option<Deleted>> {
        let mut all: Option<Deleted> = None;
        while let Some((path, deleted)) = self.take_oldest(retain_bytes, safe) {
            // The list forgets it first: a reader that has it open reads on, others are told that it is gone.
            fs::remove_file(&path)?;
            let _ = fs::remove_file(index_path(&path));
            let before = all.unwrap_or(Deleted { bytes: 0, ..deleted });
            all = Some(Deleted { from: before.from, to: deleted.to, bytes: before.bytes + deleted.bytes });
        }
        Ok(all)
    }

    fn take_oldest(&self, retain_bytes: u64, safe: Offset) -> Option<(std::path::PathBuf, Deleted)> {
        let mut segments = self.shared.segments.write();
        let total: u64 = segments.iter().map(|segment| segment.end.position).sum();
        let [oldest, next, ..] = &segments[..] else { return None };
        let to = Offset(next.header.first.0.saturating_sub(1));
        if total <= retain_bytes || !oldest.sealed || to > safe {
            return None;
        }
        let deleted = Deleted { from: oldest.header.first, to, bytes: oldest.end.position };
        Some((segments.remove(0).path, deleted))
    }
}
