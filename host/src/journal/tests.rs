//! What the journal promises, one test a promise. Random histories are in `model_tests`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::faults::{Faults, scratch};
use super::*;
use crate::event::{Event, Frame, Origin};
use crate::model::{Epoch, Timestamp};

pub(super) const SMALL: Settings = Settings { segment_bytes: 1000, retain_bytes: 4000, tail_bytes: 1500, tail_frames: 4 };

/// A frame at `at` with so many events, each with a text of that length.
pub(super) fn frame(at: i64, events: usize, length: usize) -> Frame {
    let event = |n: usize| Event::HostStarted { version: format!("{n:0>length$}") };
    Frame { at: Timestamp(at), origin: Origin::Host, events: (0..events).map(event).collect() }
}

pub(super) fn open(directory: &Path) -> (Journal, Recovery) {
    Journal::open(directory, SMALL).unwrap()
}

/// A journal of frames with two events each, at the times 1, 2, … as asked for.
fn with_frames(directory: &Path, count: i64) -> Journal {
    let (mut journal, _) = open(directory);
    append(&mut journal, 1..=count);
    journal
}

fn append(journal: &mut Journal, times: std::ops::RangeInclusive<i64>) {
    for at in times {
        journal.append(frame(at, 2, 40)).unwrap();
    }
}

pub(super) fn read_all(tail: &Tail, from: u64) -> Vec<Item> {
    let mut reader = tail.reader(Offset(from));
    let mut items = Vec::new();
    loop {
        let batch = reader.batch_blocking(3).unwrap();
        if batch.is_empty() {
            return items;
        }
        items.extend(batch);
    }
}

pub(super) fn records(items: &[Item]) -> Vec<Arc<Record>> {
    let record = |item: &Item| match item {
        Item::Record(record) => Some(record.clone()),
        Item::Skipped(_) => None,
    };
    items.iter().filter_map(record).collect()
}

fn times(items: &[Item]) -> Vec<i64> {
    records(items).iter().map(|record| record.frame.at.0).collect()
}

pub(super) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths.sort();
    paths
}

pub(super) fn pretend_the_machine_went_down(directory: &Path) {
    fs::write(directory.join("lock"), "1 another-boot 1").unwrap();
}

#[test]
fn offsets_are_dense_from_one_and_frames_without_events_take_none() {
    let directory = scratch();
    let (mut journal, recovery) = open(directory.path());
    assert_eq!((recovery.epoch, recovery.last, recovery.raised), (Epoch(1), Offset(0), false));
    let places: Vec<_> =
        [2, 0, 1].map(|events| journal.append(frame(1, events, 1)).unwrap()).map(|a| (a.number, a.first.0, a.last.0)).into();
    assert_eq!(places, [(1, 1, 2), (2, 3, 2), (3, 3, 3)]);
    let all = records(&read_all(&journal.tail(), 1));
    let ids: Vec<String> = all.iter().flat_map(|record| record.envelopes()).map(|envelope| envelope.id.to_string()).collect();
    assert_eq!(ids, ["1-1", "1-2", "1-3"]);
    assert_eq!(records(&read_all(&journal.tail(), 3)).len(), 2, "a frame without events right before the offset is read again");
}

