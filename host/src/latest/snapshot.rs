//! Saving and taking up the latest samples.

use serde::{Deserialize, Serialize};

use super::Latest;
use crate::model::{Offset, PluginName, SeriesId, TargetName, Timestamp};

/// Every series that has not ended, as of an offset. Labels are in the registry's own snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatestSnapshot {
    /// The last event applied.
    pub applied: Offset,
    sources: Vec<(PluginName, Option<TargetName>)>,
    series: Vec<(SeriesId, Timestamp, f64, u32)>,
}

impl Latest {
    /// All that is needed to go on from here.
    #[must_use]
    pub fn snapshot(&self) -> LatestSnapshot {
        let inner = self.inner.read();
        LatestSnapshot { applied: inner.applied, sources: inner.cells.source_names(), series: inner.cells.kept() }
    }

    /// Begins from a snapshot. The registry is restored before; a series that it does not know, or whose source the snapshot
    /// does not name, is left out and counted.
    pub fn restore(&self, snapshot: &LatestSnapshot) {
        let mut fresh = super::Inner { applied: snapshot.applied, ..super::Inner::default() };
        let sources: Vec<u32> =
            snapshot.sources.iter().map(|(plugin, target)| fresh.cells.source(plugin, target.as_ref())).collect();
        let definitions = self.registry.read();
        for (id, time, value, source) in &snapshot.series {
            match (definitions.get(*id), sources.get(*source as usize)) {
                (Some(definition), Some(source)) => {
                    if !fresh.cells.is_indexed(*id) {
                        fresh.index.add(&definition.family.name, *id);
                    }
                    fresh.cells.put(*id, *source, *time, (*time, *value));
                }
                _ => fresh.unknown += 1,
            }
        }
        drop(definitions);
        *self.inner.write() = fresh;
    }
}
