//! The journal: everything that happened, in order, in files of our own. The only commit point.
//!
//! [`Journal`] appends, [`Tail`] and [`Reader`] read while it does, [`read_dir`] reads a data directory from outside,
//! [`Snapshots`] keep what projections derived. Only `recorder` appends. docs/journal.md has the format and the promises.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::event::Frame;
use crate::model::Offset;

mod format;
mod lock;
mod offline;
mod read;
mod record;
mod recover;
mod repair;
mod retain;
mod ring;
mod scan;
mod segment;
mod shared;
mod snapshot;
mod storage;
mod survey;
mod writer;

#[cfg(test)]
pub(crate) mod faults;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

pub use format::{FORMAT_VERSION, FRAME_BYTES_MAX};
pub use offline::{Offline, Verified, read_dir, verify};
pub use read::{Item, ReadError, Reader, SkipReason, Skipped, Tail};
pub use record::Record;
pub use recover::{Damaged, Recovery, Truncated};
pub use retain::Deleted;
pub use snapshot::{SNAPSHOTS_KEPT, Snapshot, Snapshots};
pub use storage::{Disk, Storage};
pub(crate) use writer::Writer;
pub use writer::{AppendError, Appended, Condition, Entry};

/// Bounds of the journal. `Default` has the values of the configuration's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A segment is closed before it grows beyond this many bytes.
    pub segment_bytes: u64,
    /// The oldest segments are deleted while all together have more bytes than this.
    pub retain_bytes: u64,
    /// The latest frames are kept in memory up to this many bytes (as encoded), and until they are synced.
    pub tail_bytes: usize,
    /// The latest frames are kept in memory up to this many.
    pub tail_frames: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, retain_bytes: 16 << 30, tail_bytes: 16 << 20, tail_frames: 16_384 }
    }
}

/// When an append is accepted, but for what is always synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is synced.
    Always,
    /// When it is written; it is synced after this time at the latest, which is what a power loss may cost.
    Interval(Duration),
}

impl Default for Durability {
    fn default() -> Self {
        Self::Interval(Duration::from_secs(1))
    }
}

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("data directory `{}` is in use by process {pid}, stop that one or choose another with `--data-dir`", directory.display())]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The other process' id, as far as it has written it.
        pid: String,
    },
    /// It was written by a version of Vigie with another format.
    #[error(
        "`{}` has format version {found}, this vigie reads version {FORMAT_VERSION}; use the version that wrote it, or another \
         data directory",
        file.display()
    )]
    Version {
        /// The file that says so.
        file: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// The file system refused something.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The file system's answer.
        source: io::Error,
    },
}

/// A journal that this process has opened, and nobody else may open until it is closed or dropped.
#[derive(Debug)]
pub struct Journal {
    pub(crate) writer: Writer,
    lock: lock::Lock,
}

impl Journal {
    /// Opens the journal of a data directory, which is made if it is not there, and recovers it.
    ///
    /// # Errors
    /// Another process has it, it is of another format version, or the file system refuses.
    pub fn open(data_dir: &Path, settings: Settings) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(data_dir, settings, Arc::new(Disk))
    }

    /// As [`Self::open`], appending through `storage`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(data_dir: &Path, settings: Settings, storage: Arc<dyn Storage>) -> Result<(Self, Recovery), OpenError> {
        let (mut lock, last) = lock::Lock::take(data_dir)?;
        let directory = journal_dir(data_dir);
        lock::create_private(&directory).map_err(|error| survey::failed("create", &directory, error))?;
        let recovered = recover::recover(&directory, last, &settings)?;
        let report = recovered.report.clone();
        lock.begin(report.epoch).map_err(|error| survey::failed("lock", data_dir, error))?;
        let writer = Writer::new(directory, settings, storage, recovered);
        Ok((Self { writer, lock }, report))
    }

    /// Reads what is there and what will be appended.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.writer.tail()
    }

    /// Encodes and appends one frame, without syncing it.
    ///
    /// # Errors
    /// The frame is too long, or the file system refuses; then nothing was appended.
    pub fn append(&mut self, frame: Frame) -> Result<Appended, AppendError> {
        let entry = Entry::new(frame)?;
        self.writer.append(&[entry]).pop().unwrap_or(Err(AppendError::Lost))
    }

    /// Syncs what was appended. Says up to which offset.
    ///
    /// # Errors
    /// The file system refuses; what is not synced was not written to another segment either.
    pub fn sync(&mut self) -> io::Result<Offset> {
        self.writer.sync_now()
    }

    /// Syncs, and takes note that all is synced. Dropping does neither.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn close(mut self) -> io::Result<()> {
        self.sync()?;
        self.lock.close()
    }

    /// The writer, and what closes the journal when that has ended.
    pub(crate) fn into_parts(self) -> (Writer, impl FnOnce() -> io::Result<()> + Send) {
        let lock = self.lock;
        (self.writer, move || lock.close())
    }
}

/// Where in a data directory the segments are.
fn journal_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("journal")
}
