//! `GET /api/vigie/v1/events`: the journal, by offset, time and kind.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::wire::event::{Events, WireEvent};
use super::{Shared, Sources, problem};
use crate::event::Envelope;
use crate::journal::{Item, ReadError};
use crate::model::Offset;
use crate::model::time::parse_duration;

/// Events of one answer, unless `limit` says fewer.
pub(super) const EVENTS_DEFAULT: usize = 100;
/// Events of one answer, whatever `limit` says.
const EVENTS_MAX: usize = 1000;
/// Records that are read before other requests get a turn.
const BATCH: usize = 256;
/// How far back the search for the last events begins; it goes back further in steps that double.
const LOOK_BACK: u64 = 1024;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventQuery {
    /// From this offset on.
    pub(super) from: Option<u64>,
    /// From this long ago on.
    pub(super) since: Option<String>,
    /// The last so many.
    last: Option<usize>,
    /// At most so many.
    limit: Option<usize>,
    /// Only these kinds, separated by commas.
    kind: Option<String>,
}

/// Which kinds are wanted; `None` for all.
#[derive(Clone, Debug)]
pub(super) struct Kinds(Option<Vec<String>>);

impl Kinds {
    /// Whether an event of this kind is wanted.
    pub(super) fn want(&self, kind: &str) -> bool {
        self.0.as_ref().is_none_or(|kinds| kinds.iter().any(|wanted| wanted == kind))
    }
}

impl EventQuery {
    /// The kinds that are wanted.
    pub(super) fn kinds(&self) -> Kinds {
        Kinds(self.kind.as_ref().map(|kinds| kinds.split(',').map(|kind| kind.trim().to_owned()).collect()))
    }

    /// Where to begin, as `from` or `since` says; `None` without both.
    pub(super) async fn begin(&self, sources: &Sources) -> Result<Option<Offset>, Response> {
        match (self.from, &self.since) {
            (Some(_), Some(_)) => Err(refuse("`from` and `since` exclude each other, give one".into())),
            (Some(from), None) => Ok(Some(Offset(from.max(1)))),
            (None, Some(since)) => {
                let back = parse_duration(since).map_err(|error| refuse(format!("since: {error}")))?;
                sources.tail.offset_at(sources.clock.now() - back).await.map(Some).map_err(|error| unreadable(&error))
            }
            (None, None) => Ok(None),
        }
    }
}

/// A page of events.
pub(super) async fn list(
    State(sources): Shared,
    query: Result<Query<EventQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(error) => return refuse(format!("{}; known are from, since, last, limit, kind", error.body_text())),
    };
    match answer(&sources, &query).await {
        Ok(events) => Json(events).into_response(),
        Err(refusal) => refusal,
    }
}

async fn answer(sources: &Sources, query: &EventQuery) -> Result<Events, Response> {
    let (kinds, begin) = (query.kinds(), query.begin(sources).await?);
    let limit = query.limit.unwrap_or(EVENTS_DEFAULT).clamp(1, EVENTS_MAX);
    let found = match (begin, query.last) {
        (Some(_), Some(_)) => return Err(refuse("`last` goes with neither `from` nor `since`, give one".into())),
        (Some(from), None) => read(sources, from, limit, &kinds).await,
        (None, Some(last)) => read_last(sources, last.clamp(1, EVENTS_MAX), &kinds).await,
        (None, None) => read_last(sources, limit, &kinds).await,
    };
    found.map_err(|error| unreadable(&error))
}

/// Up to `limit` events from `from` on.
async fn read(sources: &Sources, from: Offset, limit: usize, kinds: &Kinds) -> Result<Events, ReadError> {
    let mut reader = sources.tail.reader(from);
    let (mut events, mut next) = (Vec::new(), from.0);
    loop {
        let items = reader.batch(BATCH).await?;
        if items.is_empty() {
            return Ok(Events { events, next });
        }
        for item in items {
            match item {
                Item::Skipped(skipped) => next = next.max(skipped.to.0 + 1),
                Item::Record(record) => {
                    for envelope in record.envelopes().filter(|envelope| envelope.id.offset >= from) {
                        if events.len() == limit {
                            return Ok(Events { events, next });
                        }
                        next = envelope.id.offset.0 + 1;
                        events.extend(wanted(&envelope, kinds));
                    }
                }
            }
        }
    }
}

/// The last `limit` events.
async fn read_last(sources: &Sources, limit: usize, kinds: &Kinds) -> Result<Events, ReadError> {
    let (end, oldest) = (sources.tail.last().0, sources.tail.oldest().0);
    let mut back = LOOK_BACK;
    loop {
        let from = (end + 1).saturating_sub(back).max(oldest).max(1);
        let mut found = read(sources, Offset(from), usize::MAX, kinds).await?;
        if found.events.len() >= limit || from <= oldest.max(1) {
            let surplus = found.events.len().saturating_sub(limit);
            found.events.drain(..surplus);
            return Ok(found);
        }
        back = back.saturating_mul(4);
    }
}

/// The event for the wire, if its kind is wanted.
pub(super) fn wanted(envelope: &Envelope, kinds: &Kinds) -> Option<WireEvent> {
    kinds.want(envelope.event.kind()).then(|| WireEvent::new(envelope))
}

/// A request that asks for what there is not.
pub(super) fn refuse(message: String) -> Response {
    problem(StatusCode::BAD_REQUEST, message).into_response()
}

fn unreadable(error: &ReadError) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, format!("the journal cannot be read: {error}")).into_response()
}
