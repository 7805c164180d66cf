//! Saves what the host keeps of the past from time to time, and lets the journal delete what is covered.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::projections::{Projections, part};
use crate::alert::Book;
use crate::bus::{Accept, Bus};
use crate::clock::Clock;
use crate::event::{Event, Frame, Origin};
use crate::journal::{Snapshots, Tail};
use crate::model::{Epoch, EventId, Offset};
use crate::notify::driver::Ledger;

/// Between two snapshots: what has to be replayed after a kill, at most.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(300);
/// How often the journal's size is looked at.
const SIZE_EVERY: Duration = Duration::from_secs(10);

/// Takes snapshots.
pub(super) struct Keeper {
    pub(super) snapshots: Snapshots,
    pub(super) projections: Projections,
    pub(super) book: Arc<RwLock<Book>>,
    pub(super) book_cursor: watch::Receiver<Offset>,
    pub(super) deliveries: Ledger,
    pub(super) tail: Tail,
    pub(super) epoch: Epoch,
    pub(super) retain_bytes: u64,
    pub(super) bus: Bus,
    pub(super) clock: Arc<dyn Clock>,
}

type Parts = Vec<(&'static str, Vec<u8>)>;

impl Keeper {
    /// Saves on its interval and when the journal outgrows its size, until `stop` turns true.
    pub(super) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut since = Duration::ZERO;
        while tokio::time::timeout(SIZE_EVERY, stop.wait_for(|stop| *stop)).await.is_err() {
            since += SIZE_EVERY;
            let is_over = self.tail.size().1 > self.retain_bytes;
            if since >= SNAPSHOT_EVERY || is_over {
                since = Duration::ZERO;
                if let Err(error) = self.save().await {
                    tracing::error!(error = format!("{error:#}"), "no snapshot could be taken, the next start takes longer");
                }
            }
        }
    }

    /// Takes a snapshot, and deletes the oldest segments if the journal is over its size.
    pub(super) async fn save(&self) -> Result<()> {
        let (from, to, parts) = self.collect()?;
        self.tail.synced().wait_for(|synced| *synced >= to).await.context("the journal is closed")?;
        let (snapshots, epoch) = (self.snapshots.clone(), self.epoch);
        let write = move || {
            let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
            snapshots.write(EventId { epoch, offset: from }, &parts)
        };
        tokio::task::spawn_blocking(write).await?.context("writing a snapshot")?;
        let (tail, retain_bytes) = (self.tail.clone(), self.retain_bytes);
        let deleted =
            tokio::task::spawn_blocking(move || tail.retain(retain_bytes, from)).await?.context("deleting segments")?;
        if let Some(deleted) = deleted {
            self.record(Event::SegmentsDeleted { from: deleted.from, to: deleted.to, bytes: deleted.bytes }).await;
        }
        Ok(())
    }

    /// Records a fact about the journal or the host.
    pub(super) async fn record(&self, event: Event) {
        let frame = Frame { at: self.clock.now(), origin: Origin::Host, events: vec![event] };
        if let Err(error) = self.bus.submit(frame, Accept::Default).await {
            tracing::error!(%error, "a fact about the host could not be recorded");
        }
    }

    /// Each part with its own cursor; the first and the last of these.
    fn collect(&self) -> Result<(Offset, Offset, Parts)> {
        let applied = self.projections.applied.lock();
        let series = postcard::to_stdvec(&self.projections.registry.snapshot())?;
        let latest = postcard::to_stdvec(&(*applied, self.projections.latest.snapshot()))?;
        let board = postcard::to_stdvec(&*self.projections.board.read())?;
        let pasts = postcard::to_stdvec(&*self.projections.pasts.read())?;
        let applied = *applied;
        let (book, book_cursor) = {
            let book = self.book.read();
            let cursor = *self.book_cursor.borrow();
            (postcard::to_stdvec(&(cursor, &*book))?, cursor)
        };
        let (deliveries, delivered) = {
            let ledger = self.deliveries.lock();
            (postcard::to_stdvec(&(ledger.1, &ledger.0))?, ledger.1)
        };
        let cursors = [applied, book_cursor, delivered];
        let from = cursors.into_iter().min().unwrap_or_default();
        let to = cursors.into_iter().max().unwrap_or_default();
        let parts = vec![
            (part::SERIES, series),
            (part::LATEST, latest),
            (part::BOARD, board),
            (part::PASTS, pasts),
            (part::BOOK, book),
            (part::DELIVERIES, deliveries),
        ];
        Ok((from, to, parts))
    }
}
