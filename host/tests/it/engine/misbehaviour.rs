//! Guests that attack the host. Each costs its plugin one batch, and says what was wrong.

use std::time::Duration;

use vigie::event::Fault;
use vigie::plugin::engine::EPOCH;
use vigie::plugin::log::LINES_KEPT;
use vigie::plugin::{Outcome, Request};
use vigie::telemetry::CallEnd;

use super::rig::{LONG, Rig, collect, engine, target};

async fn outcome(address: &str) -> Outcome {
    let mut rig = Rig::new("hostile");
    rig.settings.memory_bytes = 32 << 20;
    let handle = rig.start().await;
    let outcome = collect(&handle, address).await;
    assert_eq!(collect(&handle, "well").await, Outcome::Collected, "the plugin lives on");
    outcome
}

fn trapped(outcome: Outcome) -> (String, Vec<String>) {
    match outcome {
        Outcome::Trapped { message, stderr } => (message, stderr),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endless_loop_is_stopped_at_its_cpu() {
    let mut rig = Rig::new("hostile");
    rig.settings.cpu_per_call = 3 * EPOCH;
    let handle = rig.start().await;
    let finished = handle.call(Request::Collect(target("loop")), LONG).await.unwrap();
    assert_eq!(finished.outcome, Outcome::TimedOut { bound: "cpu-per-call of 30ms".into() });
    assert!(finished.cost.cpu >= 3 * EPOCH);
    finished.settle.committed();
    assert_eq!(rig.meter().calls(CallEnd::Timeout), 1);
    rig.settings.cpu_per_call = LONG;
    assert_eq!(collect(&handle, "well").await, Outcome::Collected);
}

#[tokio::test]
async fn endless_loops_leave_room_for_others() {
    let mut rig = Rig::new("hostile");
    rig.settings.cpu_per_call = 10 * EPOCH;
    let (looping, calm) = (rig.start().await, Rig::new("noop").start().await);
    let spin = tokio::spawn(async move { collect(&looping, "loop").await });
    while !spin.is_finished() {
        assert_eq!(collect(&calm, "").await, Outcome::Collected);
    }
    assert!(matches!(spin.await.unwrap(), Outcome::TimedOut { .. }));
}

#[tokio::test]
async fn a_guest_that_sleeps_for_ever_is_stopped_at_its_timeout() {
    let handle = Rig::new("hostile").start().await;
    let timeout = Duration::from_millis(20);
    let finished = handle.call(Request::Collect(target("sleep")), timeout).await.unwrap();
    assert_eq!(finished.outcome, Outcome::TimedOut { bound: "timeout of 20ms".into() });
    finished.settle.committed();
    assert_eq!(collect(&handle, "well").await, Outcome::Collected);
}

#[tokio::test]
async fn memory_without_end_meets_the_plugins_limit() {
    let (message, _) = trapped(outcome("allocate").await);
    assert!(message.contains("its memory had reached the plugin's limit of 32 MiB"), "{message}");
}

#[tokio::test]
async fn what_a_dropped_instance_used_is_given_back() {
    let rig = Rig::new("hostile");
    let handle = rig.start().await;
    trapped(collect(&handle, "trap").await);
    handle.stop().await;
    assert_eq!(rig.meter().memory_bytes.get(), 0);
    assert!(engine().memory().used() < 1 << 30);
}

#[tokio::test]
async fn deep_recursion_is_a_trap_with_a_backtrace() {
    let (message, _) = trapped(outcome("recurse").await);
    assert!(message.starts_with("the plugin recursed too deep"), "{message}");
    assert!(message.contains("\n  in ") && message.contains("recurse"), "{message}");
}

#[tokio::test]
async fn a_bare_trap_says_where() {
    let (message, stderr) = trapped(outcome("trap").await);
    assert!(message.starts_with("the plugin aborted: wasm trap: wasm `unreachable` instruction executed\n  in "), "{message}");
    assert!(stderr.is_empty());
}

#[tokio::test]
async fn a_panic_says_its_message() {
    let (message, stderr) = trapped(outcome("panic").await);
    assert!(message.starts_with("plugin panicked: the disk is on fire (at "), "{message}");
    assert!(stderr.iter().any(|line| line.contains("the disk is on fire")), "{stderr:?}");
}

#[tokio::test]
async fn exit_is_a_trap_that_says_so() {
    let (message, _) = trapped(outcome("exit").await);
    assert!(message.starts_with("the plugin called `exit("), "{message}");
}

#[tokio::test]
async fn an_error_is_no_trap() {
    let expected =
        Outcome::Erred { fault: Fault::Transient, message: "not today".into(), retry_after: Some(Duration::from_millis(1500)) };
    assert_eq!(outcome("error").await, expected);
}

#[tokio::test]
async fn a_flooded_log_keeps_its_bounds() {
    for address in ["flood-log", "flood-stdout", "long-line"] {
        let rig = Rig::new("hostile");
        let handle = rig.start().await;
        assert_eq!(collect(&handle, address).await, Outcome::Collected, "{address}");
        let (meter, lines) = (rig.meter(), handle.log().lines());
        assert!(lines.len() <= LINES_KEPT && lines.iter().all(|line| line.message.len() < 5000), "{address}");
        assert!(meter.log_lines.get() + meter.log_dropped.get() > 1000, "{address}");
        assert!(meter.log_dropped.get() > 0, "{address}");
    }
}

#[tokio::test]
async fn a_huge_string_meets_the_bound_on_what_is_handed_over() {
    let mut rig = Rig::new("hostile");
    rig.settings.memory_bytes = 512 << 20;
    let handle = rig.start().await;
    assert_eq!(collect(&handle, "all-memory").await, Outcome::Collected, "40 MiB: a dropped point");
    assert_eq!(
        rig.meter().dropped(vigie::model::DropReason::OutputLimit) + rig.meter().dropped(vigie::model::DropReason::Invalid),
        1
    );
}

#[tokio::test]
async fn calls_that_trap_again_and_again_wait_for_a_new_instance() {
    let handle = Rig::new("hostile").start().await;
    trapped(collect(&handle, "trap").await);
    trapped(collect(&handle, "trap").await);
    let waits = handle.call(Request::Collect(target("well")), LONG).await.unwrap_err();
    assert!(waits.to_string().starts_with("the plugin starts again in "), "{waits}");
}
