//! For tests: a storage that fails as it is told, and forgets what it could not sync, as a kernel may.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::storage::{Disk, Storage};

/// `ENOSPC`.
const NO_SPACE: i32 = 28;
/// `EIO`.
const IO: i32 = 5;

#[derive(Debug, Default)]
struct Plan {
    /// Bytes that may still be written; `None`: any number.
    space: Option<u64>,
    /// So many syncs fail.
    failing_syncs: u32,
    failing_truncates: bool,
    /// Syncs wait.
    held: bool,
    syncs: u32,
    /// By inode, how many bytes are synced.
    synced: HashMap<u64, u64>,
}

/// A file system that fails on demand.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plan: Mutex<Plan>,
    changed: Condvar,
}

impl Faults {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Lets writing fail after so many bytes, as on a full disk; `None`: no more.
    pub(crate) fn leave_space(&self, bytes: Option<u64>) {
        self.plan.lock().space = bytes;
    }

    /// Lets the next syncs of files fail.
    pub(crate) fn fail_syncs(&self, count: u32) {
        self.plan.lock().failing_syncs = count;
    }

    pub(crate) fn fail_truncates(&self, fail: bool) {
        self.plan.lock().failing_truncates = fail;
    }

    /// Lets syncs wait until they are released.
    pub(crate) fn hold_syncs(&self, hold: bool) {
        self.plan.lock().held = hold;
        self.changed.notify_all();
    }

    /// Takes note that a file was synced by somebody else.
    pub(crate) fn note_synced(&self, path: &Path) {
        let metadata = path.metadata().unwrap();
        self.plan.lock().synced.insert(metadata.ino(), metadata.len());
    }

    /// Syncs of files that were asked for.
    pub(crate) fn syncs(&self) -> u32 {
        self.plan.lock().syncs
    }
}

impl Storage for Faults {
    fn create(&self, path: &Path) -> io::Result<File> {
        if self.plan.lock().space == Some(0) {
            return Err(io::Error::from_raw_os_error(NO_SPACE));
        }
        Disk.create(path)
    }

    fn write(&self, mut file: &File, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut plan = self.plan.lock();
        let Some(space) = &mut plan.space else { return Disk.write(file, position, slices) };
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let fits = usize::try_from(*space).unwrap().min(all.len());
        if fits == 0 {
            return Err(io::Error::from_raw_os_error(NO_SPACE));
        }
        *space -= fits as u64;
        file.seek(SeekFrom::Start(position))?;
        file.write_all(&all[..fits])?;
        Ok(fits)
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        if self.plan.lock().failing_truncates {
            return Err(io::Error::from_raw_os_error(IO));
        }
        Disk.truncate(file, length)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut plan = self.plan.lock();
        plan.syncs += 1;
        while plan.held {
            self.changed.wait(&mut plan);
        }
        let metadata = file.metadata()?;
        if plan.failing_syncs > 0 {
            plan.failing_syncs -= 1;
            let synced = plan.synced.get(&metadata.ino()).copied().unwrap_or(0);
            file.set_len(synced)?;
            file.set_len(metadata.len())?;
            return Err(io::Error::from_raw_os_error(IO));
        }
        plan.synced.insert(metadata.ino(), metadata.len());
        Ok(())
    }
}

/// A directory for a test, in memory where the machine has that, because there syncs cost nothing.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}
