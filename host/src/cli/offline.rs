//! The journal of a data directory as events, without a running host and without changing anything.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::api::wire::event::WireEvent;
use crate::clock::{Clock, SystemClock};
use crate::journal::{Item, read_dir};
use crate::model::Offset;

use super::events::Begin;

/// Hands every event from `begin` on that `wanted` takes to `show`, until that answers `false`.
pub(super) fn each(
    data_dir: &Path,
    begin: Begin,
    wanted: impl Fn(&str) -> bool,
    mut show: impl FnMut(&Value) -> Result<bool>,
) -> Result<()> {
    let journal = read_dir(data_dir).with_context(|| format!("cannot read the journal of `{}`", data_dir.display()))?;
    let from = match begin {
        Begin::From(offset) => Offset(offset.max(1)),
        Begin::Since(since) => journal.offset_at(SystemClock.now() - since)?,
        Begin::Newest(_) => journal.oldest(),
    };
    let mut newest = Newest::new(begin);
    for item in journal.items(from) {
        // What is not there any more is no event.
        let Item::Record(record) = item? else { continue };
        for envelope in record.envelopes().filter(|envelope| envelope.id.offset >= from && wanted(envelope.event.kind())) {
            let event = serde_json::to_value(WireEvent::new(&envelope))?;
            if let Some(event) = newest.keep(event)
                && !show(&event)?
            {
                return Ok(());
            }
        }
    }
    for event in newest.kept {
        if !show(&event)? {
            return Ok(());
        }
    }
    Ok(())
}

/// The last events, where only those are asked for: until the journal has ended, any may be among them.
struct Newest {
    count: usize,
    kept: std::collections::VecDeque<Value>,
}

impl Newest {
    fn new(begin: Begin) -> Self {
        let count = if let Begin::Newest(count) = begin { count } else { 0 };
        Self { count, kept: std::collections::VecDeque::new() }
    }

    /// Gives the event back where all are asked for.
    fn keep(&mut self, event: Value) -> Option<Value> {
        if self.count == 0 {
            return Some(event);
        }
        self.kept.push_back(event);
        if self.kept.len() > self.count {
            self.kept.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{Event, Frame, Origin};
    use crate::journal::{Journal, Settings};
    use crate::model::Timestamp;

    fn offsets(data_dir: &Path, begin: Begin, kind: &str) -> Vec<u64> {
        let mut seen = Vec::new();
        each(
            data_dir,
            begin,
            |other| other == kind,
            |event| {
                seen.push(event["offset"].as_u64().unwrap());
                Ok(seen.len() < 3)
            },
        )
        .unwrap();
        seen
    }

    #[test]
    fn the_journal_of_a_stopped_host_is_read_from_where_it_was_asked() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), Settings::default()).unwrap();
        for at in 1..=5 {
            let stopped = Event::HostStopped { reason: at.to_string() };
            let events = vec![Event::HostStarted { version: at.to_string() }, stopped];
            journal.append(Frame { at: Timestamp(at), origin: Origin::Host, events }).unwrap();
        }
        journal.close().unwrap();
        assert_eq!(offsets(dir.path(), Begin::From(6), "host-started"), [7, 9]);
        assert_eq!(offsets(dir.path(), Begin::From(0), "host-stopped"), [2, 4, 6], "it ends when nobody reads on");
        assert_eq!(offsets(dir.path(), Begin::Newest(2), "host-started"), [7, 9]);
        assert_eq!(offsets(dir.path(), Begin::Since(Duration::from_secs(60)), "host-started"), [0; 0]);
    }

    #[test]
    fn a_directory_without_a_journal_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = each(&dir.path().join("none"), Begin::From(1), |_| true, |_| Ok(true)).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot read the journal of `"), "{error:#}");
    }
}
