//! `/-/healthy`, `/-/ready`, and what answers here.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Shared, problem, wire};

/// Alive: this answers.
pub(super) async fn healthy() -> &'static str {
    "vigie is healthy\n"
}

/// Ready to take facts: the journal accepts, and the plugins that were there at the start were tried.
pub(super) async fn ready(sources: Shared) -> Response {
    match (sources.trouble)() {
        None => "vigie is ready\n".into_response(),
        Some(trouble) => problem(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {trouble}")).into_response(),
    }
}

/// What answers here.
pub(super) async fn about(sources: Shared) -> Json<wire::About> {
    Json(wire::About {
        name: "vigie",
        version: env!("CARGO_PKG_VERSION"),
        epoch: sources.epoch.0,
        written: sources.tail.last().0,
        synced: sources.tail.synced().borrow().0,
    })
}
