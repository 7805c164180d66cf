//! What a sample costs at the edge. Targets: at most 150 ns with 3 labels, at most 15 ns interned, of known series.
#![allow(missing_docs, clippy::expect_used, reason = "a bench says what it expects; the macros make undocumented items")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vigie::edge::{Ending, HonorLabels, Interner, Limits, PluginShare, SeriesRegistry, Source};
use vigie::model::{Kind, Labels, Name, PluginName, Target, Timestamp};

/// Samples a batch, as in docs/benchmarks.md.
const SAMPLES: usize = 1000;

fn source() -> Source {
    let target = Target { name: Some(Name::new("shop").expect("a name")), address: String::new(), labels: Labels::default() };
    let plugin = PluginName::new("web").expect("a name");
    let share = Arc::new(PluginShare::new(Limits::default()));
    Source::new(Arc::new(SeriesRegistry::new()), share, &plugin, Some(&target), "anna", HonorLabels::No)
}

/// Begins, fills and commits a batch a second later than the last one.
fn run(slot: &mut Option<Source>, now: &mut Timestamp, fill: impl FnOnce(&mut vigie::edge::Batch)) {
    *now = *now + Duration::from_secs(1);
    let mut batch = slot.take().expect("a source").begin(*now);
    fill(&mut batch);
    let (mut source, output) = batch.finish(Ending::Ok);
    assert_eq!(output.collected.samples.len(), SAMPLES);
    black_box(output);
    source.committed();
    *slot = Some(source);
}

fn labelled(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edge");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    let values: Vec<[String; 3]> =
        (0..SAMPLES).map(|n| [format!("eth{n}"), "receive".into(), format!("/dev/disk/{}", n % 7)]).collect();
    let (mut slot, mut now) = (Some(source()), Timestamp(1_795_380_413_000));
    group.bench_function("labelled", |bencher| {
        bencher.iter(|| {
            run(&mut slot, &mut now, |batch| {
                let family =
                    batch.family("node_bytes_total", Kind::Counter, "bytes", "Bytes.", &["device", "direction", "path"]);
                for values in &values {
                    batch.number(family, values, 1.0, None);
                }
            });
        });
    });
    let (mut slot, mut interner) = (Some(source()), Interner::new(SAMPLES));
    let ids: Vec<u32> = values
        .iter()
        .map(|[device, direction, path]| {
            let labels = [("device", device), ("direction", direction), ("path", path)];
            interner.series("node_bytes_total", Kind::Counter, &labels).expect("a series")
        })
        .collect();
    let ones = vec![1.0; SAMPLES];
    group.bench_function("interned", |bencher| {
        bencher.iter(|| run(&mut slot, &mut now, |batch| batch.write(&interner, &ids, &ones).expect("taken")));
    });
    group.finish();
}

fn new_series(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edge");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    let values: Vec<String> = (0..SAMPLES).map(|n| n.to_string()).collect();
    group.bench_function("new series", |bencher| {
        bencher.iter_with_setup(
            || Some(source()),
            |mut slot| {
                run(&mut slot, &mut Timestamp(1_795_380_413_000), |batch| {
                    let family = batch.family("x", Kind::Gauge, "", "", &["a"]);
                    values.iter().for_each(|value| batch.number(family, &[value], 1.0, None));
                });
            },
        );
    });
    group.finish();
}

criterion_group!(benches, labelled, new_series);
criterion_main!(benches);
