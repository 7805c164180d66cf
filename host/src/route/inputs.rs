//! From watched series to what one evaluation of one rule is given, within its bound.

use crate::model::{Input, Offset, Timestamp, Watched};
use crate::route::ring::Point;
use crate::route::watch::{RuleSelector, WatchSet, WatchedRule, WatchedSeries};

/// Why a rule is not evaluated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "selector `{selector}` gives {count} samples, more than the {max} that one evaluation takes; narrow it, shorten its window or raise `samples-max`"
)]
pub struct TooMany {
    /// The selector that went over the bound.
    pub selector: String,
    /// The samples of all of the rule's selectors up to it.
    pub count: usize,
    /// The bound.
    pub max: usize,
}

/// The inputs of a rule at `now`, at most `samples_max` samples.
///
/// # Errors
/// More samples than that.
pub fn inputs(set: &WatchSet, rule: &WatchedRule, now: Timestamp, samples_max: usize) -> Result<Vec<Input>, TooMany> {
    let mut count = 0;
    let mut inputs = Vec::new();
    for selected in set.inputs(rule, now) {
        let mut series = Vec::with_capacity(selected.series.len());
        for one in &selected.series {
            let watched = samples(one, &selected, rule.seen, now);
            count += watched.times.len();
            if count > samples_max {
                return Err(TooMany { selector: selected.text.clone(), count, max: samples_max });
            }
            if !watched.times.is_empty() {
                series.push(watched);
            }
        }
        inputs.push(Input { selector: selected.text, series });
    }
    Ok(inputs)
}

fn samples(series: &WatchedSeries, selected: &RuleSelector<'_>, seen: Offset, now: Timestamp) -> Watched {
    match selected.window {
        Some(window) => collect(series, series.ring.window(window, now), seen),
        None => collect(series, series.ring.fresh(seen), seen),
    }
}

