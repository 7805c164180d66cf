//! Sizes of file systems, asked on threads that may hang for ever: a file server that is gone blocks whoever asks about it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::fs::{StatVfsMountFlags, statvfs};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::super::refusal::Refusal;
use super::mountinfo::{self, Entry};

/// How long one file system may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(500);
/// File systems that may hang at once, each with a thread of the host; when there are more, nobody is asked any further.
const STUCK_MAX: usize = 16;
/// File systems that are told of.
const MOUNTS_MAX: usize = 4096;
/// The largest table of mounts, in bytes.
const TABLE_BYTES_MAX: u64 = 4 << 20;

/// One mounted file system. Sizes in bytes, `files` in inodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// What is mounted.
    pub device: String,
    /// Where.
    pub path: String,
    /// Its kind, as `ext4`.
    pub filesystem: String,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// Its size.
    pub size_bytes: f64,
    /// What is free.
    pub free_bytes: f64,
    /// What is free to users other than root.
    pub available_bytes: f64,
    /// How many files it has room for.
    pub files: f64,
    /// How many more it has room for.
    pub files_free: f64,
}

/// Asks file systems and remembers those that do not answer. One for the whole host.
#[derive(Clone, Debug)]
pub struct Mounts {
    asking: Arc<Mutex<HashMap<u64, Asking>>>,
    workers: Arc<AtomicU64>,
    ask: fn(&Entry) -> Option<Mount>,
    answer_time_max: Duration,
}

/// Whom a worker waits for.
#[derive(Debug)]
struct Asking {
    path: String,
    /// Whoever wanted the answer has given up.
    stuck: bool,
}

impl Default for Mounts {
    fn default() -> Self {
        Self { asking: Arc::default(), workers: Arc::default(), ask, answer_time_max: ANSWER_TIME_MAX }
    }
}

impl Mounts {
    /// The mounted file systems that answer, in the table's order.
    ///
    /// # Errors
    /// The table cannot be read, or no answer before `deadline`.
    pub(super) async fn list(&self, deadline: Instant) -> Result<Vec<Mount>, Refusal> {
        let mut entries =
            mountinfo::parse(&table().map_err(|error| Refusal::transient(format!("cannot read the mounts: {error}")))?);
        entries.truncate(MOUNTS_MAX);
        self.sizes(entries, deadline).await
    }

    async fn sizes(&self, entries: Vec<Entry>, deadline: Instant) -> Result<Vec<Mount>, Refusal> {
        let mut found = Vec::with_capacity(entries.len());
        let stuck = self.stuck();
        // Asking an automounter would mount.
        let askable = |entry: &Entry| entry.filesystem != "autofs" && !stuck.contains(&entry.path);
        let mut ahead: Vec<Entry> = entries.into_iter().filter(askable).collect();
        while !ahead.is_empty() && self.stuck().len() < STUCK_MAX {
            let (worker, mut answers) = self.worker(ahead.clone())?;
            let mut asked = 0;
            while asked < ahead.len() {
                let patience = Instant::now() + self.answer_time_max;
                let Ok(answer) = timeout_at(patience.min(deadline), answers.recv()).await else { break };
                found.extend(answer.flatten());
                asked += 1;
            }
            if asked == ahead.len() {
                break;
            }
            self.give_up(worker);
            if Instant::now() >= deadline {
                return Err(Refusal::timeout("the file systems did not answer in time"));
            }
            ahead.drain(..=asked);
        }
        Ok(found)
    }

    fn stuck(&self) -> Vec<String> {
        self.asking.lock().values().filter(|asking| asking.stuck).map(|asking| asking.path.clone()).collect()
    }

    fn give_up(&self, worker: u64) {
        if let Some(asking) = self.asking.lock().get_mut(&worker) {
            asking.stuck = true;
        }
    }

