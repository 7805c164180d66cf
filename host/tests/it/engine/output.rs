//! What guests put out: samples and rubbish.

use vigie::model::DropReason;
use vigie::plugin::{Outcome, Request};

use super::rig::{Rig, call, collect, target};

#[tokio::test]
async fn rubbish_is_dropped_with_its_reason_and_the_rest_is_kept() {
    for (address, reason, kept) in [
        ("label-name", DropReason::Invalid, 1),
        ("reserved-label", DropReason::Invalid, 1),
        ("metric-name", DropReason::Invalid, 1),
        ("empty-name", DropReason::Invalid, 1),
        ("mismatch", DropReason::Invalid, 1),
        ("twice", DropReason::Duplicate, 1),
        ("nan-time", DropReason::Invalid, 1),
        ("far-time", DropReason::Time, 1),
        ("old-time", DropReason::Late, 1),
        ("negative-counter", DropReason::Invalid, 1),
        ("clash", DropReason::Clash, 1),
        ("histogram", DropReason::Invalid, 1),
    ] {
        let rig = Rig::new("rubbish");
        let handle = rig.start().await;
        let finished = call(&handle, Request::Collect(target(address))).await;
        let collected = &finished.output.as_ref().unwrap().collected;
        assert_eq!(finished.outcome, Outcome::Collected, "{address}");
        assert_eq!(collected.samples.len(), kept, "{address}");
        assert!(collected.samples.values[0].is_nan(), "{address}: NaN is a value");
        assert_eq!(collected.dropped.iter().map(|drop| drop.reason).collect::<Vec<_>>(), [reason], "{address}");
        finished.settle.committed();
    }
}

#[tokio::test]
async fn a_million_points_are_cut_at_the_limit_and_all_are_accounted_for() {
    for address in ["million-points", "emit-million"] {
        let mut rig = Rig::new("hostile");
        rig.settings.memory_bytes = 512 << 20;
        rig.settings.output.samples = 1000;
        let handle = rig.start().await;
        let finished = call(&handle, Request::Collect(target(address))).await;
        let output = finished.output.as_ref().unwrap();
        let dropped: u64 = output.collected.dropped.iter().map(|drop| drop.count).sum();
        assert!(output.collected.samples.len() <= 1000, "{address}");
        assert_eq!(output.taken, output.collected.samples.len() as u64 + dropped, "{address}");
        finished.settle.committed();
        let meter = rig.meter();
        let drops: u64 = DropReason::ALL.into_iter().map(|reason| meter.dropped(reason)).sum();
        assert_eq!(meter.taken.get(), meter.applied.get() + drops + meter.queued.get(), "{address}");
    }
}

#[tokio::test]
async fn interned_series_are_written_by_number() {
    let rig = Rig::new("interned");
    let handle = rig.start().await;
    let finished = call(&handle, Request::Collect(target("3"))).await;
    let expected = [r#"interned{shard="0"} 0"#, r#"interned{shard="1"} 1"#, r#"interned{shard="2"} 2"#];
    assert_eq!(rig.samples(finished.output.as_ref()), expected);
    finished.settle.committed();
    assert_eq!(collect(&handle, "3").await, Outcome::Collected, "known by now");
}

#[tokio::test]
async fn numbers_that_were_never_given_are_dropped_and_uneven_lists_refused() {
    let rig = Rig::new("interned");
    let handle = rig.start().await;
    assert_eq!(collect(&handle, "unknown").await, Outcome::Collected);
    assert_eq!(rig.meter().dropped(DropReason::Invalid), 1);
    let Outcome::Erred { message, .. } = collect(&handle, "uneven").await else { panic!("it was taken") };
    assert_eq!(message, "2 ids and 1 values, give one value an id");
}

#[tokio::test]
async fn a_series_that_is_missing_from_the_next_batch_ends() {
    let rig = Rig::new("families");
    let handle = rig.start().await;
    let two = std::sync::Arc::new(vigie::model::Target { address: "2".into(), ..(*target("t")).clone() });
    let one = std::sync::Arc::new(vigie::model::Target { address: "1".into(), ..(*two).clone() });
    call(&handle, Request::Collect(two)).await.settle.committed();
    let finished = call(&handle, Request::Collect(one)).await;
    assert_eq!(rig.ended(finished.output.as_ref()), [r#"bench_seconds{node="node-1",region="eu-central-1",shard="1"}"#]);
    finished.settle.committed();
    assert_eq!(handle.stop().await.iter().map(|collected| collected.ended.len()).sum::<usize>(), 1);
}

#[tokio::test]
async fn a_trap_ends_what_the_target_had() {
    let rig = Rig::new("hostile");
    let handle = rig.start().await;
    let calm = std::sync::Arc::new(vigie::model::Target { address: "well".into(), ..(*target("t")).clone() });
    let trap = std::sync::Arc::new(vigie::model::Target { address: "trap".into(), ..(*calm).clone() });
    call(&handle, Request::Collect(calm)).await.settle.committed();
    let finished = call(&handle, Request::Collect(trap)).await;
    assert_eq!(rig.ended(finished.output.as_ref()), [r#"calm{at="0"}"#]);
    finished.settle.committed();
}