fn collect<'a>(series: &WatchedSeries, points: impl Iterator<Item = &'a Point>, seen: Offset) -> Watched {
    let mut watched = Watched { labels: series.labels.clone(), times: Vec::new(), values: Vec::new(), fresh: 0 };
    for point in points {
        watched.times.push(point.time);
        watched.values.push(point.value);
        watched.fresh += u32::from(point.offset > seen);
    }
    watched
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::event::{Collected, Event};
    use crate::latest::LOOKBACK;
    use crate::model::{Columns, Family, Kind, Labels, Name, Rule, SeriesDefinition, SeriesId, Times};
    use crate::route::watch::Definitions;

    /// Series 0 to 9 are `load{cpu="N"}`, others `other`.
    struct Series;

    impl Definitions for Series {
        fn definition(&self, id: SeriesId) -> Option<SeriesDefinition> {
            let name = if id.0 < 10 { "load" } else { "other" };
            let family = Family { name: name.into(), kind: Kind::Gauge, unit: "".into(), help: "".into() };
            let labels = [("__name__".into(), name.into()), ("cpu".into(), id.0.to_string().into())];
            Some(SeriesDefinition { family: Arc::new(family), labels: Labels::from_trusted(labels) })
        }
    }

    fn rule(selectors: &[&str]) -> Rule {
        Rule {
            name: "r".into(),
            group: String::new(),
            interval: None,
            expression: String::new(),
            selectors: selectors.iter().map(ToString::to_string).collect(),
            hold_for: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            labels: Labels::default(),
            annotations: Labels::default(),
        }
    }

    fn batch(ids: &[u32], ms: i64, ended: &[u32]) -> Event {
        Event::SamplesCollected(Arc::new(Collected {
            plugin: Name::new("p").unwrap(),
            target: None,
            samples: Columns {
                ids: ids.iter().copied().map(SeriesId).collect(),
                times: Times::One(Timestamp(ms)),
                values: ids.iter().map(|_| 1.0).collect(),
            },
            ended: ended.iter().copied().map(SeriesId).collect(),
            dropped: Vec::new(),
        }))
    }

    fn set(selectors: &[&str], batches: &[Event]) -> WatchSet {
        let mut set = WatchSet::new(&[rule(selectors)], Offset::ZERO).unwrap();
        for (event, offset) in batches.iter().zip(1..) {
            set.apply(Offset(offset), event, &Series);
        }
        set
    }

    /// Each series as `cpu: times (fresh)`.
    fn shown(set: &WatchSet, now: i64) -> Vec<String> {
        let inputs = inputs(set, &set.rules()[0], Timestamp(now), 100).unwrap();
        let series = inputs.iter().flat_map(|input| &input.series);
        series
            .map(|one| {
                format!(
                    "{}: {:?} ({})",
                    one.labels.get("cpu").unwrap(),
                    one.times.iter().map(|t| t.0).collect::<Vec<_>>(),
                    one.fresh
                )
            })
            .collect()
    }

    #[test]
    fn only_what_the_selector_means_is_given() {
        let set = set(&[r#"load{cpu="1"}"#], &[batch(&[0, 1, 20], 10, &[])]);
        assert_eq!(shown(&set, 10), ["1: [10] (1)"]);
    }

    #[test]
    fn what_was_seen_is_given_again_only_as_the_newest() {
        let mut set = set(&["load"], &[batch(&[1], 10, &[]), batch(&[1], 20, &[])]);
        set.rule_mut(0).unwrap().seen = Offset(2);
        assert_eq!(shown(&set, 20), ["1: [20] (0)"]);
        set.apply(Offset(3), &batch(&[1], 30, &[]), &Series);
        assert_eq!(shown(&set, 30), ["1: [30] (1)"]);
    }

    #[test]
    fn a_window_is_given_whole_with_its_new_part_counted() {
        let mut set = set(&["load[1s]"], &[batch(&[1], 10, &[]), batch(&[1], 500, &[])]);
        set.rule_mut(0).unwrap().seen = Offset(2);
        set.apply(Offset(3), &batch(&[1], 1005, &[]), &Series);
        assert_eq!(shown(&set, 1005), ["1: [10, 500, 1005] (1)"]);
        assert_eq!(shown(&set, 1010), ["1: [500, 1005] (1)"]);
    }

    #[test]
    fn ended_and_silent_series_are_in_no_input() {
        let mut set = set(&["load"], &[batch(&[1, 2], 10, &[]), batch(&[], 20, &[1])]);
        assert_eq!(shown(&set, 20), ["2: [10] (1)"]);
        let late = 10 + i64::try_from(LOOKBACK.as_millis()).unwrap();
        assert_eq!(shown(&set, late), ["2: [10] (1)"]);
        assert_eq!(shown(&set, late + 1), Vec::<String>::new());
        set.apply(Offset(3), &batch(&[1], late, &[]), &Series);
        assert_eq!(shown(&set, late + 1), ["1: [10, 400010] (2)"].map(|text| text.replace("400010", &late.to_string())));
    }

    #[test]
    fn a_rule_is_touched_by_its_own_series_alone() {
        let mut set = set(&["load"], &[]);
        set.rule_mut(0).unwrap().touched = false;
        assert!(!set.apply(Offset(1), &batch(&[20], 10, &[]), &Series));
        assert!(!set.rules()[0].touched);
        assert!(set.apply(Offset(2), &batch(&[20, 3], 20, &[]), &Series));
        assert!(set.rules()[0].touched);
    }

    #[test]
    fn more_samples_than_the_bound_are_an_error_that_names_the_selector() {
        let set = set(&["other", "load[1m]"], &[batch(&[1, 2, 3], 10, &[]), batch(&[1, 2, 3], 20, &[])]);
        let error = inputs(&set, &set.rules()[0], Timestamp(20), 5).unwrap_err();
        assert_eq!((error.selector.as_str(), error.count), ("load[1m]", 6));
    }

    #[test]
    fn windows_over_an_hour_and_bad_selectors_are_refused() {
        for (selector, part) in [("load[2h]", "more than 1h"), ("rate(load[5m])", "rule `r`"), ("{", "rule `r`")] {
            let error = WatchSet::new(&[rule(&[selector])], Offset::ZERO).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
