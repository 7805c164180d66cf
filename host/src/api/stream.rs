//! `GET /api/vigie/v1/events/stream`: events as they happen, by server-sent events. Each message's id is the event's, so that a
//! browser that lost the connection goes on where it was (`Last-Event-ID`).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde_json::json;
use tokio::sync::watch;

use super::events::{EventQuery, Kinds, refuse, wanted};
use super::{Shared, Sources};
use crate::journal::{Item, Reader};
use crate::model::{EventId, Offset};

/// A comment this often keeps idle connections open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that a slow reader may be behind; beyond it, it is told and goes on with the newest.
const BEHIND_MAX: u64 = 100_000;

/// Follows from `from`, `since` or `Last-Event-ID`, else from now.
pub(super) async fn follow(
    State(sources): Shared,
    headers: HeaderMap,
    query: Result<Query<EventQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(error) => return refuse(format!("{}; known are from, since, kind", error.body_text())),
    };
    let begin = match (resumed(&sources, &headers), query.begin(&sources).await) {
        (_, Err(refusal)) => return refusal,
        (Some(resumed), Ok(_)) => resumed,
        (None, Ok(begin)) => begin.unwrap_or(sources.tail.last().next()),
    };
    let follower = Follower {
        reader: sources.tail.reader(begin),
        begin,
        kinds: query.kinds(),
        ready: VecDeque::new(),
        closing: sources.closing.clone(),
        lags_from: sources.tail.last(),
        sources,
    };
    Sse::new(follower.messages()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Behind the last event that this client saw, if that is of this epoch.
fn resumed(sources: &Sources, headers: &HeaderMap) -> Option<Offset> {
    let id: EventId = headers.get("last-event-id")?.to_str().ok()?.parse().ok()?;
    (id.epoch == sources.epoch).then(|| id.offset.next())
}

/// One client's way through the journal.
struct Follower {
    reader: Reader,
    begin: Offset,
    kinds: Kinds,
    ready: VecDeque<Message>,
    closing: watch::Receiver<bool>,
    /// What is older than this was asked for, however far behind it is.
    lags_from: Offset,
    sources: Arc<Sources>,
}

impl Follower {
    fn messages(self) -> impl Stream<Item = Result<Message, Infallible>> {
        futures_util::stream::unfold(self, |mut follower| async move {
            let message = follower.next().await?;
            Some((Ok(message), follower))
        })
    }

    /// The next message; `None` when the host ends or the journal cannot be read.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            let item = tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                item = self.reader.next() => item.ok()?,
            };
            self.take(&item);
        }
    }

    fn take(&mut self, item: &Item) {
        match item {
            Item::Skipped(skipped) => self.lagged(skipped.from, skipped.to),
            Item::Record(record) => {
                let end = self.sources.tail.last();
                if record.first > self.lags_from && end.0.saturating_sub(record.first.0) > BEHIND_MAX {
                    self.lagged(record.first, end);
                    self.reader = self.sources.tail.reader(end.next());
                    return;
                }
                let fresh = record.envelopes().filter(|envelope| envelope.id.offset >= self.begin);
                let events = fresh.filter_map(|envelope| wanted(&envelope, &self.kinds));
                self.ready.extend(events.filter_map(|event| Message::default().id(&event.id).json_data(&event).ok()));
            }
        }
    }

    fn lagged(&mut self, from: Offset, to: Offset) {
        self.sources.telemetry.stream_lagged.add(to.0.saturating_sub(from.0) + 1);
        let told = json!({ "from": from.0, "to": to.0 });
        self.ready.push_back(Message::default().event("lagged").data(told.to_string()));
    }
}
