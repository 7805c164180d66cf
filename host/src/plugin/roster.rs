//! What is known about every configured plugin: its state, facts and last error. The supervisor writes, the API reads.

use std::collections::BTreeMap;

use parking_lot::RwLock;

use crate::model::{PluginName, Timestamp};

/// Where a configured plugin is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginState {
    /// Being compiled or initialised.
    Starting,
    /// Takes calls.
    Running,
    /// Cannot run as it is.
    Refused,
    /// Trapped too often; tried again at this time.
    Quarantined(Timestamp),
    /// Stopped on purpose.
    Stopped,
}

impl PluginState {
    /// The state's name as the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Refused => "refused",
            Self::Quarantined(_) => "quarantined",
            Self::Stopped => "stopped",
        }
    }
}

/// One configured plugin.
#[derive(Clone, Debug)]
pub struct PluginStatus {
    /// Where it is in its life.
    pub state: PluginState,
    /// The manifest's version; empty without one.
    pub version: String,
    /// The manifest's description; empty without one.
    pub description: String,
    /// Its roles, as in the contract.
    pub roles: Vec<String>,
    /// The component's file.
    pub file: String,
    /// BLAKE3 of the component in hexadecimal.
    pub digest: String,
    /// Why it is refused or quarantined, or why its newest file was not taken while an older one runs.
    pub error: Option<String>,
    /// Counts its starts.
    pub generation: u64,
    /// The addresses of its targets, by the targets' names.
    pub addresses: BTreeMap<String, String>,
}

/// All configured plugins by name.
#[derive(Debug, Default)]
pub struct Roster(RwLock<BTreeMap<PluginName, PluginStatus>>);

impl Roster {
    /// Everything, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(PluginName, PluginStatus)> {
        self.0.read().iter().map(|(name, status)| (name.clone(), status.clone())).collect()
    }

    /// One plugin.
    #[must_use]
    pub fn get(&self, name: &PluginName) -> Option<PluginStatus> {
        self.0.read().get(name).cloned()
    }

    /// Replaces what is known about a plugin.
    pub fn put(&self, name: &PluginName, status: PluginStatus) {
        self.0.write().insert(name.clone(), status);
    }

    /// Changes what is known about a plugin, if it is known.
    pub fn update(&self, name: &PluginName, change: impl FnOnce(&mut PluginStatus)) {
        if let Some(status) = self.0.write().get_mut(name) {
            change(status);
        }
    }

    /// Forgets a plugin whose files are gone.
    pub fn remove(&self, name: &PluginName) {
        self.0.write().remove(name);
    }
}
