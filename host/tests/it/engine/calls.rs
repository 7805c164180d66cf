//! A call, its settlement and its cost.

use vigie::event::PluginFacts;
use vigie::plugin::{Outcome, Request, Unavailable};
use vigie::telemetry::CallEnd;

use super::rig::{LONG, Rig, call, collect, name, target};

#[tokio::test]
async fn a_call_goes_through_the_whole_path() {
    let rig = Rig::new("noop");
    let handle = rig.start().await;
    assert_eq!(collect(&handle, "").await, Outcome::Collected);
    let finished = call(&handle, Request::Collect(target(""))).await;
    assert_eq!((finished.generation, finished.writes.len()), (1, 0));
    assert!(finished.cost.cpu <= finished.cost.wall && finished.cost.memory_bytes > 0);
    finished.settle.committed();
    let meter = rig.meter();
    assert_eq!(meter.calls(CallEnd::Ok), 2);
    assert!(meter.memory_bytes.get() > 0 && !meter.cpu_time().is_zero());
}

#[tokio::test]
async fn a_plugin_tells_what_was_loaded() {
    let handle = Rig::new("noop").start().await;
    let PluginFacts { plugin, roles, .. } = handle.facts();
    assert_eq!((plugin, roles), (name("noop"), vec!["collector".to_owned()]));
}

#[tokio::test]
async fn a_role_that_the_plugin_lacks_is_not_called() {
    let handle = Rig::new("noop").start().await;
    let refused = handle.call(Request::Rules, LONG).await.unwrap_err();
    assert_eq!(refused.to_string(), "the plugin is no alerter");
}

#[tokio::test]
async fn no_call_begins_before_the_one_before_is_settled() {
    let handle = Rig::new("noop").start().await;
    let first = call(&handle, Request::Collect(target("a"))).await;
    let caller = handle.clone();
    let second = tokio::spawn(async move { caller.call(Request::Collect(target("b")), LONG).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
    }
    first.settle.committed();
    second.await.unwrap().unwrap().settle.committed();
}

#[tokio::test]
async fn a_stopped_plugin_takes_no_calls() {
    let handle = Rig::new("noop").start().await;
    assert!(handle.stop().await.is_empty());
    assert_eq!(handle.call(Request::Collect(target("")), LONG).await.unwrap_err(), Unavailable::Stopped);
}
