//! `GET /api/vigie/v1/plugins`: what runs, and what it costs.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Shared, Sources, problem, wire};
use crate::model::{DropReason, Name, PluginName};
use crate::plugin::roster::PluginStatus;
use crate::telemetry::CallEnd;

/// Lines of its log that a plugin's entry in the list carries.
const LOG_LINES_LISTED: usize = 5;

/// All plugins by name.
pub(super) async fn list(sources: Shared) -> Json<wire::Plugins> {
    let all = sources.roster.all();
    let plugins = all.iter().map(|(name, status)| plugin(&sources, name, status, LOG_LINES_LISTED));
    Json(wire::Plugins { plugins: plugins.collect() })
}

/// One plugin with all the lines of its log that are kept.
pub(super) async fn one(sources: Shared, Path(name): Path<String>) -> Response {
    let known = Name::new(&name).ok().and_then(|name| sources.roster.get(&name).map(|status| (name, status)));
    match known {
        Some((name, status)) => Json(plugin(&sources, &name, &status, usize::MAX)).into_response(),
        None => {
            let message = format!("there is no plugin `{}`, see /api/vigie/v1/plugins", name.escape_debug());
            problem(StatusCode::NOT_FOUND, message).into_response()
        }
    }
}

fn plugin(sources: &Sources, name: &PluginName, status: &PluginStatus, lines: usize) -> wire::Plugin {
    let meter = sources.telemetry.plugin(name);
    let dropped = DropReason::ALL.into_iter().map(|reason| (reason.as_str(), meter.dropped(reason)));
    wire::Plugin {
        name: name.to_string(),
        state: status.state.as_str(),
        version: status.version.clone(),
        description: status.description.clone(),
        roles: status.roles.clone(),
        file: status.file.clone(),
        digest: status.digest.clone(),
        error: status.error.clone(),
        generation: status.generation,
        calls: CallEnd::ALL.into_iter().map(|end| (end.as_str(), meter.calls(end))).collect(),
        call_seconds: meter.call_time().as_secs_f64(),
        cpu_seconds: meter.cpu_time().as_secs_f64(),
        memory_bytes: meter.memory_bytes.get(),
        samples: wire::Samples {
            taken: meter.taken.get(),
            applied: meter.applied.get(),
            dropped: dropped.filter(|(_, count)| *count > 0).collect(),
            queued: meter.queued.get(),
        },
        missed_runs: meter.missed.get(),
        denied: meter.denied.get(),
        log: log(sources, name, lines),
    }
}

fn log(sources: &Sources, name: &PluginName, lines: usize) -> Vec<wire::LogLine> {
    let kept = sources.logs.get(name).map(|log| log.lines()).unwrap_or_default();
    let newest = kept.len().saturating_sub(lines);
    let line = |line: &crate::plugin::log::Line| wire::LogLine {
        at: wire::time(line.at),
        level: line.level.as_str().into(),
        message: line.message.clone(),
        fields: line.fields.iter().cloned().collect(),
    };
    kept[newest..].iter().map(line).collect()
}
