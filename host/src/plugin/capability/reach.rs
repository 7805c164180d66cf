//! What capabilities work with: parts that the whole host shares, and one plugin's shares of what is scarce.

use super::blocking::Blocking;
use super::http::{Client, Connections};
use super::secrets::SecretStore;
use super::system::Mounts;

/// What one plugin reaches the outside through. The default has no secrets.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// For `http`: the whole host's.
    pub client: Client,
    /// The whole host's.
    pub secrets: SecretStore,
    /// The whole host's.
    pub mounts: Mounts,
    /// The plugin's own share.
    pub blocking: Blocking,
    /// The plugin's own share.
    pub connections: Connections,
}

impl Reach {
    /// The first plugin's.
    #[must_use]
    pub fn new(client: Client, secrets: SecretStore) -> Self {
        Self { client, secrets, ..Self::default() }
    }

    /// Another plugin's: the host's parts are the same, the shares its own.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { blocking: Blocking::default(), connections: Connections::default(), ..self.clone() }
    }
}
