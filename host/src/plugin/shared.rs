//! What all instances of one plugin share, through traps and new starts.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::model::PluginName;
use crate::plugin::capability::metrics::SeriesReader;
use crate::plugin::capability::reach::Reach;
use crate::plugin::grants::Grants;
use crate::plugin::log::PluginLog;
use crate::plugin::state::StateStore;
use crate::telemetry::PluginMeter;

/// Different denials that are recorded as events, a plugin's load; further ones are only counted.
pub(crate) const DENIALS_RECORDED_MAX: usize = 100;

/// One plugin's belongings that outlive its instances.
pub(crate) struct Shared {
    /// Its configured name.
    pub(crate) name: PluginName,
    /// What the operator granted and the manifest requested.
    pub(crate) grants: Arc<Grants>,
    /// What its capabilities work with.
    pub(crate) reach: Reach,
    /// Its log.
    pub(crate) log: Arc<PluginLog>,
    /// Its counters.
    pub(crate) meter: Arc<PluginMeter>,
    /// Its committed state.
    pub(crate) state: Mutex<StateStore>,
    /// The stored series.
    pub(crate) reader: Arc<dyn SeriesReader>,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// Denials that were recorded: capability and scope.
    pub(crate) denied: Mutex<BTreeSet<(String, String)>>,
}

impl Shared {
    /// Whether this denial is the first of its kind, and so an event.
    pub(crate) fn first_denial(&self, capability: &str, scope: &str) -> bool {
        let mut denied = self.denied.lock();
        denied.len() < DENIALS_RECORDED_MAX && denied.insert((capability.into(), scope.into()))
    }
}
