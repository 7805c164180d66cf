//! HTTP: metrics, health, the API and the page. Reads projections; changes nothing.

pub mod guard;
pub mod wire;

mod alerts;
mod events;
mod health;
mod metrics;
mod page;
mod plugins;
mod stream;
mod targets;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use parking_lot::RwLock;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::alert::Book;
use crate::clock::Clock;
use crate::exposition::HostFacts;
use crate::health::Board;
use crate::journal::Tail;
use crate::latest::Latest;
use crate::model::{Epoch, Offset};
use crate::plugin::log::Logs;
use crate::plugin::roster::Roster;
use crate::telemetry::Telemetry;

/// What the handlers read. Everything is shared; nothing is changed here.
pub struct Sources {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The journal's newest part, and the way to the older ones.
    pub tail: Tail,
    /// The latest values.
    pub latest: Arc<Latest>,
    /// Targets' status.
    pub board: Arc<RwLock<Board>>,
    /// Alerts.
    pub book: Arc<RwLock<Book>>,
    /// Plugins.
    pub roster: Arc<Roster>,
    /// Plugins' logs.
    pub logs: Arc<Logs>,
    /// The host's own numbers.
    pub telemetry: Arc<Telemetry>,
    /// What the host says of itself.
    pub facts: HostFacts,
    /// The journal's epoch.
    pub epoch: Epoch,
    /// Why the host cannot take facts at present, if so.
    pub trouble: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// Up to where the newest values and the targets' status show the journal.
    pub applied: watch::Receiver<Offset>,
    /// Up to where the alerts show it.
    pub alerted: watch::Receiver<Offset>,
    /// Turns true when the host shuts down, so that streams end.
    pub closing: watch::Receiver<bool>,
}

/// How long an answer waits for a projection that is behind; then it shows what is there.
const SETTLE_MAX: Duration = Duration::from_secs(1);

impl Sources {
    /// Waits until a projection shows what the journal has by now, so that who saw an event finds it on every page.
    async fn settled(&self, projection: &watch::Receiver<Offset>) {
        let (end, mut projection) = (self.tail.last(), projection.clone());
        drop(tokio::time::timeout(SETTLE_MAX, projection.wait_for(|shown| *shown >= end)).await);
    }
}

/// What handlers get.
type Shared = axum::extract::State<Arc<Sources>>;

/// All routes, guarded.
pub fn router(sources: Arc<Sources>, hosts: guard::AllowedHosts) -> Router {
    let api = Router::new()
        .route("/", get(health::about))
        .route("/plugins", get(plugins::list))
        .route("/plugins/{name}", get(plugins::one))
        .route("/targets", get(targets::list))
        .route("/alerts", get(alerts::list))
        .route("/events", get(events::list))
        .route("/events/stream", get(stream::follow))
        .fallback(unknown);
    Router::new()
        .nest("/api/vigie/v1", api)
        .route("/metrics", get(metrics::page))
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(health::ready))
        .merge(page::routes())
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(hosts, guard::check))
        .with_state(sources)
}

/// Serves until `shutdown` completes, then lets requests in flight end.
///
/// # Errors
/// The listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn unknown(uri: axum::http::Uri) -> impl IntoResponse {
    problem(StatusCode::NOT_FOUND, format!("nothing is at `{}`, see /api/vigie/v1/", uri.path()))
}

/// An answer that says what is wrong.
fn problem(status: StatusCode, error: String) -> (StatusCode, Json<wire::Problem>) {
    (status, Json(wire::Problem { error }))
}
