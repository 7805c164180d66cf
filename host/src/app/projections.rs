//! What the host keeps of the past: made from the newest snapshot and the journal after it, kept up by one task.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::alert::{Ahead, Book, Replay};
use crate::edge::SeriesRegistry;
use crate::event::{Event, Origin};
use crate::health::Board;
use crate::journal::{Item, ReadError, Reader, Record, Snapshot, Tail};
use crate::latest::{Latest, LatestSnapshot};
use crate::model::{EventId, Offset, SeriesDefinition, SeriesId};
use crate::notify::Deliveries;
use crate::plugin::past::Pasts;

/// Records that are replayed before other tasks get a turn.
const BATCH_MAX: usize = 1024;

/// What one task applies in order: the newest values, the targets' status, the plugins' pasts.
#[derive(Clone)]
pub(super) struct Projections {
    /// Series by id.
    pub(super) registry: Arc<SeriesRegistry>,
    /// Newest values.
    pub(super) latest: Arc<Latest>,
    /// Targets' status.
    pub(super) board: Arc<RwLock<Board>>,
    /// What plugins left behind.
    pub(super) pasts: Arc<RwLock<Pasts>>,
    /// Up to where all three have come. Locked while a record is applied, so that who holds it sees them agree.
    pub(super) applied: Arc<Mutex<Offset>>,
    progress: watch::Sender<Offset>,
}

/// Everything as it was when the host ended, or was ended.
pub(super) struct Restored {
    pub(super) projections: Projections,
    pub(super) book: Book,
    pub(super) undecided: Vec<Ahead>,
    pub(super) book_cursor: Offset,
    pub(super) deliveries: Deliveries,
    /// The last event that was replayed: readers go on behind it.
    pub(super) end: Offset,
}

/// Names of a snapshot's parts.
pub(super) mod part {
    pub(in crate::app) const SERIES: &str = "series";
    pub(in crate::app) const LATEST: &str = "latest";
    pub(in crate::app) const BOARD: &str = "board";
    pub(in crate::app) const PASTS: &str = "pasts";
    pub(in crate::app) const BOOK: &str = "book";
    pub(in crate::app) const DELIVERIES: &str = "deliveries";
}

impl Projections {
    fn new() -> Self {
        let registry = Arc::new(SeriesRegistry::new());
        Self {
            latest: Arc::new(Latest::new(registry.clone())),
            registry,
            board: Arc::default(),
            pasts: Arc::default(),
            applied: Arc::default(),
            progress: watch::Sender::new(Offset::ZERO),
        }
    }

    /// Applies one record, unless it was applied before.
    fn apply(&self, record: &Record) {
        let mut applied = self.applied.lock();
        if record.first <= *applied && record.last() <= *applied {
            return;
        }
        if let Origin::Call(call) = &record.frame.origin {
            self.pasts.write().apply(call);
        }
        for (offset, event) in record.events() {
            if let Event::SeriesDefined { series } = event {
                self.define(series);
            }
            self.latest.apply(offset, record.frame.at, event);
            self.board.write().apply(EventId { epoch: record.epoch, offset }, record.frame.at, event);
        }
        *applied = record.last();
        drop(applied);
        self.progress.send_replace(record.last());
    }

    fn define(&self, series: &[(SeriesId, SeriesDefinition)]) {
        for (id, definition) in series {
            self.registry.restore(*id, definition.clone());
        }
    }

    /// Follows the journal until it closes.
    pub(super) async fn run(self, mut reader: Reader) {
        loop {
            match reader.next().await {
                Ok(Item::Record(record)) => self.apply(&record),
                Ok(Item::Skipped(skipped)) => {
                    tracing::error!(from = skipped.from.0, to = skipped.to.0, "the host's projections lost events");
                }
                Err(ReadError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read");
                    return;
                }
            }
        }
    }

    /// Follows up to where all have come.
    pub(super) fn progress(&self) -> watch::Receiver<Offset> {
        self.progress.subscribe()
    }

    /// Waits until everything up to `offset` is applied.
    pub(super) async fn reach(&self, offset: Offset) {
        // An error means that the sender is gone, which is `self`.
        let _ = self.progress.subscribe().wait_for(|applied| *applied >= offset).await;
    }
}

/// Rebuilds everything from a snapshot and the journal after it.
///
/// # Errors
/// The journal cannot be read.
pub(super) async fn restore(tail: &Tail, snapshot: Option<&Snapshot>) -> Result<Restored, ReadError> {
    let projections = Projections::new();
    let mut from = Offset::ZERO;
    let mut replay = Replay::new(Book::default(), Offset::ZERO);
    let (mut deliveries, mut delivered) = (Deliveries::default(), Offset::ZERO);
    if let Some(snapshot) = snapshot {
        match load(snapshot, &projections) {
            Some((saved_book, book, saved_deliveries)) => {
                from = snapshot.at.offset;
                replay = Replay::new(book, saved_book);
                (delivered, deliveries) = saved_deliveries;
            }
            None => tracing::warn!(at = %snapshot.at, "a snapshot is of another version, everything is replayed"),
        }
    }
    let mut reader = tail.reader(from.next());
    loop {
        let items = reader.batch(BATCH_MAX).await?;
        if items.is_empty() {
            break;
        }
        for item in items {
            let Item::Record(record) = item else { continue };
            projections.apply(&record);
            for (offset, event) in record.events() {
                let id = EventId { epoch: record.epoch, offset };
                replay.take(&record.frame.origin, id, record.frame.at, event);
                if offset > delivered {
                    deliveries.apply(id, record.frame.at, event);
                }
            }
        }
        tokio::task::yield_now().await;
    }
    let (book, undecided) = replay.finish();
    let end = Offset(reader.position().0.saturating_sub(1));
    let book_cursor = undecided.first().map_or(end, |ahead| Offset(ahead.id.offset.0.saturating_sub(1)));
    Ok(Restored { projections, book, undecided, book_cursor, deliveries, end })
}

/// The snapshot's parts; `None` where one is missing or cannot be read, so that nothing is restored by halves.
fn load(snapshot: &Snapshot, into: &Projections) -> Option<(Offset, Book, (Offset, Deliveries))> {
    fn read<T: serde::de::DeserializeOwned>(snapshot: &Snapshot, name: &str) -> Option<T> {
        snapshot.part(name).and_then(|bytes| postcard::from_bytes(bytes).ok())
    }
    let series: Vec<(SeriesId, SeriesDefinition)> = read(snapshot, part::SERIES)?;
    let (applied, latest): (Offset, LatestSnapshot) = read(snapshot, part::LATEST)?;
    let board: Board = read(snapshot, part::BOARD)?;
    let pasts: Pasts = read(snapshot, part::PASTS)?;
    let (saved_book, book): (Offset, Book) = read(snapshot, part::BOOK)?;
    let deliveries: (Offset, Deliveries) = read(snapshot, part::DELIVERIES)?;
    into.define(&series);
    into.registry.confirm(series.iter().map(|(id, _)| *id));
    into.latest.restore(&latest);
    *into.board.write() = board;
    *into.pasts.write() = pasts;
    *into.applied.lock() = applied;
    into.progress.send_replace(applied);
    Some((saved_book, book, deliveries))
}
