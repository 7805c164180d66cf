//! What a finished batch hands on.

use std::sync::Arc;

use crate::event::{Collected, Event};
use crate::model::{SeriesDefinition, SeriesId};
use crate::telemetry::PluginMeter;

/// The outcome of one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOutput {
    /// Samples, ends and drops.
    pub collected: Collected,
    /// Definitions that are not known to be in the journal.
    pub defined: Vec<(SeriesId, SeriesDefinition)>,
    /// `FamilyClashed`, once a plugin and family. Equal kinds mean that help or unit differ and the first were kept.
    pub clashes: Vec<Event>,
    /// Samples that came in: those in the columns and those dropped.
    pub taken: u64,
}

impl BatchOutput {
    /// The facts in the order in which they are to be journaled: definitions before the samples that use them. Empty where nothing
    /// happened.
    #[must_use]
    pub fn events(self) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.defined.is_empty() {
            events.push(Event::SeriesDefined { series: self.defined });
        }
        events.extend(self.clashes);
        if !self.collected.samples.is_empty() || !self.collected.ended.is_empty() || !self.collected.dropped.is_empty() {
            events.push(Event::SamplesCollected(Arc::new(self.collected)));
        }
        events
    }

    /// Counts what came in and what was dropped here. The samples in the columns are `queued`, then `applied` or dropped (journal):
    /// whoever commits them counts those.
    pub fn count(&self, meter: &PluginMeter) {
        meter.taken.add(self.taken);
        for dropped in &self.collected.dropped {
            meter.drop_samples(dropped.reason, dropped.count);
        }
    }
}
