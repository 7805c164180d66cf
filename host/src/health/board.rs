//! The board itself: one entry per check and target, applied from events.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rollup::Rollup;
use crate::alert::CheckNote;
use crate::event::Event;
use crate::model::{CheckReport, EventId, Labels, Name, PluginName, Status, TargetName, Timestamp};

/// Changes of status that an entry remembers; the oldest are forgotten, [`Health::changes_total`] goes on counting.
pub const CHANGES_KEPT_MAX: usize = 100;

/// How far back changes between up, degraded and down count as flaps.
pub const FLAP_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Names an entry: the check, and its target (`None`: the machine itself).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BoardKey {
    /// The health check plugin.
    pub check: PluginName,
    /// Its target.
    pub target: Option<TargetName>,
}

/// A change of status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The status before; `None` at the first run.
    pub from: Option<Status>,
    /// The status after.
    pub to: Status,
    /// What the check said.
    pub message: String,
    /// Whether both this status and the last one that was not unknown are known, and differ.
    pub is_flap: bool,
    /// The event.
    pub event: EventId,
}

/// What is known of one target by one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// By the last run; unknown too while the check is in quarantine.
    pub status: Status,
    /// When the status last changed.
    pub since: Timestamp,
    /// What the last run said.
    pub message: String,
    /// How long the target took in the last run.
    pub latency: Option<Duration>,
    /// Facts of the last run.
    pub details: Labels,
    /// When the last run was recorded.
    pub checked_at: Timestamp,
    /// Runs in a row with this status.
    pub consecutive: u64,
    /// All runs.
    pub runs_total: u64,
    /// All changes of status, the first run's aside.
    pub changes_total: u64,
    /// The newest changes, oldest first.
    pub changes: VecDeque<Change>,
    /// The last status that was not unknown.
    pub known: Option<Status>,
}

impl Health {
    /// How often the status went between up, degraded and down within [`FLAP_WINDOW`] before `now`, as far as remembered.
    #[must_use]
    pub fn flaps(&self, now: Timestamp) -> usize {
        self.changes.iter().filter(|change| change.is_flap && now.since(change.at) < FLAP_WINDOW).count()
    }
}

/// The status of all targets. Save and restore it with serde (postcard; its map has keys that JSON cannot have).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    entries: BTreeMap<BoardKey, Health>,
}

impl Board {
    /// Takes an event into account.
    pub fn apply(&mut self, id: EventId, at: Timestamp, event: &Event) {
        match event {
            Event::CheckCompleted { plugin, target, report } => {
                let key = BoardKey { check: plugin.clone(), target: target.clone() };
                self.complete(key, id, at, report);
            }
            Event::PluginQuarantined { plugin, reason, .. } => {
                for health in self.entries.iter_mut().filter(|(key, _)| key.check == *plugin).map(|(_, health)| health) {
                    health.become_status(Status::Unknown, &format!("check is in quarantine: {reason}"), id, at);
                }
            }
            Event::PluginStopped { plugin, reason } if reason == "removed" => {
                self.entries.retain(|key, _| key.check != *plugin);
            }
            _ => {}
        }
    }

    /// Forgets what is no longer configured: entries for which `is_configured` is false. To be called when a check's targets are
    /// known, since no event tells them.
    pub fn retain(&mut self, is_configured: impl Fn(&BoardKey) -> bool) {
        self.entries.retain(|key, _| is_configured(key));
    }

    /// One entry.
    #[must_use]
    pub fn get(&self, check: &PluginName, target: Option<&TargetName>) -> Option<&Health> {
        self.entries.get(&BoardKey { check: check.clone(), target: target.cloned() })
    }

