//! The journal's single writer: takes frames from the bus in groups, appends them, answers when they are as durable as asked.
//!
//! Two threads of its own: one appends, one syncs. Many frames share one write, and many groups share one sync.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bus::{Accept, Committed, Submission, SubmitError};
use crate::journal::{Appended, Condition, Durability, Entry, Journal, Tail, Writer};
use crate::model::Offset;
use crate::telemetry::Telemetry;

mod pace;
#[cfg(test)]
mod tests;

use pace::{Pace, Turn};

/// Frames that are appended as one group at most.
const GROUP_FRAMES_MAX: usize = 256;
/// How long after a failed repair the next one is tried.
const REPAIR_EVERY: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 1000 });

/// The running recorder.
#[derive(Debug)]
pub struct RecorderHandle {
    tail: Tail,
    /// Dropping it ends the recorder.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl RecorderHandle {
    /// Reads what is recorded.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Follows the last offset that is written.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<Offset> {
        self.tail.written()
    }

    /// Follows the last offset that is synced.
    #[must_use]
    pub fn synced(&self) -> watch::Receiver<Offset> {
        self.tail.synced()
    }

    /// Follows whether the journal takes appends; readiness asks it.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.tail.condition()
    }

    /// Closes the bus, records what is in it, syncs, and ends.
    ///
    /// # Errors
    /// Not all could be synced.
    pub async fn shutdown(self) -> io::Result<()> {
        drop(self.stop);
        let ended = tokio::task::spawn_blocking(move || self.thread.join()).await.map_err(io::Error::other)?;
        ended.map_err(|_| io::Error::other("the recorder has panicked"))?
    }
}

/// Starts the recorder. It ends by [`RecorderHandle::shutdown`], or when the handle or the last sender of the bus is gone.
///
/// # Errors
/// The system gives no thread.
pub fn spawn(
    journal: Journal,
    receiver: mpsc::Receiver<Submission>,
    telemetry: Arc<Telemetry>,
    durability: Durability,
) -> io::Result<RecorderHandle> {
    let tail = journal.tail();
    let (writer, close) = journal.into_parts();
    let waiting = Mutex::new(VecDeque::new());
    let core = Arc::new(Core { writer: Mutex::new(writer), waiting, pace: Pace::default(), telemetry, durability });
    core.measure();
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let syncing = {
        let core = core.clone();
        thread::Builder::new().name("vigie-sync".into()).spawn(move || core.sync_until_end())?
    };
    let thread = thread::Builder::new().name("vigie-recorder".into()).spawn(move || {
        let mut incoming = Incoming { receiver, stopped: Some(stopped) };
        let mut group = Vec::with_capacity(GROUP_FRAMES_MAX);
        while runtime.block_on(incoming.next_group(&mut group)) > 0 {
            core.telemetry.journal.queued.set(incoming.receiver.len() as u64);
            core.append(&mut group);
        }
        core.pace.end();
        let _ = syncing.join();
        if core.writer.lock().is_dirty() {
            return Err(io::Error::other("the journal's last frames could not be synced"));
        }
        close()
    })?;
    Ok(RecorderHandle { tail, stop, thread })
}

/// The bus' end, and the sign to end.
struct Incoming {
    receiver: mpsc::Receiver<Submission>,
    stopped: Option<oneshot::Receiver<()>>,
}

impl Incoming {
    /// Waits for the next frames; none when the bus is closed and empty.
    async fn next_group(&mut self, group: &mut Vec<Submission>) -> usize {
        if let Some(stopped) = &mut self.stopped {
            tokio::select! {
                biased;
                _ = stopped => {
                    self.stopped = None;
                    self.receiver.close();
                }
                taken = self.receiver.recv_many(group, GROUP_FRAMES_MAX) => return taken,
            }
        }
        self.receiver.recv_many(group, GROUP_FRAMES_MAX).await
    }
}

type Ack = oneshot::Sender<Result<Committed, SubmitError>>;

/// An appended frame whose answer waits for a sync.
#[derive(Debug)]
struct Waiting {
    number: u64,
    committed: Committed,
    ack: Ack,
}

