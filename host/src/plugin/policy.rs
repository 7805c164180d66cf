//! What follows from traps and timeouts: when the instance starts again, which target is left alone, when the whole plugin is.
//!
//! Pure: it is told of each call's end with the time, and answers with decisions. One bad target among many good ones is backed
//! off alone; a plugin whose calls trap on most of its targets, or many times in a row, is quarantined, each time for longer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Timestamp;

/// The policy's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySettings {
    /// The pause before a new instance starts after the first trap; doubles with each trap until a call succeeds.
    pub restart_min: Duration,
    /// The longest such pause.
    pub restart_max: Duration,
    /// How long a target is left alone after its first trap; doubles with each trap until one of its calls succeeds.
    pub target_min: Duration,
    /// The longest such time.
    pub target_max: Duration,
    /// Traps in a row after which a target counts as one of those that trap.
    pub target_traps: u32,
    /// Traps in a row after which a plugin with one target, or none, is quarantined.
    pub plugin_traps: u32,
    /// The first quarantine; doubles with each until most targets are well again.
    pub quarantine_min: Duration,
    /// The longest quarantine.
    pub quarantine_max: Duration,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            restart_min: Duration::from_millis(100),
            restart_max: Duration::from_secs(30),
            target_min: Duration::from_secs(10),
            target_max: Duration::from_secs(10 * 60),
            target_traps: 3,
            plugin_traps: 5,
            quarantine_min: Duration::from_secs(60),
            quarantine_max: Duration::from_secs(60 * 60),
        }
    }
}

/// What is to be done after a trap or timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A new instance, after a pause.
    Restart {
        /// The pause.
        after: Duration,
    },
    /// The target of the call is not called for a while.
    BackOffTarget {
        /// When it is called again.
        until: Timestamp,
    },
    /// The plugin is not called for a while.
    Quarantine {
        /// When it is called again.
        until: Timestamp,
        /// Which traps led to it.
        reason: String,
    },
}

/// One plugin's record of traps. The subject of a call is its target or rule; `None` for calls that have none (`init`).
#[derive(Clone, Debug)]
pub struct Policy {
    settings: PolicySettings,
    seed: u64,
    subjects: usize,
    records: BTreeMap<Option<String>, Record>,
    /// Traps since the last call that succeeded.
    restarts: u32,
    /// Quarantines since the plugin was well.
    quarantines: u32,
    quarantined_until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    traps: u32,
    until: Option<Timestamp>,
}

impl Policy {
    /// A plugin without traps. The seed (a hash of its name) makes its pauses differ from those of others, and stay the same
    /// from run to run.
    #[must_use]
    pub fn new(settings: PolicySettings, seed: u64) -> Self {
        let records = BTreeMap::new();
        Self { settings, seed, subjects: 0, records, restarts: 0, quarantines: 0, quarantined_until: None }
    }

    /// Tells which subjects there are from now on; records of others are forgotten.
    pub fn watch(&mut self, subjects: &[&str]) {
        self.subjects = subjects.len();
        self.records.retain(|subject, _| subject.as_deref().is_none_or(|subject| subjects.contains(&subject)));
    }

    /// Notes that a call trapped, or was stopped; `message` says how. The first decision is always the restart.
    pub fn failed(&mut self, now: Timestamp, subject: Option<&str>, message: &str) -> Vec<Decision> {
        self.restarts = self.restarts.saturating_add(1);
        let record = self.records.entry(subject.map(Into::into)).or_default();
        record.traps = record.traps.saturating_add(1);
        let traps = record.traps;
        let after = self.backoff(self.settings.restart_min, self.settings.restart_max, self.restarts, "restart");
        let mut decisions = vec![Decision::Restart { after }];
        if let Some(reason) = self.why_quarantine(subject, message).filter(|_| self.may_call(now, None).is_ok()) {
            decisions.push(self.quarantine(now, reason));
        } else if let Some(name) = subject.filter(|_| self.subjects > 1) {
            let pause = self.backoff(self.settings.target_min, self.settings.target_max, traps, name);
            let until = now + pause;
            self.records.insert(Some(name.into()), Record { traps, until: Some(until) });
            decisions.push(Decision::BackOffTarget { until });
        }
        decisions
    }

    /// Notes that a call came back: with a value or with an error, either way the guest lives.
    pub fn succeeded(&mut self, subject: Option<&str>) {
        self.restarts = 0;
        self.records.remove(&subject.map(Into::into));
        // A call with a subject was possible, so what has none works too.
        self.records.remove(&None);
        if !self.is_most(self.records.len()) {
            self.quarantines = 0;
        }
    }

