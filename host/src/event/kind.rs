//! The names of events, and whom they are about.

use super::Event;
use crate::model::PluginName;

/// All kinds, in the order of the events.
pub const KINDS: [&str; 29] = [
    "host-started",
    "host-stopped",
    "journal-truncated",
    "segments-deleted",
    "plugin-loaded",
    "plugin-stopped",
    "plugin-refused",
    "call-trapped",
    "call-erred",
    "call-timed-out",
    "target-backed-off",
    "plugin-quarantined",
    "plugin-released",
    "capability-denied",
    "runs-missed",
    "series-defined",
    "family-clashed",
    "samples-collected",
    "check-completed",
    "rules-declared",
    "rule-evaluated",
    "alert-pended",
    "alert-dismissed",
    "alert-fired",
    "alert-resolved",
    "notification-sent",
    "notification-failed",
    "journal-damaged",
    "cursor-skipped",
];

impl Event {
    /// The kind's name as the API and the command line write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::HostStarted { .. } => "host-started",
            Self::HostStopped { .. } => "host-stopped",
            Self::JournalTruncated { .. } => "journal-truncated",
            Self::SegmentsDeleted { .. } => "segments-deleted",
            Self::PluginLoaded(_) => "plugin-loaded",
            Self::PluginStopped { .. } => "plugin-stopped",
            Self::PluginRefused { .. } => "plugin-refused",
            Self::CallTrapped { .. } => "call-trapped",
            Self::CallErred { .. } => "call-erred",
            Self::CallTimedOut { .. } => "call-timed-out",
            Self::TargetBackedOff { .. } => "target-backed-off",
            Self::PluginQuarantined { .. } => "plugin-quarantined",
            Self::PluginReleased { .. } => "plugin-released",
            Self::CapabilityDenied { .. } => "capability-denied",
            Self::RunsMissed { .. } => "runs-missed",
            Self::SeriesDefined { .. } => "series-defined",
            Self::FamilyClashed { .. } => "family-clashed",
            Self::SamplesCollected(_) => "samples-collected",
            Self::CheckCompleted { .. } => "check-completed",
            Self::RulesDeclared { .. } => "rules-declared",
            Self::RuleEvaluated(_) => "rule-evaluated",
            Self::AlertPended(_) => "alert-pended",
            Self::AlertDismissed(_) => "alert-dismissed",
            Self::AlertFired(_) => "alert-fired",
            Self::AlertResolved(_) => "alert-resolved",
            Self::NotificationSent(_) => "notification-sent",
            Self::NotificationFailed { .. } => "notification-failed",
            Self::JournalDamaged { .. } => "journal-damaged",
            Self::CursorSkipped { .. } => "cursor-skipped",
        }
    }

    /// The plugin that the event is about.
    #[must_use]
    pub fn plugin(&self) -> Option<&PluginName> {
        match self {
            Self::HostStarted { .. }
            | Self::HostStopped { .. }
            | Self::JournalTruncated { .. }
            | Self::JournalDamaged { .. }
            | Self::SegmentsDeleted { .. }
            | Self::SeriesDefined { .. } => None,
            Self::PluginLoaded(facts) => Some(&facts.plugin),
            Self::SamplesCollected(collected) => Some(&collected.plugin),
            Self::RuleEvaluated(evaluated) => Some(&evaluated.plugin),
            Self::AlertPended(change)
            | Self::AlertDismissed(change)
            | Self::AlertFired(change)
            | Self::AlertResolved(change) => Some(&change.plugin),
            Self::NotificationSent(delivery) | Self::NotificationFailed { delivery, .. } => Some(&delivery.receiver),
            Self::PluginStopped { plugin, .. }
            | Self::PluginRefused { plugin, .. }
            | Self::CallTrapped { plugin, .. }
            | Self::CallErred { plugin, .. }
            | Self::CallTimedOut { plugin, .. }
            | Self::TargetBackedOff { plugin, .. }
            | Self::PluginQuarantined { plugin, .. }
            | Self::PluginReleased { plugin }
            | Self::CapabilityDenied { plugin, .. }
            | Self::RunsMissed { plugin, .. }
            | Self::FamilyClashed { plugin, .. }
            | Self::CheckCompleted { plugin, .. }
            | Self::RulesDeclared { plugin, .. }
            | Self::CursorSkipped { plugin, .. } => Some(plugin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed() {
        let named: Vec<&str> =
            include_str!("kind.rs").lines().filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\",")).collect();
        assert_eq!(named, KINDS);
    }
}
