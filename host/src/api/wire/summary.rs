//! One sentence an event, for people: the page's list and `vigie events`.

use crate::event::{AlertChange, Collected, Event, RuleEvaluated};
use crate::model::{CheckReport, TargetName};

/// What happened, in a sentence without a full stop.
pub(super) fn summary(event: &Event) -> String {
    match event {
        Event::HostStarted { version } => format!("vigie {version} started"),
        Event::HostStopped { reason } => format!("host stopped: {reason}"),
        Event::JournalTruncated { segment, bytes, reason } => format!("cut {bytes} bytes off {segment}: {reason}"),
        Event::JournalDamaged { segment, kept, reason, .. } => {
            format!("{segment} is damaged ({reason}), its bytes are kept in {kept}")
        }
        Event::SegmentsDeleted { from, to, bytes } => {
            format!("deleted events {from} to {to} ({bytes} bytes) to keep the journal's size")
        }
        Event::SeriesDefined { series } => format!("{} series defined", series.len()),
        Event::FamilyClashed { plugin, family, kept, came } if kept == came => {
            format!("{plugin}: `{family}` came with another help or unit, the first ones stay")
        }
        Event::FamilyClashed { plugin, family, kept, came } => {
            let (kept, came) = (format!("{kept:?}").to_lowercase(), format!("{came:?}").to_lowercase());
            format!("{plugin}: `{family}` came as {came}, it is {kept}; its points were dropped")
        }
        Event::SamplesCollected(collected) => samples(collected),
        Event::CheckCompleted { plugin, target, report } => check(plugin.as_str(), target.as_ref(), report),
        Event::RulesDeclared { plugin, rules } => format!("{plugin}: {} rules declared", rules.len()),
        Event::RuleEvaluated(evaluated) => evaluation(evaluated),
        Event::AlertPended(change) => alert("pending", change),
        Event::AlertDismissed(change) => alert("inactive", change),
        Event::AlertFired(change) => alert("firing", change),
        Event::AlertResolved(change) => alert("resolved", change),
        Event::NotificationSent(delivery) => {
            format!("{} accepted {} (attempt {})", delivery.receiver, delivery.notification, delivery.attempt)
        }
        Event::NotificationFailed { delivery, error, retry_at } => {
            let then = retry_at.map_or_else(|| "given up".into(), |at| format!("next try at {at}"));
            format!(
                "{} did not accept {} (attempt {}): {error}; {then}",
                delivery.receiver, delivery.notification, delivery.attempt
            )
        }
        Event::CursorSkipped { plugin, skipped, reason } => {
            format!("{plugin}: skipped events {} to {}: {reason}", skipped.from.next(), skipped.to)
        }
        _ => plugin(event),
    }
}

/// The events about a plugin's life and calls.
fn plugin(event: &Event) -> String {
    match event {
        Event::PluginLoaded(facts) => format!("{} {} loaded ({})", facts.plugin, facts.version, facts.roles.join(", ")),
        Event::PluginStopped { plugin, reason } => format!("{plugin} stopped: {reason}"),
        Event::PluginRefused { plugin, file, error } => format!("{plugin} refused ({file}): {error}"),
        Event::CallTrapped { plugin, subject, message, .. } => {
            format!("{plugin} trapped{}: {}", about(subject.as_deref()), message.lines().next().unwrap_or_default())
        }
        Event::CallErred { plugin, subject, message, .. } => {
            format!("{plugin} returned an error{}: {message}", about(subject.as_deref()))
        }
        Event::CallTimedOut { plugin, subject, bound } => format!("{plugin} was stopped{}: {bound}", about(subject.as_deref())),
        Event::TargetBackedOff { plugin, target, until } => format!("{plugin}: target {target} is left alone until {until}"),
        Event::PluginQuarantined { plugin, reason, until } => format!("{plugin} quarantined until {until}: {reason}"),
        Event::PluginReleased { plugin } => format!("{plugin} released from quarantine"),
        Event::CapabilityDenied { plugin, capability, scope, hint } => {
            format!("{plugin} may not use {capability} on {scope}: {hint}")
        }
        Event::RunsMissed { plugin, target, count } => format!("{plugin}{}: {count} runs missed", on(target.as_ref())),
        _ => String::new(),
    }
}

fn about(subject: Option<&str>) -> String {
    subject.map(|subject| format!(" on {subject}")).unwrap_or_default()
}

fn on(target: Option<&TargetName>) -> String {
    about(target.map(|name| name.as_str()))
}

fn samples(collected: &Collected) -> String {
    let mut text = format!("{}{}: {} samples", collected.plugin, on(collected.target.as_ref()), collected.samples.len());
    if !collected.ended.is_empty() {
        text.push_str(&format!(", {} series ended", collected.ended.len()));
    }
    for drop in &collected.dropped {
        text.push_str(&format!(", {} dropped ({}: {})", drop.count, drop.reason.as_str(), drop.example));
    }
    text
}

fn check(plugin: &str, target: Option<&TargetName>, report: &CheckReport) -> String {
    format!("{plugin}{}: {}: {}", on(target), report.status.as_str(), report.message)
}

fn evaluation(evaluated: &RuleEvaluated) -> String {
    let rule = format!("{}/{}", evaluated.plugin, evaluated.rule);
    match &evaluated.error {
        Some(error) => format!("{rule}: {error}"),
        None => format!(
            "{rule}: {} began, {} changed, {} ended",
            evaluated.began.len(),
            evaluated.changed.len(),
            evaluated.ended.len()
        ),
    }
}

fn alert(state: &str, change: &AlertChange) -> String {
    let reason = change.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{} is {state}{reason}, value {}, {}", change.rule, change.value, change.labels)
}
