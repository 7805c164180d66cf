//! One host a data directory: a locked file that also tells how the last one ended.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use super::OpenError;

/// What the file holds when the last host has synced and closed the journal.
const CLOSED: &str = "closed";
/// Each text is padded to so many bytes.
const LINE_BYTES: usize = 63;

/// How the data directory's last host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastEnd {
    /// It closed the journal, or there was none.
    Closed,
    /// It was killed; the machine has run on, so all that it wrote is there.
    Killed,
    /// The machine has been started since, or cannot say: what was written and not synced may be gone.
    MachineDown,
}

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Makes the directory, for us alone, if it is not there, and locks it.
    pub(super) fn take(directory: &Path) -> Result<(Self, LastEnd), OpenError> {
        let failed = |action, source| OpenError::Io { action, path: directory.to_owned(), source };
        create_private(directory).map_err(|error| failed("create the data directory", error))?;
        let path = directory.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| failed("open the lock file of", error))?;
        let mut text = String::new();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let _ = file.read_to_string(&mut text);
                let pid = text.split_whitespace().next().unwrap_or("unknown").to_owned();
                return Err(OpenError::InUse { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        // What is no text here was never written by a host that closed.
        let last = file.read_to_string(&mut text).map_or(LastEnd::MachineDown, |_| last_end(&text));
        let lock = Self(file);
        let state = format!("{} {}", std::process::id(), boot_id());
        lock.write(&state).map_err(|error| failed("write the lock file of", error))?;
        Ok((lock, last))
    }

    /// Takes note that all is synced and nothing will be written any more.
    pub(super) fn close(self) -> io::Result<()> {
        self.write(CLOSED)
    }

    /// In one write of one length, so that a crash leaves the text before or this one.
    fn write(&self, text: &str) -> io::Result<()> {
        self.0.write_all_at(format!("{text:<LINE_BYTES$}\n").as_bytes(), 0)?;
        self.0.sync_data()
    }
}

fn last_end(text: &str) -> LastEnd {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [] | [CLOSED] => LastEnd::Closed,
        [_, boot] if boot != "unknown" && boot == boot_id() => LastEnd::Killed,
        _ => LastEnd::MachineDown,
    }
}

/// Names this run of the machine.
fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { "unknown".into() } else { id.into() }
}

/// Makes a directory that only we may enter, with those above it.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_data_directory_is_private_and_has_one_host() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let (lock, last) = Lock::take(&directory).unwrap();
        assert_eq!(last, LastEnd::Closed);
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        let refused = Lock::take(&directory).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        lock.close().unwrap();
        assert_eq!(Lock::take(&directory).unwrap().1, LastEnd::Closed);
    }

    #[test]
    fn the_lock_file_tells_how_the_last_host_ended() {
        for (text, end) in [
            ("", LastEnd::Closed),
            ("closed\n", LastEnd::Closed),
            (&format!("12 {}\n", boot_id()), LastEnd::Killed),
            ("12 another-boot\n", LastEnd::MachineDown),
            ("12 unknown\n", LastEnd::MachineDown),
            ("\0\0\0", LastEnd::MachineDown),
        ] {
            assert_eq!(last_end(text), end, "{text:?}");
        }
    }
}
