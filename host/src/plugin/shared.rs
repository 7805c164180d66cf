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
pub const DENIALS_RECORDED_MAX: usize = 100;

/// One plugin's belongings that outlive its instances.
pub struct Shared {
    /// Its configured name.
    pub name: PluginName,
    /// What the operator granted and the manifest requested.
    pub grants: Arc<Grants>,
    /// What its capabilities work with.
    pub reach: Reach,
    /// Its log.
    pub log: Arc<PluginLog>,
    /// Its counters.
    pub meter: Arc<PluginMeter>,
    /// Its committed state.
    pub state: Mutex<StateStore>,
    /// The stored series.
    pub reader: Arc<dyn SeriesReader>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Denials that were recorded: capability and scope.
    pub denied: Mutex<BTreeSet<(String, String)>>,
}

impl Shared {
    /// Whether this denial is the first of its kind, and so an event.
    pub fn first_denial(&self, capability: &str, scope: &str) -> bool {
        let mut denied = self.denied.lock();
        denied.len() < DENIALS_RECORDED_MAX && denied.insert((capability.into(), scope.into()))
    }
}
