//! What the edge promises, in one place: semantics.md, "Samples: identity and order".

mod hostile;
mod life;
mod rules;

use std::sync::Arc;

use super::*;
use crate::model::{DropReason, Kind, Labels, Name, PluginName, Target, Timestamp};

/// The time at which most tests' calls begin.
const NOW: Timestamp = Timestamp(1_795_380_413_000);

/// A registry with one plugin's share.
struct House {
    registry: Arc<SeriesRegistry>,
    share: Arc<PluginShare>,
}

impl House {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self { registry: Arc::new(SeriesRegistry::new()), share: Arc::new(PluginShare::new(limits)) }
    }

    fn source(&self, target: &str) -> Source {
        let target = Target { name: Some(Name::new(target).unwrap()), address: String::new(), labels: Labels::default() };
        let plugin = PluginName::new("web").unwrap();
        Source::new(self.registry.clone(), self.share.clone(), &plugin, Some(&target), "anna", HonorLabels::No)
    }

    /// Each sample as text, `x{…} 1 @0`, times relative to [`NOW`].
    fn samples(&self, output: &BatchOutput) -> Vec<String> {
        let name = |id| self.name(id);
        output.collected.samples.iter().map(|(id, time, value)| format!("{} {value} @{}", name(id), time.0 - NOW.0)).collect()
    }

    fn ended(&self, output: &BatchOutput) -> Vec<String> {
        let mut ended: Vec<_> = output.collected.ended.iter().map(|id| self.name(*id)).collect();
        ended.sort();
        ended
    }

    /// A series without the labels that all have here.
    fn name(&self, id: crate::model::SeriesId) -> String {
        let definition = self.registry.definition(id).unwrap();
        let own = definition.labels.with("job", "").with("instance", "").with("__name__", "");
        if own.is_empty() { definition.name().into() } else { format!("{}{own}", definition.name()) }
    }
}

/// One call that writes gauges `x{a}`.
fn call(source: Source, now: Timestamp, values: &[&str], ending: Ending) -> (Source, BatchOutput) {
    let mut batch = source.begin(now);
    let family = batch.family("x", Kind::Gauge, "", "", &["a"]);
    for value in values {
        batch.number(family, &[value], 1.0, None);
    }
    batch.finish(ending)
}

fn drops(output: &BatchOutput) -> Vec<(DropReason, u64)> {
    output.collected.dropped.iter().map(|dropped| (dropped.reason, dropped.count)).collect()
}

fn is_conserved(output: &BatchOutput) -> bool {
    let dropped: u64 = output.collected.dropped.iter().map(|dropped| dropped.count).sum();
    output.taken == output.collected.samples.len() as u64 + dropped
}

fn seconds(n: i64) -> Timestamp {
    Timestamp(NOW.0 + n * 1000)
}
