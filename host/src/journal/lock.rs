//! One host a data directory: a locked file that also tells how the last one ended.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::model::Epoch;

use super::OpenError;

/// The state of a journal that was synced and closed. Else the state names the run of the machine that began it.
const CLOSED: &str = "closed";
/// The file's text is padded to so many bytes.
const LINE_BYTES: usize = 127;

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

/// What the last host left: how it ended, and the journal's epoch, which is here too in case the segments lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) end: LastEnd,
    pub(super) epoch: Option<Epoch>,
}

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    epoch: Epoch,
}

impl Drop for Lock {
    /// Closing the file is not enough: a process that was forked meanwhile and has not yet become another program has it too.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Makes the directory, for us alone, if it is not there, and locks it.
    pub(super) fn take(directory: &Path) -> Result<(Self, Last), OpenError> {
        let failed = |action, source| OpenError::Io { action, path: directory.to_owned(), source };
        create_private(directory).map_err(|error| failed("create the data directory", error))?;
        let path = directory.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(|error| failed("open the lock file of", error))?;
        let locked = file.try_lock();
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|error| failed("read the lock file of", error))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = text.split_whitespace().next().unwrap_or("unknown").to_owned();
                return Err(OpenError::InUse { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        let last = last(&text);
        let lock = Self { file, epoch: last.epoch.unwrap_or_default() };
        // Until the journal is recovered only the process is another: if we are killed now, the next one must know the same.
        let (_, state) = text.trim().split_once(' ').unwrap_or(("", CLOSED));
        lock.write(state).map_err(|error| failed("write the lock file of", error))?;
        Ok((lock, last))
    }

    /// Takes note that the journal is recovered, and may from now on hold what is not synced.
    pub(super) fn begin(&mut self, epoch: Epoch) -> io::Result<()> {
        self.epoch = epoch;
        self.write(&format!("{} {}", boot_id(), epoch.0))
    }

    /// Takes note that all is synced and nothing will be written any more.
    pub(super) fn close(self) -> io::Result<()> {
        self.write(&format!("{CLOSED} {}", self.epoch.0))
    }

    /// In one write of one length, so that a crash leaves the text before or this one.
    fn write(&self, state: &str) -> io::Result<()> {
        let text = format!("{} {state}", std::process::id());
        self.file.write_all_at(format!("{text:<LINE_BYTES$.LINE_BYTES$}\n").as_bytes(), 0)?;
        self.file.sync_data()
    }
}

/// Reads `process state epoch`.
fn last(text: &str) -> Last {
    let words: Vec<&str> = text.split_whitespace().collect();
    let end = match words[..] {
        [] | [_, CLOSED, ..] => LastEnd::Closed,
        [_, boot, ..] if boot != "unknown" && boot == boot_id() => LastEnd::Killed,
        _ => LastEnd::MachineDown,
    };
    Last { end, epoch: words.get(2).and_then(|epoch| epoch.parse().ok()).map(Epoch) }
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
        let (mut lock, before) = Lock::take(&directory).unwrap();
        assert_eq!(before, Last { end: LastEnd::Closed, epoch: None });
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        let refused = Lock::take(&directory).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        lock.begin(Epoch(3)).unwrap();
        drop(lock);
        let (lock, before) = Lock::take(&directory).unwrap();
        assert_eq!(before, Last { end: LastEnd::Killed, epoch: Some(Epoch(3)) });
        lock.close().unwrap();
        assert_eq!(Lock::take(&directory).unwrap().1, Last { end: LastEnd::Closed, epoch: Some(Epoch(3)) });
    }

    #[test]
    fn the_lock_file_tells_how_the_last_host_ended() {
        let epoch = Some(Epoch(4));
        for (text, end, epoch) in [
            ("", LastEnd::Closed, None),
            ("12 closed 4\n", LastEnd::Closed, epoch),
            (&format!("12 {} 4\n", boot_id()), LastEnd::Killed, epoch),
            ("12 another-boot 4\n", LastEnd::MachineDown, epoch),
            ("12 unknown\n", LastEnd::MachineDown, None),
            ("\0\0\0", LastEnd::MachineDown, None),
        ] {
            assert_eq!(last(text), Last { end, epoch }, "{text:?}");
        }
    }
}
