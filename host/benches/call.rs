//! What a call costs through the whole host path: channel, Wasm, conversion to a batch, settlement.
//! Targets: at most 3 us a call, 600 ns a labelled sample, 40 ns an interned one.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench says what it expects; the macros make undocumented items"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use vigie::clock::SystemClock;
use vigie::edge::SeriesRegistry;
use vigie::model::{Labels, Name, Target};
use vigie::plugin::log::Logs;
use vigie::plugin::{Engine, EngineSettings, Handle, NoSeries, Past, PluginSettings, Reach, Request, Services};
use vigie::telemetry::Telemetry;

#[path = "../tests/it/guests.rs"]
mod guests;

const SAMPLES: u64 = 1000;
const TIMEOUT: Duration = Duration::from_secs(10);

fn services() -> Services {
    Services {
        clock: Arc::new(SystemClock),
        telemetry: Arc::new(Telemetry::default()),
        logs: Arc::new(Logs::default()),
        registry: Arc::new(SeriesRegistry::new()),
        reader: Arc::new(NoSeries),
        reach: Reach::default(),
        hostname: "bench".into(),
    }
}

async fn start(guest: &str) -> Handle {
    let engine = Engine::new(&EngineSettings::default()).expect("an engine");
    let loaded = engine.load(guests::guest(guest)).await.expect("a component");
    let settings = PluginSettings::new(Name::new(guest).expect("a name"));
    Handle::start(&engine, &services(), &loaded, &settings, Past::default()).await.expect("an instance")
}

async fn collect(handle: &Handle, target: &Arc<Target>) {
    let finished = handle.call(Request::Collect(target.clone()), TIMEOUT).await.expect("a call");
    black_box(&finished.output);
    finished.settle.committed();
}

fn bench(criterion: &mut Criterion, runtime: &Runtime, name: &str, guest: &str, samples: u64) {
    let address = samples.to_string();
    let target = Arc::new(Target { name: Some(Name::new("t").expect("a name")), address, labels: Labels::default() });
    let handle = runtime.block_on(start(guest));
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Elements(samples.max(1)));
    group.bench_function(name, |bencher| {
        bencher.iter(|| runtime.block_on(collect(&handle, &target)));
    });
    group.finish();
}

fn calls(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    bench(criterion, &runtime, "noop", "noop", 0);
    bench(criterion, &runtime, "families of 1000", "families", SAMPLES);
    bench(criterion, &runtime, "1000 interned", "interned", SAMPLES);
}

criterion_group!(benches, calls);
criterion_main!(benches);
