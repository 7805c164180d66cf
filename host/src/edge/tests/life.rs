//! When series begin and end, and what a batch means that failed or was not committed.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{CheckReport, SeriesId, Status};

#[test]
fn a_series_that_is_missing_from_the_next_batch_ends() {
    let house = House::new();
    let (source, output) = call(house.source("shop"), NOW, &["1", "2"], Ending::Ok);
    assert!(output.collected.ended.is_empty());
    let (source, output) = call(source, seconds(1), &["2", "3"], Ending::Ok);
    assert_eq!(house.ended(&output), [r#"x{a="1"}"#]);
    let (_, output) = call(source, seconds(2), &[], Ending::Ok);
    assert_eq!(house.ended(&output), [r#"x{a="2"}"#, r#"x{a="3"}"#]);
}

#[test]
fn sources_do_not_end_each_others_series() {
    let house = House::new();
    let (_collected, _) = call(house.source("shop"), NOW, &["1"], Ending::Ok);
    let (_checked, output) = call(house.source("shop"), NOW, &["2"], Ending::Ok);
    assert!(output.collected.ended.is_empty());
}

#[test]
fn a_failed_call_ends_all_series() {
    for (ending, samples, dropped) in [(Ending::Erred, 1, vec![]), (Ending::Aborted, 0, vec![(DropReason::CallFailed, 1)])] {
        let house = House::new();
        let (source, _) = call(house.source("shop"), NOW, &["1", "2"], Ending::Ok);
        let (source, output) = call(source, seconds(1), &["2"], ending);
        assert_eq!(house.ended(&output), [r#"x{a="1"}"#, r#"x{a="2"}"#], "{ending:?}");
        assert_eq!((output.collected.samples.len(), drops(&output)), (samples, dropped), "{ending:?}");
        let (source, output) = call(source, seconds(2), &["2"], Ending::Ok);
        assert!(output.collected.ended.is_empty());
        assert_eq!(house.share.live(), 1);
        drop(source);
    }
}

#[test]
fn a_plugin_may_end_a_series_that_it_has_just_written() {
    let house = House::new();
    let mut batch = house.source("shop").begin(NOW);
    let family = batch.family("x", Kind::Gauge, "", "", &["a"]);
    for value in ["1", "2", "3"] {
        batch.number(family, &[value], 1.0, Some(NOW.as_f64() - 1000.0));
    }
    batch.end_series(family, &["1"]);
    batch.end_series(family, &["2"]);
    batch.number(family, &["2"], 1.0, None);
    batch.end_series(family, &["unheard of"]);
    let (source, output) = batch.finish(Ending::Ok);
    assert_eq!(house.ended(&output), [r#"x{a="1"}"#]);
    let (_, output) = call(source, seconds(1), &[], Ending::Ok);
    assert_eq!(house.ended(&output), [r#"x{a="2"}"#, r#"x{a="3"}"#]);
}

#[test]
fn a_batch_that_was_not_committed_never_was() {
    let house = House::new();
    let (source, _) = call(house.source("shop"), NOW, &["1", "2"], Ending::Ok);
    let (mut source, output) = call(source, seconds(1), &["2", "3"], Ending::Ok);
    assert_eq!(output.defined.len(), 1);
    source.lost();
    assert_eq!((source.live_ids().len(), house.share.live()), (2, 2));
    // The same times once more, and the same definition.
    let (_, output) = call(source, seconds(1), &["2", "3"], Ending::Ok);
    assert_eq!((output.collected.samples.len(), output.defined.len()), (2, 1));
    assert_eq!(house.ended(&output), [r#"x{a="1"}"#]);
}

#[test]
fn a_series_is_defined_until_its_definition_is_journaled() {
    let house = House::new();
    let (mut shop, output) = call(house.source("shop"), NOW, &["1"], Ending::Ok);
    assert_eq!(output.defined.len(), 1);
    shop.lost();
    let (mut shop, output) = call(shop, seconds(1), &["1"], Ending::Ok);
    assert_eq!(output.defined.len(), 1);
    shop.committed();
    let (_, output) = call(shop, seconds(2), &["1"], Ending::Ok);
    assert!(output.defined.is_empty());
}

#[test]
fn a_restart_takes_up_what_was_live() {
    let house = House::new();
    let (mut source, output) = call(house.source("shop"), NOW, &["1", "2"], Ending::Ok);
    source.committed();
    let again = House::new();
    house.registry.snapshot().into_iter().for_each(|(id, definition)| again.registry.restore(id, definition));
    let mut source = again.source("shop");
    source.seed_live(output.collected.samples.ids.iter().copied().chain([SeriesId(99)]));
    assert_eq!(again.share.live(), 2);
    let (_, output) = call(source, seconds(60), &["2"], Ending::Ok);
    assert_eq!(again.ended(&output), [r#"x{a="1"}"#]);
    assert!(output.defined.is_empty(), "the journal has the definition");
}

#[test]
fn a_target_that_goes_ends_its_series() {
    let house = House::new();
    let (mut source, _) = call(house.source("shop"), NOW, &["1"], Ending::Ok);
    let gone = source.gone(seconds(1)).unwrap();
    assert_eq!((gone.ended.len(), gone.samples.len()), (1, 0));
    source.lost();
    assert_eq!(source.live_ids().len(), 1, "what is not committed did not happen");
    assert!(source.gone(seconds(2)).is_some());
    source.committed();
    assert!(source.gone(seconds(3)).is_none());
}

#[test]
fn labels_that_always_change_cost_what_is_live() {
    let house = House::new();
    let mut source = house.source("shop");
    for at in 0..400 {
        let values: Vec<String> = (0..20).map(|n| format!("{at}-{n}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).chain(["always"]).collect();
        let output;
        (source, output) = call(source, seconds(at), &values, Ending::Ok);
        assert_eq!(output.collected.samples.len(), 21);
        assert_eq!(output.collected.ended.len(), if at == 0 { 0 } else { 20 });
        assert!(source.slots.len() < 1200 && source.cache.points() < 1200);
    }
    source.committed();
    assert_eq!(house.share.live(), 21);
}

#[test]
fn a_checks_answers_are_series() {
    let house = House::new();
    let target = Target {
        name: Some(Name::new("shop").unwrap()),
        address: String::new(),
        labels: Labels::new([("check", "lie")]).unwrap(),
    };
    let mut source = StatusSource::new(house.registry.clone(), &PluginName::new("http").unwrap(), &target, "anna");
    let mut report = CheckReport {
        status: Status::Degraded,
        message: String::new(),
        latency: Some(Duration::from_millis(20)),
        details: Labels::default(),
    };
    let output = source.record(NOW, &report).unwrap();
    source.committed();
    let labels = r#"check="http",target="shop""#;
    let status = |status: &str, value| format!(r#"check_status{{check="http",status="{status}",target="shop"}} {value} @0"#);
    let expected = [
        status("up", 0),
        status("degraded", 1),
        status("down", 0),
        status("unknown", 0),
        format!("check_up{{{labels}}} 1 @0"),
        format!("check_latency_seconds{{{labels}}} 0.02 @0"),
    ];
    assert_eq!(house.samples(&output), expected);
    (report.status, report.latency) = (Status::Unknown, None);
    let output = source.record(seconds(1), &report).unwrap();
    assert_eq!(house.ended(&output), [format!("check_latency_seconds{{{labels}}}"), format!("check_up{{{labels}}}")]);
}

proptest! {
    /// The live set is what the last committed batch held; each end is told once.
    #[test]
    fn staleness_is_as_the_model_says(
        calls in prop::collection::vec((prop::collection::btree_set(0_u8..6, 0..6), 0_u8..4, any::<bool>()), 1..30)
    ) {
        let house = House::new();
        let mut source = house.source("shop");
        let mut live: BTreeSet<String> = BTreeSet::new();
        for (at, (series, ending, committed)) in calls.into_iter().enumerate() {
            let series: BTreeSet<String> = series.into_iter().map(|n| n.to_string()).collect();
            let values: Vec<&str> = series.iter().map(String::as_str).collect();
            let ending = [Ending::Ok, Ending::Ok, Ending::Erred, Ending::Aborted][usize::from(ending)];
            let output;
            (source, output) = call(source, seconds(i64::try_from(at).unwrap()), &values, ending);
            let ended: BTreeSet<String> = house.ended(&output).iter().map(|name| name.chars().filter(char::is_ascii_digit).collect()).collect();
            let (expected, next) = match ending {
                Ending::Ok => (live.difference(&series).cloned().collect(), series),
                Ending::Erred => (live.union(&series).cloned().collect(), BTreeSet::new()),
                Ending::Aborted => (live.clone(), BTreeSet::new()),
            };
            prop_assert_eq!(&ended, &expected);
            prop_assert_eq!(ended.len(), output.collected.ended.len());
            prop_assert!(is_conserved(&output));
            if committed { source.committed(); live = next } else { source.lost() }
            prop_assert_eq!(source.live_ids().len(), live.len());
            prop_assert_eq!(house.share.live(), live.len());
        }
    }
}