    /// All entries by check and target.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&BoardKey, &Health)> {
        self.entries.iter()
    }

    /// What annotations tell about the labels `check` and `target`. A target that is not on the board stands for the machine
    /// itself, whose label is its hostname.
    #[must_use]
    pub fn note(&self, check: &str, target: &str) -> Option<CheckNote> {
        let (check, target) = (Name::new(check).ok()?, Name::new(target).ok()?);
        let health = self.get(&check, Some(&target)).or_else(|| self.get(&check, None))?;
        Some(CheckNote { message: health.message.clone(), since: health.since })
    }

    /// What all entries add up to.
    #[must_use]
    pub fn overall(&self) -> Rollup {
        self.entries.values().map(|health| health.status).collect()
    }

    /// What each check's entries add up to.
    #[must_use]
    pub fn by_check(&self) -> BTreeMap<PluginName, Rollup> {
        let mut rollups: BTreeMap<_, Rollup> = BTreeMap::new();
        for (key, health) in &self.entries {
            rollups.entry(key.check.clone()).or_default().add(health.status);
        }
        rollups
    }

    /// What all checks of each target add up to.
    #[must_use]
    pub fn by_target(&self) -> BTreeMap<Option<TargetName>, Rollup> {
        let mut rollups: BTreeMap<_, Rollup> = BTreeMap::new();
        for (key, health) in &self.entries {
            rollups.entry(key.target.clone()).or_default().add(health.status);
        }
        rollups
    }

    fn complete(&mut self, key: BoardKey, id: EventId, at: Timestamp, report: &CheckReport) {
        let health = self.entries.entry(key).or_insert_with(|| Health::first(id, at, report));
        health.become_status(report.status, &report.message, id, at);
        health.latency = report.latency;
        health.details = report.details.clone();
        health.checked_at = at;
        health.consecutive += 1;
        health.runs_total += 1;
    }
}

impl Health {
    /// An entry at its first run, which is not yet counted.
    fn first(id: EventId, at: Timestamp, report: &CheckReport) -> Self {
        let (status, message) = (report.status, report.message.clone());
        let first = Change { at, from: None, to: status, message: message.clone(), is_flap: false, event: id };
        Self {
            status,
            since: at,
            message,
            latency: None,
            details: Labels::default(),
            checked_at: at,
            consecutive: 0,
            runs_total: 0,
            changes_total: 0,
            changes: [first].into(),
            known: (status != Status::Unknown).then_some(status),
        }
    }

