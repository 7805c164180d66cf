//! What a frame with 1,000 samples of known series costs: encoding it, and encoding and appending it. Divide by 1,000 for one
//! sample; the goal is well under 20 ns.
#![allow(missing_docs, clippy::expect_used, reason = "a bench says what it expects; the macros make undocumented items")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use vigie::event::{Call, Collected, Event, Frame, Origin};
use vigie::journal::{Entry, Journal, Settings};
use vigie::model::{Columns, Name, SeriesId, Times, Timestamp};

const SAMPLES: u32 = 1000;
/// Frames between two syncs: a second of many plugins.
const SYNC_EVERY: u64 = 2000;

fn frame() -> Frame {
    let plugin = Name::new("system").expect("a name");
    let samples = Columns {
        ids: (0..SAMPLES).map(|id| SeriesId(id * 7)).collect(),
        times: Times::One(Timestamp(1_795_380_413_000)),
        values: (0..SAMPLES).map(|value| f64::from(value) * 1.1).collect(),
    };
    let collected = Collected { plugin: plugin.clone(), target: None, samples, ended: Vec::new(), dropped: Vec::new() };
    let call = Call { plugin, instance: 0, generation: 1, consumed: None, state: Vec::new() };
    let events = vec![Event::SamplesCollected(Arc::new(collected))];
    Frame { at: Timestamp(1_795_380_413_000), origin: Origin::Call(call), events }
}

fn append(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = Settings { retain_bytes: 512 << 20, ..Settings::default() };
    let (mut journal, _) = Journal::open(directory.path(), settings).expect("a journal");
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(u64::from(SAMPLES)));
    group.bench_function("encode 1000 samples", |bencher| {
        bencher.iter_batched(frame, |frame| Entry::new(frame).expect("a payload"), BatchSize::SmallInput);
    });
    group.bench_function("encode and append 1000 samples", |bencher| {
        bencher.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for time in 1..=times {
                let frame = frame();
                let began = Instant::now();
                journal.append(frame).expect("an append");
                took += began.elapsed();
                // As the recorder does, which has another thread for it.
                if time % SYNC_EVERY == 0 || time == times {
                    let last = journal.sync().expect("a sync");
                    journal.tail().retain(settings.retain_bytes, last).expect("a deletion");
                }
            }
            took
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = append
}
criterion_main!(benches);
