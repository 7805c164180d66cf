//! State: what commits, and what does not.

use vigie::plugin::{Finished, Handle, Outcome, Request};

use super::rig::{Rig, call, target};

/// The two numbers that the guest tells: what it counted in its state, and what its memory remembers.
fn told(rig: &Rig, finished: &Finished) -> String {
    rig.samples(finished.output.as_ref()).join(" ")
}

async fn counted(rig: &Rig, handle: &Handle, address: &str) -> String {
    let finished = call(handle, Request::Collect(target(address))).await;
    let told = told(rig, &finished);
    finished.settle.committed();
    told
}

#[tokio::test]
async fn committed_writes_are_seen_by_the_next_call() {
    let rig = Rig::new("counter");
    let handle = rig.start().await;
    assert_eq!(counted(&rig, &handle, "").await, "counted{} 1 remembered{} 1");
    assert_eq!(counted(&rig, &handle, "").await, "counted{} 2 remembered{} 2");
}

#[tokio::test]
async fn each_target_has_its_own_keys() {
    let rig = Rig::new("counter");
    let handle = rig.start().await;
    assert_eq!(counted(&rig, &handle, "a").await, "counted{} 1 remembered{} 1");
    assert_eq!(counted(&rig, &handle, "b").await, "counted{} 1 remembered{} 2");
}

#[tokio::test]
async fn what_init_wrote_commits_with_the_first_call() {
    let rig = Rig::new("counter");
    let handle = rig.start().await;
    let written = |finished: &Finished| finished.writes.iter().map(|write| write.key.clone()).collect::<Vec<_>>();
    let first = call(&handle, Request::Collect(target("t"))).await;
    assert_eq!(written(&first), ["begun", "calls"]);
    first.settle.committed();
    let second = call(&handle, Request::Collect(target("t"))).await;
    assert_eq!(written(&second), ["calls"]);
    second.settle.committed();
}

#[tokio::test]
async fn a_call_that_is_not_committed_leaves_neither_state_nor_memory() {
    let rig = Rig::new("counter");
    let handle = rig.start().await;
    counted(&rig, &handle, "").await;
    let lost = call(&handle, Request::Collect(target(""))).await;
    assert_eq!(told(&rig, &lost), "counted{} 2 remembered{} 2");
    drop(lost);
    assert_eq!(counted(&rig, &handle, "").await, "counted{} 2 remembered{} 1");
    assert_eq!(rig.meter().dropped(vigie::model::DropReason::Journal), 2);
}

#[tokio::test]
async fn an_error_commits_what_it_gave_to_sink_but_not_its_state() {
    let rig = Rig::new("counter");
    let handle = rig.start().await;
    let same = |address: &str| {
        let mut target = (*target("t")).clone();
        target.address = address.into();
        Request::Collect(std::sync::Arc::new(target))
    };
    let erred = call(&handle, same("error")).await;
    assert!(matches!(&erred.outcome, Outcome::Erred { message, .. } if message == "after all"));
    assert_eq!((told(&rig, &erred).as_str(), erred.writes.len()), ("counted{} 1 remembered{} 1", 0));
    erred.settle.committed();
    let fine = call(&handle, same("")).await;
    assert_eq!(told(&rig, &fine), "counted{} 1 remembered{} 2", "an error keeps the instance");
    fine.settle.committed();
}

#[tokio::test]
async fn a_trap_commits_nothing_and_costs_the_instance() {
    let rig = Rig::new("counter");
    let handle = rig.start().await;
    counted(&rig, &handle, "").await;
    let trapped = call(&handle, Request::Collect(target("trap"))).await;
    assert!(matches!(&trapped.outcome, Outcome::Trapped { .. }) && trapped.writes.is_empty());
    trapped.settle.committed();
    let finished = call(&handle, Request::Collect(target(""))).await;
    assert_eq!((told(&rig, &finished).as_str(), finished.generation), ("counted{} 2 remembered{} 1", 2));
    finished.settle.committed();
}

#[tokio::test]
async fn state_comes_back_from_the_journal() {
    let mut rig = Rig::new("counter");
    let handle = rig.start().await;
    let finished = call(&handle, Request::Collect(target(""))).await;
    (rig.past.writes, rig.past.generation) = (finished.writes.clone(), finished.generation);
    finished.settle.committed();
    handle.stop().await;
    let handle = rig.start().await;
    let finished = call(&handle, Request::Collect(target(""))).await;
    assert_eq!((told(&rig, &finished).as_str(), finished.generation), ("counted{} 2 remembered{} 1", 2));
    finished.settle.committed();
}

#[tokio::test]
async fn a_full_state_is_an_error_that_says_so() {
    let handle = Rig::new("counter").start().await;
    let finished = call(&handle, Request::Collect(target("fill"))).await;
    let Outcome::Erred { message, .. } = &finished.outcome else { panic!("{:?}", finished.outcome) };
    assert!(message.starts_with("the plugin's state is full"), "{message}");
    finished.settle.committed();
}
