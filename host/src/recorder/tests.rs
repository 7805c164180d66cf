//! What the recorder promises: when it answers, and what it does when the disk does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;
use crate::bus::Bus;
use crate::event::{Event, Frame, Origin};
use crate::journal::faults::{Faults, scratch};
use crate::journal::{Item, Reader, Settings};
use crate::model::Timestamp;

/// So long that no test sees it pass.
const NEVER: Durability = Durability::Interval(Duration::from_secs(3600));

struct Fixture {
    directory: tempfile::TempDir,
    faults: Arc<Faults>,
    telemetry: Arc<Telemetry>,
    bus: Bus,
    recorder: RecorderHandle,
}

fn start(durability: Durability) -> Fixture {
    let (directory, faults, telemetry) = (scratch(), Faults::new(), Arc::new(Telemetry::default()));
    let (journal, _) = Journal::open_on(directory.path(), Settings::default(), faults.clone()).unwrap();
    let (bus, receiver) = Bus::new();
    let recorder = spawn(journal, receiver, telemetry.clone(), durability).unwrap();
    Fixture { directory, faults, telemetry, bus, recorder }
}

fn frame(at: i64) -> Frame {
    let event = Event::HostStarted { version: "1".into() };
    Frame { at: Timestamp(at), origin: Origin::Host, events: vec![event] }
}

impl Fixture {
    fn submit(&self, at: i64, accept: Accept) -> JoinHandle<Result<Committed, SubmitError>> {
        let bus = self.bus.clone();
        tokio::spawn(async move { bus.submit(frame(at), accept).await })
    }

    async fn wait_written(&self, offset: u64) {
        self.recorder.written().wait_for(|written| written.0 >= offset).await.unwrap();
    }
}

async fn times(reader: &mut Reader) -> Vec<i64> {
    let items = reader.batch(usize::MAX).await.unwrap();
    let time = |item: &Item| match item {
        Item::Record(record) => record.frame.at.0,
        Item::Skipped(skipped) => panic!("{skipped:?}"),
    };
    items.iter().map(time).collect()
}

#[tokio::test]
async fn a_default_frame_is_accepted_when_written_a_synced_one_when_synced() {
    let it = start(NEVER);
    it.faults.hold_syncs(true);
    let committed = it.bus.submit(frame(1), Accept::Default).await.unwrap();
    assert_eq!((committed.first, committed.last), (Offset(1), Offset(1)));
    assert_eq!((*it.recorder.written().borrow(), *it.recorder.synced().borrow()), (Offset(1), Offset(0)));
    let synced = it.submit(2, Accept::Synced);
    it.wait_written(2).await;
    assert!(it.bus.submit(frame(3), Accept::Default).await.is_ok(), "others do not wait");
    assert!(!synced.is_finished());
    it.faults.hold_syncs(false);
    assert_eq!(synced.await.unwrap().unwrap().first, Offset(2));
    assert!(*it.recorder.synced().borrow() >= Offset(2));
}

#[tokio::test]
async fn with_always_everything_waits_for_a_sync_and_many_share_one() {
    let it = start(Durability::Always);
    it.faults.hold_syncs(true);
    let first = it.submit(1, Accept::Default);
    it.wait_written(1).await;
    let others: Vec<_> = (2..=100).map(|at| it.submit(at, Accept::Default)).collect();
    it.wait_written(100).await;
    assert!(!first.is_finished() && others.iter().all(|other| !other.is_finished()));
    it.faults.hold_syncs(false);
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert!(it.faults.syncs() <= 3, "{} syncs", it.faults.syncs());
}

#[tokio::test]
async fn a_written_frame_is_synced_after_the_interval_without_being_asked() {
    let it = start(Durability::Interval(Duration::from_millis(1)));
    it.bus.submit(frame(1), Accept::Default).await.unwrap();
    it.recorder.synced().wait_for(|synced| *synced == Offset(1)).await.unwrap();
}