    fn become_status(&mut self, to: Status, message: &str, event: EventId, at: Timestamp) {
        message.clone_into(&mut self.message);
        if to == self.status {
            return;
        }
        let is_flap = to != Status::Unknown && self.known.is_some_and(|known| known != to);
        if self.changes.len() >= CHANGES_KEPT_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(Change { at, from: Some(self.status), to, message: message.into(), is_flap, event });
        self.changes_total += 1;
        (self.status, self.since, self.consecutive) = (to, at, 0);
        if to != Status::Unknown {
            self.known = Some(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Epoch, Offset};

    fn id(offset: u64) -> EventId {
        EventId { epoch: Epoch(0), offset: Offset(offset) }
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn completed(check: &str, target: Option<&str>, status: Status, message: &str) -> Event {
        let report = CheckReport { status, message: message.into(), latency: None, details: Labels::default() };
        Event::CheckCompleted { plugin: name(check), target: target.map(name), report }
    }

    /// A board after one status a minute of the check `http` on `shop`.
    fn board(statuses: &[Status]) -> Board {
        let mut board = Board::default();
        for (at, status) in (0_u64..).zip(statuses) {
            let event = completed("http", Some("shop"), *status, &format!("run {at}"));
            board.apply(id(at), Timestamp(0) + Duration::from_secs(at * 60), &event);
        }
        board
    }

    fn shop(board: &Board) -> &Health {
        board.get(&name("http"), Some(&name("shop"))).unwrap()
    }

    #[test]
    fn since_is_the_last_change_and_the_message_the_last_run() {
        use Status::{Down, Up};
        let board = board(&[Up, Up, Down, Down, Down]);
        let health = shop(&board);
        assert_eq!((health.status, health.since, health.checked_at), (Down, Timestamp(120_000), Timestamp(240_000)));
        assert_eq!((health.message.as_str(), health.consecutive, health.runs_total), ("run 4", 3, 5));
        assert_eq!((health.changes_total, health.flaps(health.checked_at)), (1, 1));
        let note = board.note("http", "shop").unwrap();
        assert_eq!((note.message.as_str(), note.since), ("run 4", Timestamp(120_000)));
        assert_eq!(board.note("http", "other"), None);
    }

    #[test]
    fn not_knowing_is_a_change_but_no_flap() {
        use Status::{Down, Unknown, Up};
        let board = board(&[Unknown, Up, Unknown, Up, Unknown, Down]);
        let health = shop(&board);
        assert_eq!((health.changes_total, health.flaps(health.checked_at)), (5, 1));
        assert_eq!(health.flaps(health.checked_at + FLAP_WINDOW), 0);
    }

    #[test]
    fn the_machine_itself_answers_for_its_hostname() {
        let mut board = Board::default();
        board.apply(id(1), Timestamp(5), &completed("disk", None, Status::Degraded, "full"));
        assert_eq!(board.note("disk", "host-1").unwrap().message, "full");
    }

    #[test]
    fn quarantine_makes_unknown_and_removal_forgets() {
        let mut board = board(&[Status::Up]);
        board.apply(id(8), Timestamp(9), &completed("ping", Some("shop"), Status::Down, "lost"));
        let quarantined = Event::PluginQuarantined { plugin: name("http"), reason: "5 traps".into(), until: Timestamp(99) };
        board.apply(id(9), Timestamp(10), &quarantined);
        assert_eq!((shop(&board).status, shop(&board).message.as_str()), (Status::Unknown, "check is in quarantine: 5 traps"));
        assert_eq!(board.overall().to_string(), "down (1 down, 1 unknown)");
        assert_eq!(board.by_check()[&name("http")].status(), Status::Unknown);
        assert_eq!(board.by_target()[&Some(name("shop"))].status(), Status::Down);

        for (reason, entries) in [("changed", 2), ("shutdown", 2), ("removed", 1)] {
            let stopped = Event::PluginStopped { plugin: name("http"), reason: reason.into() };
            board.apply(id(10), Timestamp(11), &stopped);
            assert_eq!(board.iter().len(), entries, "{reason}");
        }
        board.retain(|key| key.check != name("ping"));
        assert_eq!(board.iter().len(), 0);
    }

    proptest! {
        #[test]
        fn a_saved_board_goes_on_like_the_one_that_never_stopped(runs in prop::collection::vec(0_usize..4, 0..300), cut in 0_usize..300) {
            let statuses: Vec<_> = runs.iter().map(|at| Status::ALL[*at]).collect();
            let whole = board(&statuses);
            let cut = cut.min(statuses.len());
            let saved = postcard::to_stdvec(&board(&statuses[..cut])).unwrap();
            let mut rest: Board = postcard::from_bytes(&saved).unwrap();
            for (at, status) in (0_u64..).zip(&statuses).skip(cut) {
                let event = completed("http", Some("shop"), *status, &format!("run {at}"));
                rest.apply(id(at), Timestamp(0) + Duration::from_secs(at * 60), &event);
            }
            prop_assert_eq!(&rest, &whole);
            if let Some(health) = whole.get(&name("http"), Some(&name("shop"))) {
                prop_assert!(health.changes.len() <= CHANGES_KEPT_MAX);
                prop_assert_eq!(health.runs_total, statuses.len() as u64);
                let last_change = statuses.windows(2).rposition(|pair| pair[0] != pair[1]).map_or(0, |at| at + 1);
                prop_assert_eq!(health.since, Timestamp(last_change as i64 * 60_000));
                prop_assert_eq!(health.consecutive, (statuses.len() - last_change) as u64);
            }
        }
    }
}
