//! The journal against a list: whatever is appended, closed, killed, cut or flipped, what is read is what was written, or is
//! reported.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::faults::{Faults, scratch};
use super::tests::{SMALL, frame, open, pretend_the_machine_went_down, read_all, records, segments};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append { events: usize, length: usize },
    Sync,
    FailSync,
    FillDisk(u64),
    Retain,
    Close,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..4_usize, 1..300_usize).prop_map(|(events, length)| Step::Append { events, length }),
        2 => Just(Step::Sync),
        1 => Just(Step::FailSync),
        1 => (0..500_u64).prop_map(Step::FillDisk),
        1 => Just(Step::Retain),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
    ]
}

/// The journal under test with all that it should hold.
struct Checked {
    directory: tempfile::TempDir,
    faults: Arc<Faults>,
    journal: Option<Journal>,
    written: Vec<Record>,
    oldest: Offset,
}

impl Checked {
    fn new() -> Self {
        let directory = scratch();
        let faults = Faults::new();
        let journal = Journal::open_on(directory.path(), SMALL, faults.clone()).unwrap().0;
        Self { directory, faults, journal: Some(journal), written: Vec::new(), oldest: Offset(1) }
    }

    fn step(&mut self, at: usize, step: Step) {
        let mut journal = self.journal.take().unwrap();
        match step {
            Step::Append { events, length } => {
                let frame = frame(at as i64, events, length);
                if let Ok(appended) = journal.append(frame.clone()) {
                    let Appended { epoch, number, first, .. } = appended;
                    self.written.push(Record { epoch, number, first, frame: Arc::new(frame) });
                }
            }
            Step::Sync => drop(journal.sync().unwrap()),
            Step::FailSync => {
                self.faults.fail_syncs(1);
                journal.sync().unwrap();
                self.faults.fail_syncs(0);
            }
            Step::FillDisk(space) => {
                self.faults.leave_space(Some(space));
                let frame = frame(at as i64, 1, 200);
                if let Ok(Appended { epoch, number, first, .. }) = journal.append(frame.clone()) {
                    self.written.push(Record { epoch, number, first, frame: Arc::new(frame) });
                }
                self.faults.leave_space(None);
            }
            Step::Retain => {
                let tail = journal.tail();
                if let Some(deleted) = tail.retain(SMALL.retain_bytes, tail.last()).unwrap() {
                    self.oldest = deleted.to.next();
                }
            }
            Step::Close => {
                journal.close().unwrap();
                journal = self.reopen();
            }
            Step::Kill => {
                drop(journal);
                journal = self.reopen();
            }
        }
        self.journal = Some(journal);
    }

    fn reopen(&self) -> Journal {
        let (journal, recovery) = Journal::open_on(self.directory.path(), SMALL, self.faults.clone()).unwrap();
        assert!(!recovery.raised, "{recovery:?}");
        segments(self.directory.path()).iter().for_each(|path| self.faults.note_synced(path));
        journal
    }

    fn check(&self) {
        let journal = self.journal.as_ref().unwrap();
        for from in [1, 2, 5, 20, 50] {
            let from = from.max(self.oldest.0).min(journal.tail().last().0 + 1);
            let items = read_all(&journal.tail(), from);
            let expected: Vec<_> = self.written.iter().filter(|record| !record.is_before(Offset(from))).collect();
            let read = records(&items);
            assert_eq!(items.len(), read.len(), "nothing is skipped");
            let skip = expected.len() - read.len().min(expected.len());
            assert!(expected[..skip].iter().all(|record| record.first <= self.oldest), "only what retention took is missing");
            assert_eq!(read.iter().map(|record| &**record).collect::<Vec<_>>(), expected[skip..]);
        }
        assert_eq!(verify(self.directory.path()).unwrap().problems, Vec::<String>::new());
    }
}

/// Opens a journal whose files were damaged, and checks that all that is missing is reported.
fn check_damaged(directory: &Path, written: &[Record]) -> Result<(), TestCaseError> {
    for item in read_dir(directory).unwrap().items(Offset(1)) {
        item.unwrap();
    }
    let (mut journal, recovery) = open(directory);
    let items = read_all(&journal.tail(), 1);
    let read = records(&items);
    let numbers: HashSet<u64> = read.iter().map(|record| record.number).collect();
    for record in &read {
        prop_assert!(written.contains(record), "{record:?} was never written");
    }
    prop_assert!(read.is_sorted_by_key(|record| record.number));
    // An end lost between two frames leaves no trace but the machine's having been down, for which the epoch is raised.
    let reported =
        recovery.raised || !recovery.truncated.is_empty() || !recovery.damaged.is_empty() || items.len() > read.len();
    prop_assert!(reported || numbers.len() == written.len(), "{} of {} read, nothing said", numbers.len(), written.len());
    let ids: HashSet<_> = written.iter().flat_map(Record::envelopes).map(|envelope| envelope.id).collect();
    journal.append(frame(99, 2, 10)).unwrap();
    let items = read_all(&journal.tail(), 1);
    let last = records(&items).pop().unwrap();
    prop_assert!(
        last.frame.at.0 == 99 && last.envelopes().all(|envelope| !ids.contains(&envelope.id)),
        "an id was given twice"
    );
    journal.close().unwrap();
    let (journal, recovery) = open(directory);
    prop_assert!(!recovery.raised, "the second opening recovers again: {recovery:?}");
    prop_assert_eq!(read_all(&journal.tail(), 1), items);
    Ok(())
}

fn written(directory: &Path, sizes: &[(usize, usize)], sync_at: usize) -> Vec<Record> {
    let (mut journal, _) = open(directory);
    for (at, (events, length)) in sizes.iter().enumerate() {
        journal.append(frame(at as i64, *events, *length)).unwrap();
        if at == sync_at {
            journal.sync().unwrap();
        }
    }
    records(&read_all(&journal.tail(), 1)).iter().map(|record| (**record).clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_appended(steps in prop::collection::vec(step(), 1..60)) {
        let mut checked = Checked::new();
        for (at, step) in steps.into_iter().enumerate() {
            checked.step(at, step);
        }
        checked.check();
    }

    #[test]
    fn a_flipped_bit_anywhere_costs_nothing_silently(
        sizes in prop::collection::vec((0..3_usize, 1..200_usize), 2..20),
        sync_at in 0..25_usize,
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let directory = scratch();
        let written = written(directory.path(), &sizes, sync_at);
        let paths = segments(directory.path());
        let total: usize = paths.iter().map(|path| fs::metadata(path).unwrap().len() as usize).sum();
        let mut at = place.index(total);
        for path in paths {
            let mut bytes = fs::read(&path).unwrap();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
                fs::write(&path, bytes).unwrap();
                break;
            }
            at -= bytes.len();
        }
        check_damaged(directory.path(), &written)?;
    }

    #[test]
    fn a_segment_cut_anywhere_costs_nothing_silently(
        sizes in prop::collection::vec((0..3_usize, 1..200_usize), 2..20),
        sync_at in 0..25_usize,
        segment in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        zeros in any::<bool>(),
    ) {
        let directory = scratch();
        let written = written(directory.path(), &sizes, sync_at);
        let path = segment.get(&segments(directory.path())).clone();
        let mut bytes = fs::read(&path).unwrap();
        let length = bytes.len();
        let cut = place.index(length);
        bytes.truncate(cut);
        bytes.resize(if zeros { length } else { cut }, 0);
        fs::write(&path, bytes).unwrap();
        pretend_the_machine_went_down(directory.path());
        check_damaged(directory.path(), &written)?;
    }
}