#[test]
fn readers_from_memory_and_from_disk_read_the_same() {
    let directory = scratch();
    let mut journal = with_frames(directory.path(), 40);
    journal.sync().unwrap();
    let from_disk = read_dir(directory.path()).unwrap();
    for from in 0..=90 {
        let mixed = read_all(&journal.tail(), from);
        let disk: Vec<_> = from_disk.items(Offset(from)).map(Result::unwrap).collect();
        assert_eq!(mixed, disk, "from {from}");
        let first = from.clamp(1, 81).div_ceil(2);
        assert_eq!(times(&mixed), (i64::try_from(first).unwrap()..=40).collect::<Vec<_>>(), "from {from}");
    }
    assert_eq!(verify(directory.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_killed_host_loses_nothing_and_goes_on_in_the_same_epoch() {
    let directory = scratch();
    drop(with_frames(directory.path(), 20));
    let (mut journal, recovery) = open(directory.path());
    assert_eq!(recovery, Recovery { epoch: Epoch(1), last: Offset(40), ..Recovery::default() });
    assert_eq!(journal.append(frame(21, 1, 1)).unwrap().first, Offset(41));
    assert_eq!(times(&read_all(&journal.tail(), 1)), (1..=21).collect::<Vec<_>>());
    journal.close().unwrap();
    assert_eq!(open(directory.path()).1.epoch, Epoch(1));
}

#[test]
fn after_the_machine_went_down_the_epoch_is_another() {
    let directory = scratch();
    drop(with_frames(directory.path(), 3));
    pretend_the_machine_went_down(directory.path());
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.epoch, recovery.raised), (Epoch(2), true));
    drop(journal);
    let (mut journal, recovery) = open(directory.path());
    assert_eq!((recovery.epoch, recovery.raised), (Epoch(2), false), "it is written down at once");
    assert_eq!(journal.append(frame(4, 1, 1)).unwrap().first, Offset(7));
    assert_eq!(times(&read_all(&journal.tail(), 1)), [1, 2, 3, 4]);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_reported() {
    let directory = scratch();
    drop(with_frames(directory.path(), 4));
    let last = segments(directory.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let frame_bytes = whole.len() - usize::try_from(read_dir(directory.path()).unwrap().last_frame_position()).unwrap();
    for cut in 1..frame_bytes {
        let torn = scratch();
        fs::create_dir(torn.path().join("journal")).unwrap();
        for segment in segments(directory.path()) {
            fs::copy(&segment, torn.path().join("journal").join(segment.file_name().unwrap())).unwrap();
        }
        let file = torn.path().join("journal").join(last.file_name().unwrap());
        fs::write(&file, &whole[..whole.len() - cut]).unwrap();
        let (mut journal, recovery) = open(torn.path());
        assert_eq!(recovery.truncated[0].bytes, (frame_bytes - cut) as u64, "cut by {cut}");
        assert_eq!((recovery.epoch, recovery.last, recovery.damaged.len()), (Epoch(2), Offset(6), 0));
        journal.append(frame(5, 1, 1)).unwrap();
        assert_eq!(times(&read_all(&journal.tail(), 1)), [1, 2, 3, 5]);
        assert_eq!(records(&read_all(&journal.tail(), 7))[0].envelopes().next().unwrap().id.to_string(), "2-7");
    }
}

#[test]
fn damage_with_whole_frames_behind_it_is_set_aside_and_its_offsets_are_not_given_again() {
    let directory = scratch();
    drop(with_frames(directory.path(), 4));
    let path = segments(directory.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let before = bytes.len();
    let at = before - 500;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (mut journal, recovery) = open(directory.path());
    assert!(recovery.truncated.is_empty() && recovery.raised);
    assert_eq!(recovery.last, Offset(8), "a snapshot of what is lost counts");
    let [damaged] = &recovery.damaged[..] else { panic!("{recovery:?}") };
    assert_eq!((damaged.lost, fs::read(&damaged.kept).unwrap()), (Some((Offset(3), Offset(8))), bytes), "{damaged:?}");
    assert_eq!(journal.append(frame(5, 1, 1)).unwrap().first, Offset(9));
    let items = read_all(&journal.tail(), 1);
    let skipped = Skipped { from: Offset(3), to: Offset(8), reason: SkipReason::Damaged };
    assert_eq!((times(&items), &items[1]), (vec![1, 5], &Item::Skipped(skipped)));
    drop(journal);
    assert!(!open(directory.path()).1.raised, "a second opening has nothing to recover");
}

#[test]
fn segments_that_lost_their_end_with_the_machine_take_those_behind_them_along() {
    let directory = scratch();
    drop(with_frames(directory.path(), 12));
    let paths = segments(directory.path());
    assert!(paths.len() > 2);
    let first = fs::metadata(&paths[0]).unwrap().len();
    fs::File::options().write(true).open(&paths[0]).unwrap().set_len(first - 10).unwrap();
    pretend_the_machine_went_down(directory.path());
    let (journal, recovery) = open(directory.path());
    assert_eq!(recovery.damaged.len(), paths.len());
    assert!(
        recovery.damaged.iter().all(|damaged| damaged.kept.exists() && damaged.lost == Some((Offset(9), Offset(24)))),
        "{recovery:?}"
    );
    assert_eq!(times(&read_all(&journal.tail(), 1)), [1, 2, 3, 4]);
}

#[test]
fn damage_in_a_sealed_segment_costs_that_frame_only() {
    let directory = scratch();
    with_frames(directory.path(), 12).close().unwrap();
    let path = segments(directory.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[400] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (journal, recovery) = open(directory.path());
    assert_eq!(recovery.last, Offset(24));
    let items = read_all(&journal.tail(), 1);
    let skipped = Skipped { from: Offset(3), to: Offset(4), reason: SkipReason::Damaged };
    assert_eq!((times(&items), &items[1]), ((1..=12).filter(|at| *at != 2).collect(), &Item::Skipped(skipped)));
    assert_eq!(verify(directory.path()).unwrap().problems.len(), 2, "the frame, and the chain behind it");
}

#[test]
fn a_second_host_and_another_format_version_are_refused() {
    let directory = scratch();
    let journal = with_frames(directory.path(), 1);
    let error = Journal::open(directory.path(), SMALL).unwrap_err();
    assert!(matches!(&error, OpenError::InUse { pid, .. } if *pid == std::process::id().to_string()), "{error}");
    journal.close().unwrap();
    let path = segments(directory.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..72]).to_le_bytes();
    bytes[72..76].copy_from_slice(&crc);
    fs::write(&path, bytes).unwrap();
    let error = Journal::open(directory.path(), SMALL).unwrap_err().to_string();
    assert!(error.contains("has format version 2, this vigie reads version 1"), "{error}");
}

#[test]
fn retention_deletes_whole_segments_up_to_the_safe_offset_and_readers_are_told() {
    let directory = scratch();
    let mut journal = with_frames(directory.path(), 40);
    let tail = journal.tail();
    assert_eq!(tail.retain(2000, Offset(80)).unwrap(), None, "nothing is synced yet");
    journal.sync().unwrap();
    assert_eq!(tail.retain(1 << 20, Offset(80)).unwrap(), None, "it is within its size");
    assert_eq!(tail.retain(2000, Offset(3)).unwrap(), None, "a snapshot needs the first segment");
    let mut behind = tail.reader(Offset(1));
    assert_eq!(times(&behind.batch_blocking(2).unwrap()), [1, 2]);
    let deleted = tail.retain(2000, Offset(80)).unwrap().unwrap();
    assert_eq!((deleted.from, tail.oldest()), (Offset(1), deleted.to.next()));
    assert!(tail.size().1 <= 2000 && deleted.bytes > 2000);
    let items = read_all(&tail, 1);
    assert_eq!(items[0], Item::Skipped(Skipped { from: Offset(1), to: deleted.to, reason: SkipReason::Deleted }));
    assert_eq!(*times(&items).last().unwrap(), 40);
    drop(journal);
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.raised, read_all(&journal.tail(), 1)), (false, items));
}

#[test]
fn frames_are_found_by_time_also_when_the_clock_stepped_back() {
    let directory = scratch();
    let (mut journal, _) = open(directory.path());
    let clock = [10, 20, 30, 25, 5, 40, 50, 50, 60, 70, 80, 90];
    for at in clock {
        journal.append(frame(at, 1, 150)).unwrap();
    }
    journal.sync().unwrap();
    let offline = read_dir(directory.path()).unwrap();
    for time in 0..100 {
        let expected = clock.iter().position(|at| *at >= time).unwrap_or(clock.len()) as u64 + 1;
        assert_eq!(offline.offset_at(Timestamp(time)).unwrap(), Offset(expected), "at {time}");
    }
}

#[test]
fn a_full_disk_refuses_frames_whole_and_takes_them_when_there_is_space() {
    let directory = scratch();
    let faults = Faults::new();
    let (mut journal, _) = Journal::open_on(directory.path(), SMALL, faults.clone()).unwrap();
    journal.append(frame(1, 1, 10)).unwrap();
    for space in 0..300 {
        faults.leave_space(Some(space));
        let entries = [frame(2, 1, 10), frame(3, 1, 10)].map(|frame| Entry::new(frame).unwrap());
        let whole = journal.writer.append(&entries).iter().filter(|answer| answer.is_ok()).count();
        faults.leave_space(None);
        let condition = journal.tail().condition().borrow().clone();
        assert_eq!(matches!(condition, Condition::Refusing { .. }), whole < 2, "{space}: {condition:?}");
    }
    journal.append(frame(4, 1, 10)).unwrap();
    assert_eq!(*journal.tail().condition().borrow(), Condition::Sound);
    let items = read_all(&journal.tail(), 1);
    drop(journal);
    let (journal, recovery) = open(directory.path());
    assert_eq!((recovery.truncated, recovery.damaged), (vec![], vec![]));
    assert_eq!(read_all(&journal.tail(), 1), items);
}

#[test]
fn an_unfinished_write_that_cannot_be_cut_off_is_written_over() {
    let directory = scratch();
    let faults = Faults::new();
    let (mut journal, _) = Journal::open_on(directory.path(), SMALL, faults.clone()).unwrap();
    journal.append(frame(1, 1, 10)).unwrap();
    faults.leave_space(Some(150));
    faults.fail_truncates(true);
    assert!(journal.append(frame(2, 1, 100)).is_err());
    faults.leave_space(None);
    journal.append(frame(3, 1, 10)).unwrap();
    assert_eq!(times(&read_all(&journal.tail(), 1)), [1, 3]);
    drop(journal);
    assert_eq!(times(&read_all(&open(directory.path()).0.tail(), 1)), [1, 3]);
}

#[test]
fn a_frame_that_is_too_long_is_refused_alone() {
    let directory = scratch();
    let (mut journal, _) = open(directory.path());
    let long = Entry { frame: Arc::new(frame(2, 1, 1)), payload: vec![0; FRAME_BYTES_MAX + 1] };
    let entries = [Entry::new(frame(1, 1, 1)).unwrap(), long, Entry::new(frame(3, 1, 2000)).unwrap()];
    let answers = journal.writer.append(&entries);
    assert!(matches!(answers[..], [Ok(_), Err(AppendError::TooLong(_)), Ok(_)]), "{answers:?}");
    assert_eq!(times(&read_all(&journal.tail(), 1)), [1, 3], "one that is longer than a segment gets its own");
}

#[test]
fn what_could_not_be_synced_is_written_again_to_a_new_segment() {
    for (synced, unsynced) in [(0, 3), (3, 2), (3, 30), (8, 9)] {
        let directory = scratch();
        let faults = Faults::new();
        let (mut journal, _) = Journal::open_on(directory.path(), SMALL, faults.clone()).unwrap();
        append(&mut journal, 1..=synced);
        journal.sync().unwrap();
        let mut reader = journal.tail().reader(Offset(1));
        append(&mut journal, synced + 1..=synced + unsynced);
        assert!(!reader.batch_blocking(1).unwrap().is_empty());
        faults.fail_syncs(1);
        let last = Offset(2 * (synced + unsynced).cast_unsigned());
        assert_eq!(journal.sync().unwrap(), last, "{synced} and {unsynced}");
        let mut rest = Vec::new();
        while let Some(item) = reader.batch_blocking(1).unwrap().pop() {
            rest.push(item);
        }
        assert_eq!(times(&rest), (2..=synced + unsynced).collect::<Vec<_>>(), "a reader goes on across it");
        journal.append(frame(99, 1, 1)).unwrap();
        let items = read_all(&journal.tail(), 1);
        assert_eq!(times(&items).len() as i64, synced + unsynced + 1);
        journal.close().unwrap();
        assert_eq!(verify(directory.path()).unwrap().problems, Vec::<String>::new());
        let (journal, recovery) = open(directory.path());
        assert_eq!((recovery.raised, read_all(&journal.tail(), 1)), (false, items));
    }
}

#[test]
fn a_journal_that_cannot_be_repaired_refuses_until_it_can() {
    let directory = scratch();
    let faults = Faults::new();
    let (mut journal, _) = Journal::open_on(directory.path(), SMALL, faults.clone()).unwrap();
    journal.append(frame(1, 1, 10)).unwrap();
    faults.fail_syncs(3);
    assert!(journal.sync().is_err());
    assert!(matches!(journal.append(frame(2, 1, 10)), Err(AppendError::Failed(_))));
    assert!(matches!(&*journal.tail().condition().borrow(), Condition::Failed { .. }));
    assert_eq!(times(&read_all(&journal.tail(), 1)), [1], "what was written is still there to be read");
    assert!(journal.sync().is_err());
    assert_eq!(journal.sync().unwrap(), Offset(1));
    journal.append(frame(3, 1, 10)).unwrap();
    assert_eq!(times(&read_all(&journal.tail(), 1)), [1, 3]);
}

#[tokio::test]
async fn a_reader_waits_at_the_end_and_is_told_when_the_journal_closes() {
    let directory = scratch();
    let mut journal = with_frames(directory.path(), 6);
    let mut reader = journal.tail().reader(Offset(1));
    for at in 1..=6_i64 {
        let Ok(Item::Record(record)) = reader.next().await else { panic!() };
        assert_eq!((record.frame.at.0, reader.position()), (at, Offset(2 * at.cast_unsigned() + 1)));
    }
    assert_eq!(reader.batch(9).await.unwrap(), vec![]);
    let waiting = tokio::spawn(async move { (reader.next().await, reader.next().await) });
    journal.append(frame(7, 0, 1)).unwrap();
    assert_eq!(journal.tail().offset_at(Timestamp(4)).await.unwrap(), Offset(7));
    drop(journal);
    let (item, end) = waiting.await.unwrap();
    assert!(matches!(item, Ok(Item::Record(record)) if record.frame.at.0 == 7));
    assert!(matches!(end, Err(ReadError::Closed)));
}
