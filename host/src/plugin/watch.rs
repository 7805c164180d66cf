//! When to look at the plugin directories again: what the system tells of them is only a hint.
//!
//! Writing a file makes many hints, and the first come before it is whole. So the watcher waits until it is quiet, but not for
//! ever, and asks for a look from time to time without any hint, so that a missed one costs at most that.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// After this long without a hint, files are taken to be whole.
pub const QUIET: Duration = Duration::from_millis(250);
/// From the first hint to the look at most.
pub const SETTLE_MAX: Duration = Duration::from_secs(1);
/// From one look to the next at most.
pub const RESCAN: Duration = Duration::from_secs(30);
/// The same while a directory cannot be watched.
pub const POLL: Duration = Duration::from_secs(2);

/// Why it is time to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The system told of a change.
    Hint,
    /// It has been a while.
    Rescan,
}

/// When the next look is due. Pure: time comes in.
#[derive(Clone, Copy, Debug)]
struct Timing {
    rescan_at: Instant,
    /// The first and the last hint since the last look.
    hints: Option<(Instant, Instant)>,
}

impl Timing {
    fn new(now: Instant, period: Duration) -> Self {
        Self { rescan_at: now + period, hints: None }
    }

    fn hint(&mut self, now: Instant) {
        let first = self.hints.map_or(now, |(first, _)| first);
        self.hints = Some((first, now));
    }

    fn due(&self) -> Instant {
        self.hints.map_or(self.rescan_at, |(first, last)| (last + QUIET).min(first + SETTLE_MAX))
    }

    fn cause(&self) -> Cause {
        if self.hints.is_some() { Cause::Hint } else { Cause::Rescan }
    }
}

/// Watches directories, not what is in folders below them.
#[derive(Debug)]
pub struct Watcher {
    hints: mpsc::Receiver<()>,
    /// `None` where the system offers no watching.
    system: Option<RecommendedWatcher>,
    directories: Vec<Watched>,
    timing: Timing,
}

/// A directory and, while it is watched, which one that is: a path may come to mean another.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Watcher {
    /// Watches the directories from now on. What cannot be watched is polled.
    #[must_use]
    pub fn new(directories: &[PathBuf]) -> Self {
        // One waiting hint says as much as many.
        let (sender, hints) = mpsc::channel(1);
        let hint = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| tells_of_change(event.kind)) {
                let _full_is_as_good = sender.try_send(());
            }
        };
        let system = notify::recommended_watcher(hint)
            .inspect_err(|error| tracing::warn!(%error, "plugin directories cannot be watched, they are read every {POLL:?}"))
            .ok();
        let directories = directories.iter().map(|path| Watched { path: path.clone(), identity: None }).collect();
        let mut watcher = Self { hints, system, directories, timing: Timing::new(Instant::now(), RESCAN) };
        watcher.timing = Timing::new(Instant::now(), watcher.watch());
        watcher
    }

    /// Waits until it is time to look at the directories. Dropping the future loses no hint.
    pub async fn changed(&mut self) -> Cause {
        while Instant::now() < self.timing.due() {
            tokio::select! {
                hint = self.hints.recv(), if self.system.is_some() => match hint {
                    Some(()) => self.timing.hint(Instant::now()),
                    None => self.system = None,
                },
                () = tokio::time::sleep_until(self.timing.due().into()) => {}
            }
        }
        let cause = self.timing.cause();
        // Before the look, so that nothing falls between the two.
        self.timing = Timing::new(Instant::now(), self.watch());
        cause
    }

    /// Watches what is not watched yet, or is another directory by now. Returns when to look again at the latest.
    fn watch(&mut self) -> Duration {
        let Some(system) = &mut self.system else { return POLL };
        for watched in &mut self.directories {
            let now = identity(&watched.path);
            if now == watched.identity && now.is_some() {
                continue;
            }
            if watched.identity.take().is_some() {
                let _gone_already = system.unwatch(&watched.path);
            }
            if now.is_some() && system.watch(&watched.path, RecursiveMode::NonRecursive).is_ok() {
                watched.identity = now;
            }
        }
        if self.directories.iter().all(|watched| watched.identity.is_some()) { RESCAN } else { POLL }
    }
}

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir).map(|facts| (facts.dev(), facts.ino()))
}

/// Our own reading makes events too; they must not wake us.
fn tells_of_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_look_is_due_when_it_has_been_quiet_and_at_the_latest_after_a_second() {
        let start = Instant::now();
        let mut timing = Timing::new(start, RESCAN);
        assert_eq!((timing.due() - start, timing.cause()), (RESCAN, Cause::Rescan));
        timing.hint(start + 100 * MS);
        assert_eq!((timing.due() - start, timing.cause()), (350 * MS, Cause::Hint));
        timing.hint(start + 300 * MS);
        assert_eq!(timing.due() - start, 550 * MS);
        for at in (300..1100).step_by(100) {
            timing.hint(start + at * MS);
        }
        assert_eq!(timing.due() - start, 1100 * MS, "hints without end put the look off");
    }

    #[test]
    fn our_own_reading_wakes_nobody() {
        use notify::event::{CreateKind, ModifyKind, RemoveKind};
        for kind in [AccessKind::Open(AccessMode::Read), AccessKind::Close(AccessMode::Read), AccessKind::Read] {
            assert!(!tells_of_change(EventKind::Access(kind)), "{kind:?}");
        }
        for kind in [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Create(CreateKind::File),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Remove(RemoveKind::File),
            EventKind::Any,
        ] {
            assert!(tells_of_change(kind), "{kind:?}");
        }
    }

    #[tokio::test]
    async fn the_system_tells_of_files_written_renamed_linked_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut watcher = Watcher::new(&[folder.path().to_path_buf()]);
        assert_eq!(watcher.watch(), RESCAN);
        std::fs::write(path("a.wasm"), "1").unwrap();
        assert_eq!(watcher.changed().await, Cause::Hint);
        std::fs::rename(path("a.wasm"), path("b.wasm")).unwrap();
        assert_eq!(watcher.changed().await, Cause::Hint);
        std::fs::hard_link(path("b.wasm"), path("c.wasm")).unwrap();
        assert_eq!(watcher.changed().await, Cause::Hint);
        std::fs::remove_file(path("b.wasm")).unwrap();
        assert_eq!(watcher.changed().await, Cause::Hint);
    }

    #[tokio::test]
    async fn a_directory_that_comes_later_is_polled_for_and_then_watched() {
        let folder = tempfile::tempdir().unwrap();
        let late = folder.path().join("late");
        let mut watcher = Watcher::new(std::slice::from_ref(&late));
        assert_eq!(watcher.watch(), POLL);
        std::fs::create_dir(&late).unwrap();
        assert_eq!(watcher.watch(), RESCAN);
        std::fs::write(late.join("a.wasm"), "1").unwrap();
        assert_eq!(watcher.changed().await, Cause::Hint);
        std::fs::remove_dir_all(&late).unwrap();
        std::fs::create_dir(&late).unwrap();
        assert_eq!(watcher.watch(), RESCAN);
        std::fs::write(late.join("a.wasm"), "1").unwrap();
        assert_eq!(watcher.changed().await, Cause::Hint);
    }
}