    /// Whether the plugin may be called about a subject now.
    ///
    /// # Errors
    /// When it may be called again.
    pub fn may_call(&self, now: Timestamp, subject: Option<&str>) -> Result<(), Timestamp> {
        let record = subject.and_then(|subject| self.records.get(&Some(subject.into())));
        let until = self.quarantined_until.into_iter().chain(record.and_then(|record| record.until)).max();
        match until {
            Some(until) if until > now => Err(until),
            _ => Ok(()),
        }
    }

    /// Ends the quarantine if it is over: then the caller records that the plugin is released.
    pub fn release(&mut self, now: Timestamp) -> bool {
        let is_over = self.quarantined_until.is_some_and(|until| until <= now);
        if is_over {
            self.quarantined_until = None;
        }
        is_over
    }

    fn why_quarantine(&self, subject: Option<&str>, message: &str) -> Option<String> {
        if subject.is_none() || self.subjects <= 1 {
            let traps = self.records.get(&subject.map(Into::into)).map_or(0, |record| record.traps);
            return (traps >= self.settings.plugin_traps)
                .then(|| format!("{traps} calls in a row ended without an answer, the last: {message}"));
        }
        let trapping = self.records.values().filter(|record| record.traps >= self.settings.target_traps).count();
        self.is_most(trapping)
            .then(|| format!("calls about {trapping} of {} subjects end without an answer, the last: {message}", self.subjects))
    }

    fn is_most(&self, count: usize) -> bool {
        count * 2 > self.subjects.max(1)
    }

    /// After it one more trap brings a subject back to where it was, but a subject that is well by then does not count.
    fn quarantine(&mut self, now: Timestamp, reason: String) -> Decision {
        self.quarantines = self.quarantines.saturating_add(1);
        let pause = self.backoff(self.settings.quarantine_min, self.settings.quarantine_max, self.quarantines, "quarantine");
        let until = now + pause;
        self.quarantined_until = Some(until);
        let single = self.settings.plugin_traps.saturating_sub(1);
        let one_of_many = self.settings.target_traps.saturating_sub(1);
        let is_single = self.subjects <= 1;
        for (subject, record) in &mut self.records {
            let bound = if subject.is_none() || is_single { single } else { one_of_many };
            *record = Record { traps: record.traps.min(bound), until: None };
        }
        Decision::Quarantine { until, reason }
    }

