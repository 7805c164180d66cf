//! A check's answers as series, so that alerters see everything as series.

use std::sync::Arc;

use super::batch::Ending;
use super::labelling::HonorLabels;
use super::limits::{Limits, PluginShare};
use super::output::BatchOutput;
use super::registry::SeriesRegistry;
use super::source::Source;
use crate::event::Collected;
use crate::model::{CheckReport, Kind, PluginName, SeriesId, Status, Target, Timestamp};

const STATUS: &str = "check_status";
const UP: &str = "check_up";
const LATENCY: &str = "check_latency_seconds";
/// The families that the host makes of a check's answers.
pub(super) const FAMILIES: [&str; 3] = [STATUS, UP, LATENCY];

/// The series of one check of one target: `check_status{status}`, `check_up`, `check_latency_seconds`. What the check itself
/// returns is a [`Source`] beside this one. A status of unknown ends `check_up`, no latency ends `check_latency_seconds`.
#[derive(Debug)]
pub struct StatusSource {
    /// Absent only while a batch is made.
    source: Option<Source>,
    labels: [String; 2],
}

impl StatusSource {
    /// Of a check and its target. `hostname` stands for a target without a name.
    #[must_use]
    pub fn new(registry: Arc<SeriesRegistry>, check: &PluginName, target: &Target, hostname: &str) -> Self {
        let share = Arc::new(PluginShare::new(Limits::default()));
        let named = target.name.as_ref().map_or(hostname, |name| name.as_str());
        let labels = [check.to_string(), named.to_owned()];
        // A target's own labels `check` and `target` do not count here: identity is the host's.
        let source = Source::new(registry, share, check, Some(target), hostname, HonorLabels::Yes);
        Self { source: Some(source), labels }
    }

    /// The batch of one answer, also of one that the host gives itself because the call failed. To be journaled in the call's
    /// frame and settled like any batch. `None` never happens between batches.
    pub fn record(&mut self, now: Timestamp, report: &CheckReport) -> Option<BatchOutput> {
        let mut batch = self.source.take()?.begin(now);
        let [check, target] = self.labels.each_ref().map(String::as_str);
        let names = ["check", "target"];
        let statuses = batch.family(
            STATUS,
            Kind::Gauge,
            "",
            "Whether the check's last answer was this status.",
            &["check", "target", "status"],
        );
        for status in Status::ALL {
            batch.number(statuses, &[check, target, status.as_str()], f64::from(u8::from(status == report.status)), None);
        }
        let up = match report.status {
            Status::Up | Status::Degraded => Some(1.0),
            Status::Down => Some(0.0),
            Status::Unknown => None,
        };
        if let Some(up) = up {
            let family =
                batch.family(UP, Kind::Gauge, "", "Whether the target answers: 1 for up and degraded, 0 for down.", &names);
            batch.number(family, &[check, target], up, None);
        }
        if let Some(latency) = report.latency {
            let family = batch.family(LATENCY, Kind::Gauge, "seconds", "How long the target took to answer.", &names);
            batch.number(family, &[check, target], latency.as_secs_f64(), None);
        }
        let (source, output) = batch.finish(Ending::Ok);
        self.source = Some(source);
        Some(output)
    }

    /// The batch is in the journal.
    pub fn committed(&mut self) {
        self.source.iter_mut().for_each(Source::committed);
    }

    /// The batch did not get into the journal.
    pub fn lost(&mut self) {
        self.source.iter_mut().for_each(Source::lost);
    }

    /// Takes up its series among those that were live before this process began.
    pub fn seed_live(&mut self, ids: impl IntoIterator<Item = SeriesId>) {
        if let Some(source) = &mut self.source {
            source.seed(ids, |family| FAMILIES.contains(&family));
        }
    }

    /// The target is gone: its series end.
    pub fn gone(&mut self, now: Timestamp) -> Option<Collected> {
        self.source.as_mut()?.gone(now)
    }
}
