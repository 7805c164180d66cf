//! Small views of one part for another, which must not know it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::HostConfig;
use crate::journal::{Condition, Tail};
use crate::latest::Latest;
use crate::model::Selector;
use crate::plugin::{ReadSeries, SeriesReader};

/// The latest values as the `metrics` capability reads them.
pub(super) struct SeriesOf {
    latest: Arc<Latest>,
    clock: Arc<dyn Clock>,
}

impl SeriesOf {
    pub(super) fn new(latest: Arc<Latest>, clock: Arc<dyn Clock>) -> Self {
        Self { latest, clock }
    }
}

impl SeriesReader for SeriesOf {
    fn select(&self, selector: &Selector, series_max: usize) -> Result<Vec<ReadSeries>, usize> {
        let found = self.latest.select(selector, self.clock.now());
        if found.len() > series_max {
            return Err(found.len());
        }
        let read = found.into_iter().map(|one| ReadSeries { labels: one.labels, at: one.time, value: one.value });
        Ok(read.collect())
    }
}

/// Why the host is not ready, if so.
pub(super) fn trouble(tail: Tail, ready: watch::Receiver<bool>) -> Arc<dyn Fn() -> Option<String> + Send + Sync> {
    Arc::new(move || {
        let condition = tail.condition();
        let failed = match &*condition.borrow() {
            Condition::Sound => None,
            Condition::Refusing { error } | Condition::Failed { error } => {
                Some(format!("the journal does not take facts: {error}"))
            }
        };
        failed.or_else(|| (!*ready.borrow()).then(|| "plugins are being loaded".into()))
    })
}

/// Where people reach this host, without a slash at the end.
pub(super) fn external_url(config: &HostConfig, address: SocketAddr) -> Arc<str> {
    let configured = config.external_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    configured.unwrap_or_else(|| format!("http://{address}")).into()
}

/// The label `instance` of what has no target.
pub(super) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
