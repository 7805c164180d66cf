//! The rules of the data model: what is taken, as what, and what is dropped for which reason.

use super::*;
use crate::event::Event;
use crate::model::Times;

fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
    pairs.iter().map(|(upper_bound, count)| Bucket { upper_bound: *upper_bound, count: *count }).collect()
}

#[test]
fn points_become_columns_under_the_hosts_labels() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    let family = batch.family("x_total", Kind::Counter, "", "Told.", &["b", "a"]);
    batch.number(family, &["2", "1"], 3.0, None);
    batch.number(family, &["", "1"], 4.0, Some(NOW.as_f64() - 1000.0));
    let (_, output) = batch.finish(Ending::Ok);
    assert_eq!(house.samples(&output), [r#"x_total{a="1",b="2"} 3 @0"#, r#"x_total{a="1"} 4 @-1000"#]);
    assert!(matches!(output.collected.samples.times, Times::Each(_)));
    let (_, definition) = &output.defined[0];
    assert_eq!(definition.labels.to_string(), r#"{__name__="x_total",a="1",b="2",instance="shop",job="web"}"#);
    assert_eq!((&*definition.family.help, definition.family.kind), ("Told.", Kind::Counter));
}

#[test]
fn histograms_and_summaries_become_several_series() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    let histogram = batch.family("h", Kind::Histogram, "", "", &["a"]);
    batch.histogram(histogram, &["1"], 2.5, 3.0, &buckets(&[(0.005, 1.0), (1.0, 2.0), (1e6, 2.0), (f64::INFINITY, 3.0)]), None);
    let gauge = batch.family("g", Kind::GaugeHistogram, "", "", &[] as &[&str]);
    batch.histogram::<&str>(gauge, &[], -1.0, 1.0, &buckets(&[(f64::INFINITY, 1.0)]), None);
    let summary = batch.family("s", Kind::Summary, "", "", &[] as &[&str]);
    batch.summary::<&str>(
        summary,
        &[],
        9.0,
        4.0,
        &[Quantile { quantile: 0.5, value: f64::NAN }, Quantile { quantile: 1.0, value: 2.0 }],
        None,
    );
    let (_, output) = batch.finish(Ending::Ok);
    let expected = [
        r#"h_bucket{a="1",le="0.005"} 1 @0"#,
        r#"h_bucket{a="1",le="1.0"} 2 @0"#,
        r#"h_bucket{a="1",le="1e+06"} 2 @0"#,
        r#"h_bucket{a="1",le="+Inf"} 3 @0"#,
        r#"h_sum{a="1"} 2.5 @0"#,
        r#"h_count{a="1"} 3 @0"#,
        r#"g_bucket{le="+Inf"} 1 @0"#,
        "g_gsum -1 @0",
        "g_gcount 1 @0",
        r#"s{quantile="0.5"} NaN @0"#,
        r#"s{quantile="1.0"} 2 @0"#,
        "s_sum 9 @0",
        "s_count 4 @0",
    ];
    assert_eq!(house.samples(&output), expected);
    assert!(is_conserved(&output));
}

#[test]
fn broken_histograms_are_dropped_whole() {
    let inf = f64::INFINITY;
    for (wrong, count) in [
        (vec![], 0.0),
        (vec![(1.0, 1.0)], 1.0),
        (vec![(1.0, 1.0), (inf, 2.0)], 3.0),
        (vec![(1.0, 2.0), (inf, 1.0)], 1.0),
        (vec![(2.0, 1.0), (1.0, 1.0), (inf, 1.0)], 1.0),
        (vec![(1.0, 1.0), (1.0, 1.0), (inf, 1.0)], 1.0),
        (vec![(f64::NAN, 1.0), (inf, 1.0)], 1.0),
        (vec![(1.0, f64::NAN), (inf, 1.0)], 1.0),
        (vec![(1.0, -1.0), (inf, 1.0)], 1.0),
        (vec![(inf, f64::NAN)], f64::NAN),
    ] {
        let mut batch = House::new().source("shop").begin(NOW);
        let family = batch.family("h", Kind::Histogram, "", "", &[] as &[&str]);
        batch.histogram::<&str>(family, &[], 1.0, count, &buckets(&wrong), None);
        let (_, output) = batch.finish(Ending::Ok);
        assert_eq!(drops(&output), [(DropReason::Invalid, wrong.len() as u64 + 2)], "{wrong:?}");
        assert!(output.collected.samples.is_empty());
    }
}

#[test]
fn a_histogram_may_change_its_bounds() {
    let house = House::new();
    let mut source = house.source("shop");
    for (at, bound) in [(0, 1.0), (1, 2.0)] {
        let mut batch = source.begin(seconds(at));
        let family = batch.family("h", Kind::Histogram, "", "", &[] as &[&str]);
        batch.histogram::<&str>(family, &[], 1.0, 1.0, &buckets(&[(bound, 1.0), (f64::INFINITY, 1.0)]), None);
        let output;
        (source, output) = batch.finish(Ending::Ok);
        assert_eq!(output.collected.samples.len(), 4);
        let ended: &[&str] = if at == 0 { &[] } else { &[r#"h_bucket{le="1.0"}"#] };
        assert_eq!(house.ended(&output), ended);
    }
}

#[test]
fn points_that_break_a_rule_are_dropped_one_by_one() {
    let nan = f64::NAN;
    for (kind, values, value, at, reason) in [
        (Kind::Counter, vec!["a"], -1.0, None, DropReason::Invalid),
        (Kind::Counter, vec!["a"], nan, None, DropReason::Invalid),
        (Kind::Info, vec!["a"], 2.0, None, DropReason::Invalid),
        (Kind::StateSet, vec!["a"], 0.5, None, DropReason::Invalid),
        (Kind::StateSet, vec![""], 1.0, None, DropReason::Invalid),
        (Kind::Histogram, vec!["a"], 1.0, None, DropReason::Invalid),
        (Kind::Gauge, vec![], 1.0, None, DropReason::Invalid),
        (Kind::Gauge, vec!["a", "b"], 1.0, None, DropReason::Invalid),
        (Kind::Gauge, vec!["a"], 1.0, Some(nan), DropReason::Invalid),
        (Kind::Gauge, vec!["a"], 1.0, Some(1e300), DropReason::Invalid),
        (Kind::Gauge, vec!["a"], 1.0, Some(NOW.as_f64() + 600_001.0), DropReason::Time),
        (Kind::Gauge, vec!["a"], 1.0, Some(NOW.as_f64() - 3_600_001.0), DropReason::Late),
        (Kind::Gauge, vec!["a"], 1.0, Some(0.0), DropReason::Late),
    ] {
        let mut batch = House::new().source("shop").begin(NOW);
        let family = batch.family("x", kind, "", "", &["x"]);
        batch.number(family, &values, value, at);
        let (_, output) = batch.finish(Ending::Ok);
        assert_eq!(drops(&output), [(reason, 1)], "{kind:?} {values:?} {value} {at:?}");
        assert!(output.defined.is_empty());
        assert!(output.collected.dropped[0].example.starts_with("`x`"), "{}", output.collected.dropped[0].example);
    }
}

#[test]
fn families_that_break_a_rule_lose_all_their_points() {
    for (name, kind, unit, labels) in [
        ("", Kind::Gauge, "", vec![]),
        ("1x", Kind::Gauge, "", vec![]),
        ("x y", Kind::Gauge, "", vec![]),
        ("x", Kind::Gauge, "a\nb", vec![]),
        ("x", Kind::Gauge, "", vec!["a-b"]),
        ("x", Kind::Gauge, "", vec!["__a"]),
        ("x", Kind::Gauge, "", vec!["a", "a"]),
        ("x", Kind::StateSet, "", vec!["a"]),
        ("job", Kind::StateSet, "", vec!["job"]),
    ] {
        let mut batch = House::new().source("shop").begin(NOW);
        let family = batch.family(name, kind, unit, "", &labels);
        assert_eq!(batch.refusal(family).unwrap().reason, DropReason::Invalid);
        batch.number(family, &labels, 1.0, None);
        let (_, output) = batch.finish(Ending::Ok);
        assert_eq!(drops(&output), [(DropReason::Invalid, 1)], "{name} {labels:?}");
    }
    let mut batch = House::new().source("shop").begin(NOW);
    let histogram = batch.family("h", Kind::Histogram, "", "", &["le"]);
    let summary = batch.family("s", Kind::Summary, "", "", &["quantile"]);
    assert!(batch.refusal(histogram).is_some() && batch.refusal(summary).is_some());
}

#[test]
fn of_points_with_equal_labels_the_first_counts() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    let one = batch.family("x", Kind::Gauge, "", "", &["a", "b"]);
    let other = batch.family("x", Kind::Gauge, "", "", &["b", "a"]);
    batch.number(one, &["1", "2"], 1.0, None);
    batch.number(one, &["1", "2"], 2.0, None);
    batch.number(other, &["2", "1"], 3.0, None);
    let (_, output) = batch.finish(Ending::Ok);
    assert_eq!(house.samples(&output), [r#"x{a="1",b="2"} 1 @0"#]);
    assert_eq!(drops(&output), [(DropReason::Duplicate, 2)]);
    assert_eq!(output.collected.dropped[0].example, "`x` (`1`, `2`): is twice in this batch");
}

#[test]
fn a_series_may_bring_several_times_in_order() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    let family = batch.family("x", Kind::Gauge, "", "", &[] as &[&str]);
    for ago in [30.0, 20.0, 25.0, 20.0, 10.0] {
        batch.number::<&str>(family, &[], ago, Some(NOW.as_f64() - ago * 1000.0));
    }
    let (source, output) = batch.finish(Ending::Ok);
    assert_eq!(house.samples(&output), ["x 30 @-30000", "x 20 @-20000", "x 10 @-10000"]);
    assert_eq!(drops(&output), [(DropReason::Late, 1), (DropReason::Duplicate, 1)]);
    // In another batch what lies in between is taken once more, as the window allows; a known time is a duplicate.
    let mut batch = source.begin(seconds(1));
    let family = batch.family("x", Kind::Gauge, "", "", &[] as &[&str]);
    batch.number::<&str>(family, &[], 15.0, Some(NOW.as_f64() - 15_000.0));
    batch.number::<&str>(family, &[], 10.0, Some(NOW.as_f64() - 10_000.0));
    let (_, output) = batch.finish(Ending::Ok);
    assert_eq!(house.samples(&output), ["x 15 @-15000"]);
    assert_eq!(drops(&output), [(DropReason::Duplicate, 1)]);
}

#[test]
fn there_is_one_nan() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    let family = batch.family("x", Kind::Gauge, "", "", &[] as &[&str]);
    batch.number::<&str>(family, &[], f64::from_bits(0x7ff0_0000_0000_0002), None);
    let (_, output) = batch.finish(Ending::Ok);
    assert_eq!(output.collected.samples.values[0].to_bits(), f64::NAN.to_bits());
}

#[test]
fn the_first_kind_counts_and_the_clash_is_told_once() {
    let house = House::new();
    let (_shop, _) = call(house.source("shop"), NOW, &["1"], Ending::Ok);
    let mut source = house.source("other");
    for told in [1, 0] {
        let mut batch = source.begin(NOW);
        let family = batch.family("x", Kind::Counter, "", "", &["a"]);
        batch.number(family, &["1"], 1.0, None);
        let output;
        (source, output) = batch.finish(Ending::Ok);
        assert_eq!(drops(&output), [(DropReason::Clash, 1)]);
        assert_eq!(output.clashes.len(), told);
        let example = "`x` or a name of its series is a Gauge already, and came as Counter; rename one of them";
        assert_eq!(output.collected.dropped[0].example, example);
        if let Some(event) = output.clashes.first() {
            let plugin = PluginName::new("web").unwrap();
            assert_eq!(*event, Event::FamilyClashed { plugin, family: "x".into(), kept: Kind::Gauge, came: Kind::Counter });
        }
    }
}

#[test]
fn another_help_is_told_and_its_points_are_taken() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    for (help, value) in [("one", "1"), ("two", "2"), ("", "3")] {
        let family = batch.family("x", Kind::Gauge, "", help, &["a"]);
        batch.number(family, &[value], 1.0, None);
    }
    let (_, output) = batch.finish(Ending::Ok);
    assert_eq!(output.collected.samples.len(), 3);
    assert_eq!(output.clashes.len(), 1);
    assert_eq!(&*house.registry.family("x").unwrap().help, "one");
}

#[test]
fn an_interned_series_serves_every_target() {
    let house = House::new();
    let mut interner = Interner::new(10);
    let gauge = interner.series("x", Kind::Gauge, &[("a", "1")]).unwrap();
    let counter = interner.series::<&str, &str>("y_total", Kind::Counter, &[]).unwrap();
    for target in ["shop", "bank"] {
        let mut batch = house.source(target).begin(NOW);
        batch.write(&interner, &[gauge, counter, gauge, 7], &[1.0, -1.0, 2.0, 3.0]).unwrap();
        let refused = batch.write(&interner, &[gauge], &[]).unwrap_err();
        assert_eq!(refused.to_string(), "1 ids and 0 values, give one value an id");
        let (_, output) = batch.finish(Ending::Ok);
        assert_eq!(house.samples(&output), [r#"x{a="1"} 1 @0"#]);
        assert_eq!(output.defined[0].1.labels.get("instance"), Some(target));
        assert_eq!(drops(&output), [(DropReason::Invalid, 3), (DropReason::Duplicate, 1)]);
        assert!(is_conserved(&output));
    }
}

#[test]
fn a_new_instances_ids_are_not_the_old_ones() {
    let house = House::new();
    let mut source = house.source("shop");
    for name in ["x", "y"] {
        let mut interner = Interner::new(10);
        let id = interner.series::<&str, &str>(name, Kind::Gauge, &[]).unwrap();
        let mut batch = source.begin(NOW);
        batch.write(&interner, &[id], &[1.0]).unwrap();
        let output;
        (source, output) = batch.finish(Ending::Ok);
        assert_eq!(house.samples(&output), [format!("{name} 1 @0")]);
    }
}

#[test]
fn a_call_beyond_its_limits_is_cut() {
    let limits = Limits { families: 2, samples: 3, bytes: 1000, series: 100 };
    let house = House::with(limits);
    let (source, output) = call(house.source("shop"), NOW, &["1", "2", "3", "4", "5"], Ending::Ok);
    assert_eq!((output.collected.samples.len(), drops(&output)), (3, vec![(DropReason::OutputLimit, 2)]));
    let mut batch = source.begin(seconds(1));
    assert!(
        batch.room(2, 3, 0).is_ok()
            && batch.room(3, 3, 0).is_err()
            && batch.room(0, 4, 0).is_err()
            && batch.room(0, 0, 1001).is_err()
    );
    for name in ["a", "b", "c"] {
        let family = batch.family(name, Kind::Gauge, "", "", &[] as &[&str]);
        batch.number::<&str>(family, &[], 1.0, None);
    }
    let (source, output) = batch.finish(Ending::Ok);
    assert_eq!((output.collected.samples.len(), drops(&output)), (2, vec![(DropReason::OutputLimit, 1)]));
    let (_, output) = call(source, seconds(2), &["1", &"2".repeat(1000)], Ending::Ok);
    assert_eq!((output.collected.samples.len(), drops(&output)), (1, vec![(DropReason::OutputLimit, 1)]));
}

#[test]
fn all_targets_share_the_plugins_series() {
    let house = House::with(Limits { series: 3, ..Limits::default() });
    let (mut shop, _) = call(house.source("shop"), NOW, &["1", "2"], Ending::Ok);
    let (bank, output) = call(house.source("bank"), NOW, &["1", "2"], Ending::Ok);
    assert_eq!((output.collected.samples.len(), drops(&output)), (1, vec![(DropReason::SeriesLimit, 1)]));
    assert_eq!(output.collected.dropped[0].example, "`x` (`2`): is one series too many, the plugin may have 3 live ones");
    shop.committed();
    let _ = shop.gone(seconds(1));
    shop.committed();
    let (bank, output) = call(bank, seconds(1), &["1", "2"], Ending::Ok);
    assert_eq!((output.collected.samples.len(), house.share.live()), (2, 2));
    drop(bank);
    assert_eq!(house.share.live(), 0);
}
