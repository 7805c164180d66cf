//! What is latest, what is live, and in which order.

use proptest::prelude::*;

use super::*;
use crate::edge::{Bucket, Ending, HonorLabels, Limits, PluginShare, Source};
use crate::model::{Columns, Kind, Name, Target, Times};

const NOW: Timestamp = Timestamp(1_795_380_413_000);

struct House {
    registry: Arc<SeriesRegistry>,
    latest: Latest,
    offset: Offset,
}

impl House {
    fn new() -> Self {
        let registry = Arc::new(SeriesRegistry::new());
        Self { latest: Latest::new(registry.clone()), registry, offset: Offset::ZERO }
    }

    fn source(&self, plugin: &str, target: &str) -> Source {
        let target = Target { name: Some(Name::new(target).unwrap()), address: String::new(), labels: Labels::default() };
        let share = Arc::new(PluginShare::new(Limits::default()));
        Source::new(self.registry.clone(), share, &Name::new(plugin).unwrap(), Some(&target), "anna", HonorLabels::No)
    }

    fn apply(&mut self, at: Timestamp, events: Vec<Event>) {
        for event in events {
            self.offset = self.offset.next();
            self.latest.apply(self.offset, at, &event);
        }
    }

    /// Gauges `x{a} value`, at a time, in one batch.
    fn call(&mut self, source: Source, now: Timestamp, points: &[(&str, f64)]) -> Source {
        let mut batch = source.begin(now);
        let family = batch.family("x", Kind::Gauge, "", "", &["a"]);
        points.iter().for_each(|(a, value)| batch.number(family, &[a], *value, None));
        let (source, output) = batch.finish(Ending::Ok);
        self.apply(now, output.events());
        source
    }

    fn select(&self, selector: &str, now: Timestamp) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        self.latest
            .select(&selector, now)
            .iter()
            .map(|found| format!("{} {}", found.labels.get("a").unwrap_or(""), found.value))
            .collect()
    }
}

fn seconds(n: i64) -> Timestamp {
    Timestamp(NOW.0 + n * 1000)
}

fn plugin(name: &str) -> PluginName {
    Name::new(name).unwrap()
}

