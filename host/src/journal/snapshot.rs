//! What projections derived from the journal up to an offset, kept so that a start need not read everything again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::model::{Epoch, EventId, Offset};

use super::format::{FORMAT_VERSION, u32_at, u64_at};
use super::lock::create_private;
use super::{OpenError, survey::failed};

/// How many snapshots are kept: one to fall back on when the newest cannot be read.
pub const SNAPSHOTS_KEPT: usize = 2;
/// The longest name of a part, in bytes.
const NAME_BYTES_MAX: usize = 255;
const MAGIC: [u8; 8] = *b"VIGIESNP";
/// Magic, version, CRC, epoch, number of parts, offset.
const HEADER: usize = 32;

/// The snapshots of a data directory.
#[derive(Clone, Debug)]
pub struct Snapshots {
    directory: PathBuf,
}

/// A snapshot that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// All events up to this one are in it.
    pub at: EventId,
    /// Each projection's part by name.
    pub parts: Vec<(String, Vec<u8>)>,
}

impl Snapshot {
    /// The part of one projection, if it wrote one.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&[u8]> {
        self.parts.iter().find(|(other, _)| other == name).map(|(_, bytes)| &**bytes)
    }
}

impl Snapshots {
    /// The snapshots of a data directory whose lock we hold; removes what was not finished.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let directory = data_dir.join("snapshots");
        create_private(&directory).map_err(|error| failed("create", &directory, error))?;
        let snapshots = Self { directory };
        for path in snapshots.list("new").map_err(|error| failed("read", &snapshots.directory, error))? {
            fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
        }
        Ok(snapshots)
    }

    /// Writes a snapshot of all events up to `at`, and removes all but the last ones. The caller waits until `at` is synced.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// The file system refuses, or a part's name is too long; the snapshots before are still there.
    pub fn write(&self, at: EventId, parts: &[(&str, &[u8])]) -> io::Result<()> {
        let bytes = encode(at, parts)?;
        let path = self.directory.join(format!("{:016}.snap", at.offset.0));
        let new = path.with_extension("new");
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&new, &path)).inspect_err(|_| drop(fs::remove_file(&new)))?;
        File::open(&self.directory)?.sync_all()?;
        let all = self.list("snap")?;
        all[..all.len().saturating_sub(SNAPSHOTS_KEPT)].iter().try_for_each(fs::remove_file)
    }

    /// The newest snapshot that can be read and is of nothing after `last`, the journal's last event. One of what comes after
    /// is renamed to `*.beyond`: those events are lost, and their offsets may be given again.
    ///
    /// # Errors
    /// The file system refuses. A damaged snapshot is no error but passed over, with a line in the log.
    pub fn newest_valid(&self, last: Offset) -> io::Result<Option<Snapshot>> {
        for path in self.list("snap")?.iter().rev() {
            match decode(&fs::read(path)?) {
                Ok(snapshot) if snapshot.at.offset <= last => return Ok(Some(snapshot)),
                Ok(snapshot) => {
                    tracing::warn!(snapshot = %snapshot.at, %last, "a snapshot is of events that the journal does not have");
                    fs::rename(path, path.with_extension("beyond"))?;
                }
                Err(reason) => tracing::warn!(file = %path.display(), reason, "a snapshot cannot be read"),
            }
        }
        Ok(None)
    }

    /// All files with an extension, oldest first.
    fn list(&self, extension: &str) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|other| other == extension) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn encode(at: EventId, parts: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HEADER + parts.iter().map(|(name, part)| 16 + name.len() + part.len()).sum::<usize>());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&at.epoch.0.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(parts.len()).map_err(io::Error::other)?.to_le_bytes());
    bytes.extend_from_slice(&at.offset.0.to_le_bytes());
    for (name, part) in parts {
        if name.len() > NAME_BYTES_MAX {
            return Err(io::Error::other(format!("`{name}` is too long for the name of a snapshot's part")));
        }
        bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(part);
    }
    let crc = crc32fast::hash(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Snapshot, &'static str> {
    if bytes.len() < HEADER || bytes[..8] != MAGIC {
        return Err("it does not begin as a snapshot");
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..12]);
    crc.update(&[0; 4]);
    crc.update(&bytes[16..]);
    if crc.finalize() != u32_at(bytes, 12) {
        return Err("its checksum is wrong");
    }
    if u32_at(bytes, 8) != FORMAT_VERSION {
        return Err("it is of another format version");
    }
    let at = EventId { epoch: Epoch(u32_at(bytes, 16)), offset: Offset(u64_at(bytes, 24)) };
    let mut rest = &bytes[HEADER..];
    let mut parts = Vec::new();
    for _ in 0..u32_at(bytes, 20) {
        parts.push(decode_part(&mut rest).ok_or("a part is not whole")?);
    }
    Ok(Snapshot { at, parts })
}

fn decode_part(rest: &mut &[u8]) -> Option<(String, Vec<u8>)> {
    let lengths = rest.split_off(..16)?;
    let name = rest.split_off(..usize::try_from(u64_at(lengths, 0)).ok()?)?;
    let part = rest.split_off(..usize::try_from(u64_at(lengths, 8)).ok()?)?;
    Some((String::from_utf8(name.to_vec()).ok()?, part.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> EventId = |offset| EventId { epoch: Epoch(1), offset: Offset(offset) };

    fn with_two() -> (tempfile::TempDir, Snapshots) {
        let directory = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(directory.path()).unwrap();
        for offset in [5, 90, 100] {
            snapshots.write(AT(offset), &[("book", b"alerts"), ("empty", b""), ("at", &[offset as u8])]).unwrap();
        }
        (directory, snapshots)
    }

    #[test]
    fn the_newest_snapshot_reads_back_and_two_are_kept() {
        let (_directory, snapshots) = with_two();
        let newest = snapshots.newest_valid(Offset(100)).unwrap().unwrap();
        assert_eq!((newest.at, newest.part("book"), newest.part("at")), (AT(100), Some(&b"alerts"[..]), Some(&[100][..])));
        assert_eq!((newest.part("empty"), newest.part("none")), (Some(&b""[..]), None));
        assert_eq!(snapshots.list("snap").unwrap().len(), SNAPSHOTS_KEPT);
    }

    #[test]
    fn a_snapshot_torn_or_flipped_anywhere_gives_way_to_the_older_one() {
        let (_directory, snapshots) = with_two();
        let path = snapshots.list("snap").unwrap().pop().unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(snapshots.newest_valid(Offset(100)).unwrap().unwrap().at, AT(90), "cut at {length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, flipped).unwrap();
            assert_eq!(snapshots.newest_valid(Offset(100)).unwrap().unwrap().at, AT(90), "bit {bit}");
        }
    }

    #[test]
    fn a_snapshot_beyond_the_journal_is_set_aside() {
        let (directory, snapshots) = with_two();
        assert_eq!(snapshots.newest_valid(Offset(95)).unwrap().unwrap().at, AT(90));
        assert_eq!(snapshots.newest_valid(Offset(200)).unwrap().unwrap().at, AT(90));
        assert_eq!(snapshots.list("beyond").unwrap().len(), 1);
        fs::write(directory.path().join("snapshots/1.new"), "half").unwrap();
        assert_eq!(Snapshots::open(directory.path()).unwrap().list("new").unwrap().len(), 0);
    }
}
