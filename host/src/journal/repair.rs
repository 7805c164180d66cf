//! Syncing, and what follows when a sync fails: it is never tried again on the same file, because the system may have forgotten
//! what it could not write. The frames that are not synced are written again, from memory, to a new segment.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use super::format::Mark;
use super::segment::Segment;
use super::storage::{Storage, write_all};
use super::writer::{Active, Condition, Entry, Writer, before, frames};
use crate::model::Offset;

/// One sync of what was written when it began. It runs without the writer, which may append meanwhile.
#[derive(Debug)]
pub(crate) struct SyncJob {
    storage: Arc<dyn Storage>,
    files: Vec<Arc<File>>,
    /// How many of the files are of closed segments.
    closed: usize,
    directory: Option<PathBuf>,
    upto: Mark,
}

impl SyncJob {
    /// Returns when all is on the disk.
    ///
    /// # Errors
    /// The file system refuses: then [`Writer::end_sync`] repairs.
    pub(crate) fn run(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| self.storage.sync(file))?;
        self.directory.as_ref().map_or(Ok(()), |directory| self.storage.sync_directory(directory))
    }
}

impl Writer {
    /// What is to be synced now; `None`: nothing.
    pub(crate) fn begin_sync(&mut self) -> Option<SyncJob> {
        if !self.is_dirty() {
            return None;
        }
        let closed = self.unsynced.len();
        let files = self.unsynced.iter().chain(self.active.iter().map(|active| &active.file)).cloned().collect();
        let directory = std::mem::take(&mut self.directory_changed).then(|| self.shared.directory.clone());
        Some(SyncJob { storage: self.storage.clone(), files, closed, directory, upto: self.end })
    }

    /// Takes note of how a sync ended. If it failed, writes what is not synced to a new segment and syncs that; an error means
    /// that this failed too.
    ///
    /// # Errors
    /// Neither this segment nor a new one could be synced. Nothing is appended until [`Self::repair`] succeeds.
    pub(crate) fn end_sync(&mut self, job: &SyncJob, result: io::Result<()>) -> io::Result<()> {
        match result {
            Ok(()) => {
                self.unsynced.drain(..job.closed);
                self.note_synced(job.upto);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "cannot sync the journal, writing what is not synced to a new segment");
                self.repair()
            }
        }
    }

    /// Writes all frames that are not synced to a new segment, and syncs that.
    ///
    /// # Errors
    /// The file system refuses; nothing is appended until this succeeds.
    pub(crate) fn repair(&mut self) -> io::Result<()> {
        let result = self.write_again();
        if let Err(error) = &result {
            self.condition.send_replace(Condition::Failed { error: error.to_string() });
        } else {
            self.condition.send_replace(Condition::Sound);
        }
        result
    }

    /// Syncs now, on this thread.
    pub(crate) fn sync_now(&mut self) -> io::Result<Offset> {
        if self.has_failed() {
            self.repair()?;
        }
        if let Some(job) = self.begin_sync() {
            let result = job.run();
            self.end_sync(&job, result)?;
        }
        self.seal();
        Ok(before(self.synced.offset))
    }

    /// Closed segments that are synced and have no index yet. Writing it needs no writer: [`Unsealed::seal`].
    pub(crate) fn unsealed(&self) -> Unsealed {
        let segments = self.shared.segments.read();
        let closed = &segments[..segments.len().saturating_sub(1)];
        let ready = closed.iter().filter(|segment| !segment.sealed && segment.end.number <= self.synced.number);
        Unsealed { segments: ready.cloned().collect(), shared: self.shared.clone() }
    }

    fn seal(&self) {
        self.unsealed().seal();
    }

    fn note_synced(&mut self, upto: Mark) {
        self.synced = if upto.number == self.end.number { self.end } else { upto };
        self.shared.ring.write().synced(self.synced.number);
        self.synced_sender.send_replace(before(self.synced.offset));
    }

    fn write_again(&mut self) -> io::Result<()> {
        let header = self.header_at(&self.synced);
        let (file, path) = self.begin_segment(&header)?;
        let new = path.with_extension("new");
        let written = self.write_unsynced(&file, Segment::empty(header, path.clone()));
        let segment = written.and_then(|segment| {
            self.storage.sync(&file)?;
            self.storage.rename(&new, &path)?;
            self.storage.sync_directory(&self.shared.directory)?;
            Ok(segment)
        });
        let segment = segment.inspect_err(|_| drop(fs::remove_file(&new)))?;
        self.replace(segment.clone());
        self.active = Some(Active { file: Arc::new(file), header });
        self.unsynced.clear();
        self.directory_changed = false;
        self.end = segment.end;
        self.note_synced(segment.end);
        Ok(())
    }

    /// Encodes the frames that are not synced once more, into the file of a new segment.
    fn write_unsynced(&self, file: &File, mut segment: Segment) -> io::Result<Segment> {
        for record in self.shared.ring.read().unsynced() {
            let payload = postcard::to_stdvec(&*record.frame).map_err(io::Error::other)?;
            let entry = [Entry { frame: record.frame.clone(), payload }];
            for (at, header) in frames(record.epoch, &segment.end, &entry) {
                let bytes = header.encode(segment.header.marker, &entry[0].payload);
                let mut slices = [IoSlice::new(&bytes), IoSlice::new(&entry[0].payload)];
                write_all(&*self.storage, file, at.position, &mut slices).1?;
                segment.push(at, &header, self.settings.segment_bytes);
            }
        }
        Ok(segment)
    }

    /// Puts a segment with all that was not synced in the place of those that had it.
    fn replace(&self, segment: Segment) {
        let mut segments = self.shared.segments.write();
        while let Some(last) = segments.pop_if(|last| last.header.number >= self.synced.number) {
            if last.path != segment.path
                && let Err(error) = fs::remove_file(&last.path)
            {
                tracing::warn!(segment = last.name(), %error, "cannot remove a segment that could not be synced");
            }
        }
        if let Some(last) = segments.last_mut().filter(|last| last.end.number > self.synced.number) {
            let cut = File::options().write(true).open(&last.path);
            if let Err(error) = cut.and_then(|file| self.storage.truncate(&file, self.synced.position)) {
                tracing::warn!(segment = last.name(), %error, "cannot cut a segment that could not be synced");
            }
            last.cut(self.synced);
        }
        segments.push(segment);
    }
}

/// Closed segments that wait for their index.
#[derive(Debug)]
pub(crate) struct Unsealed {
    segments: Vec<Segment>,
    shared: Arc<super::shared::Shared>,
}

impl Unsealed {
    /// Writes their indexes. Failing costs time at the next opening, nothing else.
    pub(crate) fn seal(self) {
        for segment in self.segments {
            if let Err(error) = segment.write_index() {
                tracing::warn!(segment = segment.name(), %error, "cannot write a segment's index");
                continue;
            }
            let mut segments = self.shared.segments.write();
            if let Some(sealed) = segments.iter_mut().find(|other| other.header.marker == segment.header.marker) {
                sealed.sealed = true;
            }
        }
    }
}