#[tokio::test]
async fn shutting_down_drains_the_bus_syncs_and_closes() {
    let it = start(NEVER);
    let submitted: Vec<_> = (1..=300).map(|at| it.submit(at, Accept::Default)).collect();
    let mut reader = it.recorder.tail().reader(Offset(1));
    it.wait_written(1).await;
    it.recorder.shutdown().await.unwrap();
    let mut taken = 0;
    for submitted in submitted {
        match submitted.await.unwrap() {
            Ok(_) => taken += 1,
            Err(error) => assert_eq!(error, SubmitError::Closed),
        }
    }
    let mut read = 0;
    while reader.next().await.is_ok() {
        read += 1;
    }
    let meter = &it.telemetry.journal;
    assert_eq!((read, meter.frames.get(), meter.synced.get(), meter.written.get()), (taken, taken, taken, taken));
    let (_, recovery) = Journal::open(it.directory.path(), Settings::default()).unwrap();
    assert_eq!((recovery.last, recovery.raised), (Offset(taken), false));
}

#[tokio::test]
async fn a_full_disk_refuses_and_later_frames_are_taken() {
    let it = start(NEVER);
    it.bus.submit(frame(1), Accept::Default).await.unwrap();
    it.faults.leave_space(Some(50));
    let refused = it.bus.submit(frame(2), Accept::Synced).await.unwrap_err();
    assert!(matches!(&refused, SubmitError::Append(error) if error.contains("No space left")), "{refused}");
    assert!(matches!(*it.recorder.condition().borrow(), Condition::Refusing { .. }));
    it.faults.leave_space(None);
    assert_eq!(it.bus.submit(frame(3), Accept::Synced).await.unwrap().first, Offset(2));
    assert_eq!(*it.recorder.condition().borrow(), Condition::Sound);
    assert_eq!(times(&mut it.recorder.tail().reader(Offset(1))).await, [1, 3]);
    assert_eq!(it.telemetry.journal.failures.get(), 1);
}

#[tokio::test]
async fn a_failed_sync_is_repaired_before_anybody_is_answered() {
    let it = start(NEVER);
    it.bus.submit(frame(1), Accept::Default).await.unwrap();
    it.faults.fail_syncs(1);
    assert_eq!(it.bus.submit(frame(2), Accept::Synced).await.unwrap().first, Offset(2));
    assert_eq!(*it.recorder.condition().borrow(), Condition::Sound);
    it.recorder.shutdown().await.unwrap();
    let offline = crate::journal::read_dir(it.directory.path()).unwrap();
    assert_eq!(offline.items(Offset(1)).count(), 2);
}

#[tokio::test]
async fn when_the_repair_fails_too_askers_are_told_and_it_is_tried_again() {
    let it = start(NEVER);
    it.faults.fail_syncs(2);
    let unsynced = it.bus.submit(frame(1), Accept::Synced).await.unwrap_err();
    assert!(matches!(&unsynced, SubmitError::Unsynced { committed, .. } if committed.first == Offset(1)), "{unsynced}");
    assert!(matches!(*it.recorder.condition().borrow(), Condition::Failed { .. }));
    let refused = it.bus.submit(frame(2), Accept::Default).await;
    assert!(matches!(&refused, Err(SubmitError::Append(error)) if error.contains("cannot be synced")), "{refused:?}");
    it.recorder.condition().wait_for(|condition| *condition == Condition::Sound).await.unwrap();
    assert_eq!(*it.recorder.synced().borrow(), Offset(1));
    assert_eq!(it.bus.submit(frame(3), Accept::Synced).await.unwrap().first, Offset(2));
    assert_eq!(times(&mut it.recorder.tail().reader(Offset(1))).await, [1, 3]);
}

#[tokio::test]
async fn a_handle_that_is_dropped_ends_the_recorder() {
    let it = start(NEVER);
    let mut reader = it.recorder.tail().reader(Offset(1));
    drop(it.recorder);
    assert!(reader.next().await.is_err());
    assert_eq!(it.bus.submit(frame(1), Accept::Default).await, Err(SubmitError::Closed));
}
