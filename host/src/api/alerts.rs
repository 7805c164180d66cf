//! `GET /api/vigie/v1/alerts`: what fires, what may, what fired lately.

use axum::Json;

use super::{Shared, wire};
use crate::alert::{AlertView, RuleView};

/// All alerts and rules.
pub(super) async fn list(sources: Shared) -> Json<wire::Alerts> {
    sources.settled(&sources.alerted).await;
    let book = sources.book.read();
    let alerts = book.alerts().iter().map(alert).collect();
    let rules = book.rules().iter().map(rule).collect();
    Json(wire::Alerts { alerts, rules })
}

fn alert(view: &AlertView<'_>) -> wire::Alert {
    wire::Alert {
        rule: view.rule.into(),
        plugin: view.plugin.to_string(),
        state: view.state.as_str(),
        labels: wire::object(view.labels),
        annotations: wire::object(view.annotations),
        value: wire::float(view.value),
        active_since: wire::time(view.active_since),
        fired_at: view.fired_at.map(wire::time),
        resolved_at: view.resolved_at.map(wire::time),
        reason: view.reason.map(Into::into),
        unevaluated: view.unevaluated.map(Into::into),
        fingerprint: view.fingerprint.to_string(),
    }
}

fn rule(view: &RuleView<'_>) -> wire::Rule {
    wire::Rule {
        plugin: view.plugin.to_string(),
        name: view.rule.name.clone(),
        expression: view.rule.expression.clone(),
        state: view.state.as_str(),
        evaluated_at: view.evaluated_at.map(wire::time),
        error: view.error.map(Into::into),
    }
}