#[test]
fn the_newest_sample_of_each_live_series_is_found() {
    let mut house = House::new();
    let source = house.source("web", "shop");
    let source = house.call(source, NOW, &[("1", 1.0), ("2", 2.0)]);
    assert_eq!(house.select("x", NOW), ["1 1", "2 2"]);
    assert_eq!(house.select(r#"{job="web",a!="1"}"#, NOW), ["2 2"]);
    house.call(source, seconds(1), &[("2", 3.0), ("3", 4.0)]);
    assert_eq!(house.select("x", seconds(1)), ["2 3", "3 4"]);
    assert_eq!(house.select("y", seconds(1)), Vec::<String>::new());
    assert_eq!(house.latest.live_count(&plugin("web")), 2);
}

#[test]
fn a_series_without_a_sample_for_5_minutes_is_in_no_answer() {
    let mut house = House::new();
    let source = house.source("web", "shop");
    let _source = house.call(source, NOW, &[("1", 1.0)]);
    assert_eq!(house.select("x", seconds(300)).len(), 1);
    assert_eq!(house.select("x", seconds(301)).len(), 0);
    assert_eq!(house.latest.get(SeriesId(0), seconds(301)), None);
    let shop = Name::new("shop").unwrap();
    assert_eq!(house.latest.live_of(&plugin("web"), Some(&shop)), [SeriesId(0)], "it has not ended");
}

#[test]
fn late_samples_do_not_hide_newer_ones_and_future_ones_do_not_last() {
    let mut house = House::new();
    let source = house.source("web", "shop");
    let _source = house.call(source, NOW, &[("1", 1.0)]);
    let write = |house: &mut House, at: Timestamp, time: Timestamp, value: f64| {
        let samples = Columns { ids: vec![SeriesId(0)], times: Times::One(time), values: vec![value] };
        let collected = Collected { plugin: plugin("web"), target: None, samples, ended: vec![], dropped: vec![] };
        house.apply(at, vec![Event::SamplesCollected(Arc::new(collected))]);
        house.select("x", at)
    };
    assert_eq!(write(&mut house, seconds(2), seconds(-10), 2.0), ["1 1"]);
    assert_eq!(write(&mut house, seconds(3), seconds(500), 3.0), ["1 3"]);
    assert_eq!(write(&mut house, seconds(4), seconds(4), 4.0), ["1 4"]);
}

#[test]
fn a_familys_points_stand_together_in_order() {
    let mut house = House::new();
    let mut batch = house.source("web", "shop").begin(NOW);
    let family = batch.family("h", Kind::Histogram, "", "", &["a"]);
    for a in ["b", "a"] {
        let bucket = |upper_bound| Bucket { upper_bound, count: 1.0 };
        batch.histogram(family, &[a], 1.0, 1.0, &[bucket(2.0), bucket(10.0), bucket(1e6), bucket(f64::INFINITY)], None);
    }
    let (_source, output) = batch.finish(Ending::Ok);
    house.apply(NOW, output.events());
    assert_eq!(house.latest.families()[0].kind, Kind::Histogram);
    let mut seen = Vec::new();
    house.latest.visit("h", NOW, |labels, _, _| {
        seen.push(format!(
            "{} {} {}",
            labels.get("a").unwrap(),
            labels.get("__name__").unwrap(),
            labels.get("le").unwrap_or("-")
        ));
    });
    let bounds = ["h_bucket 2.0", "h_bucket 10.0", "h_bucket 1e+06", "h_bucket +Inf", "h_sum -", "h_count -"];
    let expected: Vec<_> = ["a", "b"].iter().flat_map(|a| bounds.map(|rest| format!("{a} {rest}"))).collect();
    assert_eq!(seen, expected);
    assert_eq!(house.latest.select(&Selector::parse("h_bucket").unwrap(), NOW).len(), 8);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let mut house = House::new();
    let source = house.source("web", "shop");
    let mut source = house.call(source, NOW, &[("1", 1.0), ("2", f64::NAN)]);
    source.committed();
    let bytes = postcard::to_stdvec(&house.latest.snapshot()).unwrap();
    let again = Latest::new(house.registry.clone());
    again.restore(&postcard::from_bytes(&bytes).unwrap());
    assert_eq!((again.applied(), again.live_count(&plugin("web"))), (house.offset, 2));
    assert_eq!(again.get(SeriesId(0), NOW), Some((NOW, 1.0)));
    let unknowing = Latest::new(Arc::default());
    unknowing.restore(&house.latest.snapshot());
    assert_eq!((unknowing.unknown(), unknowing.families().len()), (2, 0));
}

#[test]
fn ended_series_leave_the_index() {
    let mut house = House::new();
    let mut source = house.source("web", "shop");
    for at in 0..500 {
        source = house.call(source, seconds(at), &[(&at.to_string(), 1.0), ("always", 2.0)]);
    }
    let inner = house.latest.inner.read();
    assert!(inner.index.all().count() < 200);
    assert_eq!(inner.cells.kept().len(), 2);
}

proptest! {
    /// Against a map: the newest value of what the last batch held.
    #[test]
    fn it_is_as_a_map_would_be(calls in prop::collection::vec(prop::collection::btree_map(0_u8..8, -5_i8..5, 0..6), 1..40)) {
        let mut house = House::new();
        let mut source = house.source("web", "shop");
        for (at, call) in (0..).zip(&calls) {
            let points: Vec<(String, f64)> = call.iter().map(|(a, value)| (a.to_string(), f64::from(*value))).collect();
            let points: Vec<(&str, f64)> = points.iter().map(|(a, value)| (a.as_str(), *value)).collect();
            source = house.call(source, seconds(at), &points);
            let expected: Vec<String> = points.iter().map(|(a, value)| format!("{a} {value}")).collect();
            prop_assert_eq!(house.select("x", seconds(at)), expected);
            let mut visited = 0;
            for family in house.latest.families() {
                house.latest.visit(&family.name, seconds(at), |_, _, _| visited += 1);
            }
            prop_assert_eq!(visited, points.len());
            prop_assert_eq!(house.latest.live_count(&plugin("web")), points.len());
        }
    }
}