/// What both threads share.
#[derive(Debug)]
struct Core {
    writer: Mutex<Writer>,
    /// In the order of their numbers.
    waiting: Mutex<VecDeque<Waiting>>,
    pace: Pace,
    telemetry: Arc<Telemetry>,
    durability: Durability,
}

impl Core {
    /// Appends a group and answers those who do not wait for a sync.
    fn append(&self, group: &mut Vec<Submission>) {
        let split = group.drain(..).map(|submission| {
            let Submission { frame, payload, accept, ack } = submission;
            (Entry { frame, payload }, (accept, ack))
        });
        let (entries, askers): (Vec<Entry>, Vec<(Accept, Ack)>) = split.unzip();
        let answers = self.writer.lock().append(&entries);
        let (mut appended_any, mut urgent) = (false, false);
        for ((entry, (accept, ack)), answer) in entries.iter().zip(askers).zip(answers) {
            let appended = match answer {
                Ok(appended) => appended,
                Err(error) => {
                    self.telemetry.journal.failures.add(1);
                    // An asker that has gone away needs no answer; so below.
                    let _ = ack.send(Err(SubmitError::Append(error.to_string())));
                    continue;
                }
            };
            self.count(entry);
            appended_any = true;
            let committed = committed(&appended);
            if accept == Accept::Synced || self.durability == Durability::Always {
                urgent = true;
                self.waiting.lock().push_back(Waiting { number: appended.number, committed, ack });
            } else {
                let _ = ack.send(Ok(committed));
            }
        }
        if appended_any {
            self.pace.written(self.interval(), urgent);
        }
        self.measure();
        while self.writer.lock().is_crowded() {
            self.pace.wait_for_sync();
        }
    }

    fn interval(&self) -> Duration {
        match self.durability {
            Durability::Always => Duration::ZERO,
            Durability::Interval(interval) => interval,
        }
    }

    /// The sync thread.
    fn sync_until_end(&self) {
        loop {
            let turn = self.pace.wait();
            self.sync();
            if turn == Turn::Last {
                return;
            }
        }
    }

    /// Syncs what is written, repairs if that fails, and answers those who wait for it.
    fn sync(&self) {
        let job = {
            let mut writer = self.writer.lock();
            if writer.has_failed() { Err(writer.repair()) } else { Ok(writer.begin_sync()) }
        };
        let outcome = match job {
            Err(repaired) => repaired,
            Ok(None) => Ok(()),
            Ok(Some(job)) => {
                let began = Instant::now();
                let result = job.run();
                let meter = &self.telemetry.journal;
                meter.syncs.add(1);
                meter.sync_nanos.add(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
                meter.failures.add(u64::from(result.is_err()));
                self.writer.lock().end_sync(&job, result)
            }
        };
        self.answer(&outcome);
        if outcome.is_err() {
            self.telemetry.journal.failures.add(1);
            self.pace.again_in(REPAIR_EVERY);
        }
        let unsealed = self.writer.lock().unsealed();
        unsealed.seal();
        self.measure();
        self.pace.synced();
    }

    /// Answers those whose frames are synced; after a failure, all.
    fn answer(&self, outcome: &io::Result<()>) {
        let unsynced = self.writer.lock().unsynced_number();
        let mut waiting = self.waiting.lock();
        while let Some(Waiting { committed, ack, .. }) =
            waiting.pop_front_if(|first| outcome.is_err() || first.number < unsynced)
        {
            let _ = ack.send(match outcome {
                Ok(()) => Ok(committed),
                Err(error) => Err(SubmitError::Unsynced { committed, error: error.to_string() }),
            });
        }
    }

    fn count(&self, entry: &Entry) {
        let meter = &self.telemetry.journal;
        meter.frames.add(1);
        meter.events.add(entry.frame.events.len() as u64);
        meter.bytes.add(entry.payload.len() as u64);
    }

    fn measure(&self) {
        let (written, synced, (segments, bytes)) = {
            let writer = self.writer.lock();
            (writer.written_offset(), writer.synced_offset(), writer.size())
        };
        let meter = &self.telemetry.journal;
        meter.written.set(written.0);
        meter.synced.set(synced.0);
        meter.segments.set(segments as u64);
        meter.size_bytes.set(bytes);
    }
}

fn committed(appended: &Appended) -> Committed {
    Committed { epoch: appended.epoch, first: appended.first, last: appended.last }
}