    /// A thread that asks one after the other; it ends when nobody listens.
    fn worker(&self, entries: Vec<Entry>) -> Result<(u64, mpsc::Receiver<Option<Mount>>), Refusal> {
        let (sender, answers) = mpsc::channel(1);
        let worker = self.workers.fetch_add(1, Ordering::Relaxed);
        let (asking, ask) = (self.asking.clone(), self.ask);
        let work = move || {
            for entry in entries {
                asking.lock().insert(worker, Asking { path: entry.path.clone(), stuck: false });
                let answer = ask(&entry);
                asking.lock().remove(&worker);
                if sender.blocking_send(answer).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("vigie-mounts".to_owned()).spawn(work);
        thread.map(|_| (worker, answers)).map_err(|error| Refusal::transient(format!("cannot start a thread: {error}")))
    }
}

fn table() -> std::io::Result<String> {
    use std::io::Read;
    let mut table = Vec::new();
    std::fs::File::open("/proc/self/mountinfo")?.take(TABLE_BYTES_MAX).read_to_end(&mut table)?;
    Ok(String::from_utf8_lossy(&table).into_owned())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the contract's numbers are floats; 2^53 bytes are 8 PiB, beyond it the rounding is harmless"
)]
fn ask(entry: &Entry) -> Option<Mount> {
    let sizes = statvfs(entry.path.as_str()).ok()?;
    let bytes = |blocks: u64| blocks as f64 * sizes.f_frsize as f64;
    Some(Mount {
        device: entry.device.clone(),
        path: entry.path.clone(),
        filesystem: entry.filesystem.clone(),
        read_only: entry.read_only || sizes.f_flag.contains(StatVfsMountFlags::RDONLY),
        size_bytes: bytes(sizes.f_blocks),
        free_bytes: bytes(sizes.f_bfree),
        available_bytes: bytes(sizes.f_bavail),
        files: sizes.f_files as f64,
        files_free: sizes.f_ffree as f64,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use super::*;
    use crate::event::Fault;

    fn entry(path: &str, filesystem: &str) -> Entry {
        Entry { device: "d".into(), path: path.into(), filesystem: filesystem.into(), read_only: false }
    }

    fn answer(entry: &Entry) -> Option<Mount> {
        let (device, path, filesystem) = (entry.device.clone(), entry.path.clone(), entry.filesystem.clone());
        let (size_bytes, free_bytes, available_bytes, files, files_free) = (1.0, 1.0, 1.0, 1.0, 1.0);
        Some(Mount { device, path, filesystem, read_only: false, size_bytes, free_bytes, available_bytes, files, files_free })
    }

    fn paths(mounts: &[Mount]) -> Vec<&str> {
        mounts.iter().map(|mount| mount.path.as_str()).collect()
    }

    #[tokio::test]
    async fn a_file_system_that_does_not_answer_is_left_out_and_not_asked_again_until_it_does() {
        static RELEASED: AtomicBool = AtomicBool::new(false);
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        fn ask(entry: &Entry) -> Option<Mount> {
            if entry.path == "/dead" {
                ASKED.fetch_add(1, Ordering::SeqCst);
                while !RELEASED.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
            answer(entry)
        }
        let mounts = Mounts { ask, answer_time_max: Duration::from_secs(1), ..Mounts::default() };
        let entries = || vec![entry("/", "ext4"), entry("/dead", "nfs"), entry("/auto", "autofs"), entry("/home", "ext4")];
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(paths(&mounts.sizes(entries(), deadline).await.unwrap()), ["/", "/home"]);
        assert_eq!(paths(&mounts.sizes(entries(), deadline).await.unwrap()), ["/", "/home"]);
        assert_eq!(ASKED.load(Ordering::SeqCst), 1, "what hangs is asked once");
        RELEASED.store(true, Ordering::SeqCst);
        while !mounts.stuck().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(paths(&mounts.sizes(entries(), deadline).await.unwrap()), ["/", "/dead", "/home"]);
    }

    #[tokio::test]
    async fn a_passed_deadline_is_a_timeout() {
        static RELEASED: AtomicBool = AtomicBool::new(false);
        fn ask(entry: &Entry) -> Option<Mount> {
            while !RELEASED.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            answer(entry)
        }
        let mounts = Mounts { ask, ..Mounts::default() };
        let refusal = mounts.sizes(vec![entry("/", "ext4")], Instant::now()).await.unwrap_err();
        assert_eq!(refusal.fault(), Fault::Timeout);
        RELEASED.store(true, Ordering::SeqCst);
    }
}
