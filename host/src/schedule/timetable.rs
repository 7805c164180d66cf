//! When one job runs: every interval, at a phase that depends on its name alone.

use std::time::Duration;

use crate::model::Timestamp;

/// The first run after a start comes within this time, so that a new user sees something at once.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(1);

/// Runs at all times that are the phase modulo the interval. The phase is stable over restarts and machines, and spreads jobs
/// evenly, so that a hundred targets are not asked in the same millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timetable {
    interval_ms: i64,
    phase_ms: i64,
}

impl Timetable {
    /// A timetable for the job of this name; intervals below a millisecond count as one.
    #[must_use]
    pub fn new(interval: Duration, job: &str) -> Self {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let mut first = [0; 8];
        first.copy_from_slice(&blake3::hash(job.as_bytes()).as_bytes()[..8]);
        let phase_ms = (i64::from_le_bytes(first) & i64::MAX) % interval_ms;
        Self { interval_ms, phase_ms }
    }

    /// The first run after a start at `now`: soon, still spread by name.
    #[must_use]
    pub fn first(&self, now: Timestamp) -> Timestamp {
        let within = i64::try_from(FIRST_RUN_WITHIN.as_millis()).unwrap_or(1).min(self.interval_ms);
        Timestamp(now.0.saturating_add(self.phase_ms % within))
    }

    /// The first regular run strictly after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let since = (now.0 - self.phase_ms).rem_euclid(self.interval_ms);
        Timestamp(now.0 - since + self.interval_ms)
    }

    /// How many regular runs lie in `(from, to]`.
    #[must_use]
    pub fn runs_between(&self, from: Timestamp, to: Timestamp) -> u64 {
        let slot = |at: Timestamp| (at.0 - self.phase_ms).div_euclid(self.interval_ms);
        u64::try_from(slot(to) - slot(from)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_phase_depends_on_the_name_alone() {
        let minute = Duration::from_secs(60);
        assert_eq!(Timetable::new(minute, "a/b"), Timetable::new(minute, "a/b"));
        assert_ne!(Timetable::new(minute, "a/b"), Timetable::new(minute, "a/c"));
    }

    #[test]
    fn a_hundred_jobs_spread_over_the_interval() {
        let minute = Duration::from_secs(60);
        let mut quarters = [0; 4];
        for job in 0..100 {
            let at = Timetable::new(minute, &format!("job {job}")).next(Timestamp(0)).0 % 60_000;
            quarters[usize::try_from(at / 15_000).unwrap()] += 1;
        }
        assert!(quarters.iter().all(|count| *count >= 10), "{quarters:?}");
    }

    proptest! {
        #[test]
        fn runs_follow_each_other_by_exactly_one_interval(now in 0_i64..4_000_000_000_000, ms in 1_u64..100_000_000, job in ".{0,12}") {
            let table = Timetable::new(Duration::from_millis(ms), &job);
            let next = table.next(Timestamp(now));
            prop_assert!(next.0 > now && next.0 - now <= i64::try_from(ms).unwrap());
            prop_assert_eq!(table.next(next), next + Duration::from_millis(ms));
            prop_assert_eq!(table.runs_between(Timestamp(now), next), 1);
            prop_assert_eq!(table.runs_between(next, next + Duration::from_millis(3 * ms)), 3);
            let first = table.first(Timestamp(now));
            prop_assert!(first.0 >= now && first.since(Timestamp(now)) <= FIRST_RUN_WITHIN);
        }
    }
}
