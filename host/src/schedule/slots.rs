//! Which jobs are due, which are in flight, and which runs were missed. Pure: time comes in.

use std::time::Duration;

use crate::model::Timestamp;
use crate::schedule::timetable::Timetable;

#[derive(Debug)]
struct Slot {
    table: Timetable,
    due: Timestamp,
    in_flight: bool,
    missed: u64,
}

/// A job's run that begins now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The job's place.
    pub slot: usize,
    /// Runs that it missed since its last one began.
    pub missed: u64,
}

/// What one look at the clock gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Runs to begin.
    pub starts: Vec<Start>,
    /// Runs that were missed since the last look.
    pub missed: u64,
}

/// The jobs of one schedule by their places.
#[derive(Debug)]
pub struct Slots(Vec<Slot>);

impl Slots {
    /// One slot a timetable; all begin soon after `now`.
    #[must_use]
    pub fn new(tables: impl IntoIterator<Item = Timetable>, now: Timestamp) -> Self {
        Self(tables.into_iter().map(|table| Slot { due: table.first(now), table, in_flight: false, missed: 0 }).collect())
    }

    /// The time to the next run; `None` without jobs.
    #[must_use]
    pub fn until_due(&self, now: Timestamp) -> Option<Duration> {
        self.0.iter().map(|slot| slot.due).min().map(|due| due.since(now))
    }

    /// Begins what is due; a run that meets one in flight is missed, and so is one that nobody looked for in time.
    pub fn take_due(&mut self, now: Timestamp) -> Due {
        let mut taken = Due::default();
        for (place, slot) in self.0.iter_mut().enumerate() {
            if slot.due > now {
                // A clock that was set back must not silence a job for as long.
                slot.due = slot.due.min(slot.table.next(now));
                continue;
            }
            let passed = slot.table.runs_between(slot.due, now) + u64::from(slot.in_flight);
            slot.due = slot.table.next(now);
            slot.missed += passed;
            taken.missed += passed;
            if !slot.in_flight {
                slot.in_flight = true;
                taken.starts.push(Start { slot: place, missed: std::mem::take(&mut slot.missed) });
            }
        }
        taken
    }

    /// A job's run has ended.
    pub fn land(&mut self, slot: usize) {
        if let Some(slot) = self.0.get_mut(slot) {
            slot.in_flight = false;
        }
    }

    /// All runs have ended, as far as is known.
    pub fn land_all(&mut self) {
        self.0.iter_mut().for_each(|slot| slot.in_flight = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    fn slots(jobs: &[&str]) -> Slots {
        Slots::new(jobs.iter().map(|job| Timetable::new(Duration::from_secs(10), job)), START)
    }

    fn started(due: &Due) -> Vec<usize> {
        due.starts.iter().map(|start| start.slot).collect()
    }

    #[test]
    fn every_job_begins_within_a_second_and_then_every_interval() {
        let mut slots = slots(&["a", "b"]);
        assert_eq!(started(&slots.take_due(at(1))), [0, 1]);
        slots.land_all();
        let mut runs = 0;
        for second in 2..=101 {
            let due = slots.take_due(at(second));
            runs += due.starts.len();
            assert_eq!(due.missed, 0);
            slots.land_all();
        }
        assert_eq!(runs, 20);
    }

    #[test]
    fn a_run_that_meets_one_in_flight_is_counted_and_not_queued() {
        let mut slots = slots(&["slow"]);
        assert_eq!(started(&slots.take_due(at(1))), [0]);
        let missed: u64 = (2..=31).map(|second| slots.take_due(at(second)).missed).sum();
        assert_eq!(missed, 3);
        slots.land(0);
        let next = slots.take_due(at(41));
        assert_eq!(next.starts, [Start { slot: 0, missed: 3 }]);
        assert_eq!(slots.take_due(at(41)), Due::default());
    }

    #[test]
    fn a_slow_job_does_not_hold_up_the_others() {
        let mut slots = slots(&["slow", "quick"]);
        slots.take_due(at(1));
        slots.land(1);
        let runs: Vec<_> = (2..=11).flat_map(|second| started(&slots.take_due(at(second)))).collect();
        assert_eq!(runs, [1]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_silence_a_job() {
        let mut slots = slots(&["a"]);
        slots.take_due(at(1));
        slots.land(0);
        let earlier = START - Duration::from_secs(86_400);
        slots.take_due(earlier);
        assert!(slots.until_due(earlier).unwrap() <= Duration::from_secs(10));
    }
}