    /// `min`, doubled with each further count, at most `max`, less up to a quarter so that not all come at once.
    fn backoff(&self, min: Duration, max: Duration, count: u32, name: &str) -> Duration {
        let doubled = min.saturating_mul(1_u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX)).min(max);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes()).update(&count.to_le_bytes()).update(name.as_bytes());
        let draw = u32::from(hasher.finalize().as_bytes()[0]);
        doubled - doubled / 4 * draw / 256
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(subjects: &[&str]) -> Policy {
        let mut policy = Policy::new(PolicySettings::default(), 7);
        policy.watch(subjects);
        policy
    }

    fn quarantine(decisions: &[Decision]) -> Option<(Timestamp, &str)> {
        decisions.iter().find_map(|decision| match decision {
            Decision::Quarantine { until, reason } => Some((*until, reason.as_str())),
            _ => None,
        })
    }

    #[test]
    fn a_plugin_with_one_target_is_quarantined_after_traps_in_a_row() {
        let mut policy = policy(&["a"]);
        let mut last = Vec::new();
        for at in 1..=5 {
            assert_eq!(quarantine(&last), None);
            last = policy.failed(Timestamp(at), Some("a"), "unreachable");
        }
        let (until, reason) = quarantine(&last).unwrap();
        assert_eq!(reason, "5 calls in a row ended without an answer, the last: unreachable");
        assert_eq!(policy.may_call(Timestamp(6), Some("a")), Err(until));
        assert!(!policy.release(Timestamp(6)) && policy.release(until) && !policy.release(until));
        // One more is enough, and it takes longer.
        let again = policy.failed(until, Some("a"), "unreachable");
        assert!(quarantine(&again).unwrap().0.since(until) > until.since(Timestamp(5)));
        policy.succeeded(Some("a"));
        assert_eq!(quarantine(&policy.failed(until, Some("a"), "unreachable")), None);
    }

    #[test]
    fn a_bad_target_is_backed_off_alone_and_for_longer_each_time() {
        let mut policy = policy(&["good", "better", "bad"]);
        let mut pauses = Vec::new();
        for _ in 0..20 {
            let decisions = policy.failed(Timestamp(0), Some("bad"), "trap");
            let [Decision::Restart { after }, Decision::BackOffTarget { until }] = decisions[..] else {
                panic!("{decisions:?}")
            };
            assert!(after <= Duration::from_millis(100), "the restarts of a plugin that works stay short");
            pauses.push(until.since(Timestamp(0)));
            assert_eq!(policy.may_call(Timestamp(0), Some("bad")), Err(until));
            assert_eq!(policy.may_call(Timestamp(0), Some("good")), Ok(()));
            policy.succeeded(Some("good"));
        }
        assert!(pauses[0] < pauses[1] && pauses[1] < pauses[2]);
        assert!(pauses[19] <= Duration::from_secs(600) && pauses[19] >= Duration::from_secs(450));
    }

    #[test]
    fn most_targets_make_a_quarantine() {
        let mut policy = policy(&["a", "b", "c", "d"]);
        for _ in 0..3 {
            assert_eq!(quarantine(&policy.failed(Timestamp(0), Some("a"), "x")), None);
            assert_eq!(quarantine(&policy.failed(Timestamp(0), Some("b"), "x")), None);
        }
        policy.failed(Timestamp(0), Some("c"), "x");
        policy.failed(Timestamp(0), Some("c"), "x");
        let decisions = policy.failed(Timestamp(0), Some("c"), "x");
        assert_eq!(quarantine(&decisions).unwrap().1, "calls about 3 of 4 subjects end without an answer, the last: x");
    }

    #[test]
    fn a_call_without_a_subject_counts_by_itself() {
        let mut policy = policy(&["a", "b", "c"]);
        let decisions: Vec<_> = (0..5).map(|_| policy.failed(Timestamp(0), None, "init")).collect();
        assert!(decisions[..4].iter().all(|decisions| matches!(decisions[..], [Decision::Restart { .. }])));
        assert!(quarantine(&decisions[4]).is_some());
    }

    #[test]
    fn pauses_are_the_same_from_run_to_run_and_differ_by_seed() {
        let pauses = |seed| {
            let mut policy = Policy::new(PolicySettings::default(), seed);
            (0..4).map(|_| policy.failed(Timestamp(0), Some("a"), "x")).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    proptest! {
        #[test]
        fn one_bad_target_among_many_good_ones_never_makes_a_quarantine(
            targets in 2_usize..=6,
            calls in prop::collection::vec((0_usize..6, 0_i64..60_000), 0..400),
        ) {
            let mut policy = policy(&NAMES[..targets]);
            let mut now = Timestamp(0);
            for (target, pause) in calls {
                now = Timestamp(now.0 + pause);
                let name = NAMES[target % targets];
                prop_assert!(policy.may_call(now, Some(name)).is_ok() || name == "a");
                if name == "a" {
                    let decisions = policy.failed(now, Some(name), "x");
                    prop_assert_eq!(quarantine(&decisions), None);
                } else {
                    policy.succeeded(Some(name));
                }
            }
        }

        #[test]
        fn whatever_happened_a_plugin_that_works_again_is_called_again(
            targets in 0_usize..=6,
            calls in prop::collection::vec((0_usize..6, 0_i64..600_000, prop::bool::weighted(0.7)), 0..300),
        ) {
            let mut policy = policy(&NAMES[..targets]);
            let mut now = Timestamp(0);
            let subject = |target: usize| (targets > 0).then(|| NAMES[target % targets]);
            for (target, pause, is_trap) in calls {
                now = Timestamp(now.0 + pause);
                policy.release(now);
                if policy.may_call(now, subject(target)).is_err() {
                    continue;
                }
                if is_trap { drop(policy.failed(now, subject(target), "x")) } else { policy.succeeded(subject(target)) }
            }
            let patience = PolicySettings::default().quarantine_max;
            for target in 0..targets.max(1) {
                let at = policy.may_call(now, subject(target)).err().unwrap_or(now);
                prop_assert!(at.since(now) <= patience);
                now = at;
                policy.release(now);
                prop_assert_eq!(policy.may_call(now, subject(target)), Ok(()));
                policy.succeeded(subject(target));
            }
            prop_assert_eq!((policy.restarts, policy.quarantines, policy.records.len()), (0, 0, 0));
            prop_assert!((0..6).all(|target| policy.may_call(now, subject(target)).is_ok()));
        }
    }
}
