//! The streams of samples that one plugin yields: one for each role and target, and for each rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::edge::{Batch, BatchOutput, Ending, HonorLabels, PluginShare, SeriesRegistry, Source, StatusSource};
use crate::event::Collected;
use crate::model::{CheckReport, PluginName, SeriesId, Target, TargetName, Timestamp};
use crate::plugin::data::Stage;

/// Which stream a call's samples belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StreamKey {
    /// `collect` of a target.
    Collect(Option<TargetName>),
    /// `check` of a target.
    Check(Option<TargetName>),
    /// `evaluate` of a rule.
    Evaluate(String),
}

/// What a plugin's streams have in common.
pub(crate) struct Common {
    /// Gives series their ids.
    pub(crate) registry: Arc<SeriesRegistry>,
    /// The plugin's limits, and what it uses of them.
    pub(crate) share: Arc<PluginShare>,
    /// The plugin.
    pub(crate) plugin: PluginName,
    /// The label `instance` where no target has a name.
    pub(crate) hostname: Arc<str>,
    /// Whose `job` and `instance` count.
    pub(crate) honor: HonorLabels,
}

/// All streams of one plugin.
pub(crate) struct Sources {
    common: Common,
    streams: BTreeMap<StreamKey, Source>,
    statuses: BTreeMap<Option<TargetName>, StatusSource>,
    seeds: BTreeMap<Option<TargetName>, Vec<SeriesId>>,
}

impl Sources {
    /// No streams yet; `seeds` are the series that were live before this process began.
    #[must_use]
    pub(crate) fn new(common: Common, seeds: BTreeMap<Option<TargetName>, Vec<SeriesId>>) -> Self {
        Self { common, streams: BTreeMap::new(), statuses: BTreeMap::new(), seeds }
    }

    /// Begins the batch of a call. The stream lives in it until [`Self::finish`].
    pub(crate) fn begin(
        &mut self,
        stage: Stage,
        target: Option<&Target>,
        rule: Option<&str>,
        now: Timestamp,
    ) -> Option<(StreamKey, Batch)> {
        let name = target.and_then(|target| target.name.clone());
        let key = match stage {
            Stage::Collect => StreamKey::Collect(name),
            Stage::Check => StreamKey::Check(name),
            Stage::Evaluate => StreamKey::Evaluate(rule.unwrap_or_default().to_owned()),
            Stage::Init | Stage::Rules | Stage::Notify => return None,
        };
        let source = self.streams.remove(&key).unwrap_or_else(|| self.source(&key, target));
        Some((key, source.begin(now)))
    }

    /// Ends the batch of a call.
    pub(crate) fn finish(&mut self, key: StreamKey, batch: Batch, ending: Ending) -> BatchOutput {
        let (source, output) = batch.finish(ending);
        self.streams.insert(key, source);
        output
    }

    /// The series of a check's answer.
    pub(crate) fn record(&mut self, target: &Target, now: Timestamp, report: &CheckReport) -> Option<BatchOutput> {
        let Common { registry, plugin, hostname, .. } = &self.common;
        let seeds = self.seeds.get(&target.name);
        let status = self.statuses.entry(target.name.clone()).or_insert_with(|| {
            let mut status = StatusSource::new(registry.clone(), plugin, target, hostname);
            status.seed_live(seeds.into_iter().flatten().copied());
            status
        });
        status.record(now, report)
    }

    /// The call's frame is in the journal.
    pub(crate) fn committed(&mut self, key: &StreamKey) {
        if let Some(source) = self.streams.get_mut(key) {
            source.committed();
        }
        if let Some(status) = self.status_of(key) {
            status.committed();
        }
    }

    /// The call's frame is not in the journal.
    pub(crate) fn lost(&mut self, key: &StreamKey) {
        if let Some(source) = self.streams.get_mut(key) {
            source.lost();
        }
        if let Some(status) = self.status_of(key) {
            status.lost();
        }
    }

    /// The plugin is gone: what ends with it.
    pub(crate) fn gone(&mut self, now: Timestamp) -> Vec<Collected> {
        let streams = self.streams.values_mut().filter_map(|source| source.gone(now));
        let statuses = self.statuses.values_mut().filter_map(|status| status.gone(now));
        streams.chain(statuses).collect()
    }

    /// Live series of all streams.
    #[must_use]
    pub(crate) fn live(&self) -> usize {
        self.common.share.live()
    }

    fn status_of(&mut self, key: &StreamKey) -> Option<&mut StatusSource> {
        match key {
            StreamKey::Check(target) => self.statuses.get_mut(target),
            StreamKey::Collect(_) | StreamKey::Evaluate(_) => None,
        }
    }

    fn source(&self, key: &StreamKey, target: Option<&Target>) -> Source {
        let Common { registry, share, plugin, hostname, honor } = &self.common;
        let mut source = Source::new(registry.clone(), share.clone(), plugin, target, hostname, *honor);
        if let StreamKey::Collect(target) | StreamKey::Check(target) = key {
            source.seed_live(self.seeds.get(target).into_iter().flatten().copied());
        }
        source
    }
}
