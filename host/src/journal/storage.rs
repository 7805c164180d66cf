//! What the writer asks of the file system, so that tests can let it fail.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::path::Path;

/// The calls by which the writer changes files. Reading does not go through it.
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// An empty file for reading and writing; one of that name is emptied.
    ///
    /// # Errors
    /// As the file system says.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
    }

    /// Writes at `position`, perhaps less than all; says how many bytes.
    ///
    /// # Errors
    /// As the file system says; then nothing was written.
    fn write(&self, mut file: &File, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        file.seek(SeekFrom::Start(position))?;
        file.write_vectored(slices)
    }

    /// Cuts a file.
    ///
    /// # Errors
    /// As the file system says.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Returns when the file's content is on the disk (`fdatasync`).
    ///
    /// # Errors
    /// As the file system says; what was not synced before may then be lost, whatever a later sync says.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Renames a file within its directory, replacing one of that name.
    ///
    /// # Errors
    /// As the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Returns when the directory's entries are on the disk.
    ///
    /// # Errors
    /// As the file system says.
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Storage for Disk {}

/// Writes all slices at `position`. Says how many bytes were written, and what stopped it before the end.
pub(super) fn write_all(
    storage: &dyn Storage,
    file: &File,
    position: u64,
    mut slices: &mut [IoSlice<'_>],
) -> (u64, io::Result<()>) {
    let mut written = 0;
    while !slices.is_empty() {
        match storage.write(file, position + written, slices) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(bytes) => {
                written += bytes as u64;
                IoSlice::advance_slices(&mut slices, bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
