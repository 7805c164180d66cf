//! When each rule of an alerter is evaluated. Pure: time comes in.

use std::time::Duration;

use crate::model::{Rule, Timestamp};

/// Series above which a rule is evaluated on its interval only, however many samples come.
pub const EAGER_SERIES_MAX: usize = 1000;

/// One rule's pace.
#[derive(Clone, Copy, Debug)]
pub struct RuleClock {
    /// The longest time between two evaluations.
    interval: Duration,
    /// Whether new samples bring an evaluation forward.
    is_eager: bool,
    /// The last evaluation, or attempt at one.
    last: Option<Timestamp>,
    /// Not before this: the plugin is left alone.
    not_before: Timestamp,
}

impl RuleClock {
    /// The pace of a rule in a plugin with this interval.
    #[must_use]
    pub fn new(rule: &Rule, plugin_interval: Duration) -> Self {
        let interval = rule.interval.unwrap_or(plugin_interval);
        Self { interval, is_eager: rule.interval.is_none(), last: None, not_before: Timestamp(i64::MIN) }
    }

    /// When it is to be evaluated: at once the first time; then as soon as its series were touched, at most once in
    /// `min_interval`; and on its interval.
    #[must_use]
    pub fn due(&self, touched: bool, series: usize, min_interval: Duration) -> Timestamp {
        let Some(last) = self.last else { return self.not_before };
        let hurry = touched && self.is_eager && series <= EAGER_SERIES_MAX;
        let due = last + if hurry { min_interval.min(self.interval) } else { self.interval };
        due.max(self.not_before)
    }

    /// It was evaluated.
    pub fn evaluated(&mut self, now: Timestamp) {
        self.last = Some(now);
    }

    /// It could not be evaluated; to be tried again then.
    pub fn postpone(&mut self, until: Timestamp) {
        self.not_before = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock(interval: Option<Duration>) -> RuleClock {
        let rule = Rule {
            name: "r".into(),
            group: String::new(),
            interval,
            expression: String::new(),
            selectors: Vec::new(),
            hold_for: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            labels: Labels::default(),
            annotations: Labels::default(),
        };
        RuleClock::new(&rule, 15 * SECOND)
    }

    #[test]
    fn new_samples_bring_an_evaluation_forward_but_not_below_the_minimum() {
        let mut clock = clock(None);
        assert!(clock.due(false, 1, SECOND) < Timestamp(0));
        clock.evaluated(Timestamp(0));
        assert_eq!(clock.due(true, 1, SECOND), Timestamp(1000));
        assert_eq!(clock.due(true, 1, Duration::ZERO), Timestamp(0));
        assert_eq!(clock.due(false, 1, SECOND), Timestamp(15_000));
    }

    #[test]
    fn a_rule_with_an_interval_or_many_series_keeps_to_it() {
        let mut own = clock(Some(5 * SECOND));
        own.evaluated(Timestamp(0));
        assert_eq!(own.due(true, 1, SECOND), Timestamp(5000));
        let mut wide = clock(None);
        wide.evaluated(Timestamp(0));
        assert_eq!(wide.due(true, EAGER_SERIES_MAX + 1, SECOND), Timestamp(15_000));
    }

    #[test]
    fn a_plugin_that_is_left_alone_is_not_asked_before() {
        let mut clock = clock(None);
        clock.evaluated(Timestamp(0));
        clock.postpone(Timestamp(60_000));
        assert_eq!(clock.due(true, 1, SECOND), Timestamp(60_000));
    }
}
