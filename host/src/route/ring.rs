//! The recent samples of one series, as long as the longest window of the selectors that mean it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Offset, Timestamp};

/// One remembered sample, with the offset that brought it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where in the journal it came.
    pub offset: Offset,
    /// Its time.
    pub time: Timestamp,
    /// Its value.
    pub value: f64,
}

/// Samples ascending by time. Keeps those within its window of the newest, those that some rule has not seen, and always the
/// newest.
#[derive(Debug, Default)]
pub struct Ring {
    points: VecDeque<Point>,
}

impl Ring {
    /// Takes a sample to its place by time; one of a time that is already there replaces it.
    pub fn push(&mut self, point: Point) {
        let at = self.points.partition_point(|held| held.time < point.time);
        match self.points.get_mut(at) {
            Some(held) if held.time == point.time => *held = point,
            _ => self.points.insert(at, point),
        }
    }

    /// Forgets what is neither within `window` of the newest sample nor beyond `seen`, the offset that all rules have seen.
    pub fn prune(&mut self, window: Duration, seen: Offset) {
        let Some(newest) = self.newest() else { return };
        let from = newest.time - window;
        while self.points.len() > 1 {
            match self.points.front() {
                Some(oldest) if oldest.time < from && oldest.offset <= seen => drop(self.points.pop_front()),
                _ => break,
            }
        }
    }

    /// The sample with the greatest time.
    #[must_use]
    pub fn newest(&self) -> Option<Point> {
        self.points.back().copied()
    }

    /// How many samples are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// What a selector without a window gives: all samples beyond `seen`, and always the newest.
    pub fn fresh(&self, seen: Offset) -> impl DoubleEndedIterator<Item = &Point> {
        let newest = self.points.len().saturating_sub(1);
        self.points.iter().enumerate().filter(move |(at, point)| point.offset > seen || *at == newest).map(|(_, point)| point)
    }

    /// What a selector with a window gives: the samples in `(now - window, now]`, as PromQL's range selectors.
    pub fn window(&self, window: Duration, now: Timestamp) -> impl DoubleEndedIterator<Item = &Point> {
        let from = now - window;
        self.points.iter().filter(move |point| point.time > from && point.time <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(u64, i64)]) -> Ring {
        let mut ring = Ring::default();
        for (offset, ms) in points {
            ring.push(Point { offset: Offset(*offset), time: Timestamp(*ms), value: 1.0 });
        }
        ring
    }

    fn times<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<i64> {
        points.map(|point| point.time.0).collect()
    }

    #[test]
    fn a_late_sample_takes_its_place_by_time() {
        assert_eq!(times(ring(&[(1, 10), (2, 30), (3, 20)]).fresh(Offset(0))), [10, 20, 30]);
    }

    #[test]
    fn without_a_window_the_new_ones_and_always_the_newest_are_given() {
        let ring = ring(&[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(times(ring.fresh(Offset(1))), [20, 30]);
        assert_eq!(times(ring.fresh(Offset(3))), [30]);
    }

    #[test]
    fn a_window_is_open_at_its_start_and_closed_at_its_end() {
        let ring = ring(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
        assert_eq!(times(ring.window(Duration::from_millis(20), Timestamp(30))), [20, 30]);
    }

    #[test]
    fn what_no_rule_has_seen_is_kept_beyond_the_window() {
        let mut ring = ring(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
        ring.prune(Duration::from_millis(5), Offset(2));
        assert_eq!(times(ring.fresh(Offset(0))), [30, 40]);
        ring.prune(Duration::from_millis(5), Offset(9));
        assert_eq!(ring.len(), 1);
        ring.prune(Duration::ZERO, Offset(9));
        assert!(!ring.is_empty());
    }
}
