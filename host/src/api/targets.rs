//! `GET /api/vigie/v1/targets`: what health checks say.

use axum::Json;

use super::{Shared, wire};

/// All targets by check and name.
pub(super) async fn list(sources: Shared) -> Json<wire::Targets> {
    sources.settled(&sources.applied).await;
    let now = sources.clock.now();
    let board = sources.board.read();
    let targets = board.iter().map(|(key, health)| {
        let name = key.target.as_ref().map_or_else(String::new, ToString::to_string);
        wire::Target {
            plugin: key.check.to_string(),
            address: sources.roster.get(&key.check).and_then(|status| status.addresses.get(&name).cloned()),
            target: name,
            status: health.status.as_str(),
            since: wire::time(health.since),
            checked_at: wire::time(health.checked_at),
            message: health.message.clone(),
            latency_ms: health.latency.map(|latency| latency.as_secs_f64() * 1000.0),
            flaps: health.flaps(now) as u64,
            details: wire::object(&health.details),
        }
    });
    Json(wire::Targets { targets: targets.collect() })
}
