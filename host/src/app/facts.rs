//! What the host says of itself when it starts.

use crate::event::Event;
use crate::journal::Recovery;

/// The start, after what opening the journal found.
pub(super) fn opening(recovery: &Recovery) -> Vec<Event> {
    let mut events = Vec::new();
    for cut in &recovery.truncated {
        tracing::warn!(segment = cut.segment, bytes = cut.bytes, reason = cut.reason, "the journal's end was cut");
        events.push(Event::JournalTruncated { segment: cut.segment.clone(), bytes: cut.bytes, reason: cut.reason.clone() });
    }
    for damaged in &recovery.damaged {
        let kept = damaged.kept.display().to_string();
        tracing::error!(segment = damaged.segment, kept, reason = damaged.reason, "a part of the journal is damaged");
        events.push(Event::JournalDamaged {
            segment: damaged.segment.clone(),
            kept,
            bytes: damaged.bytes,
            reason: damaged.reason.clone(),
            lost: damaged.lost,
        });
    }
    events.push(Event::HostStarted { version: env!("CARGO_PKG_VERSION").into() });
    events
}
