//! `secrets`: where the host finds them, and the rare plugin that may see one.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::blocking::Blocking;
use super::refusal::Refusal;
use crate::config::{Secret, SecretReference};
use crate::plugin::bindings::secrets::Host;
use crate::plugin::bindings::types::Error;
use crate::plugin::data::Data;
use crate::plugin::grants::Grants;

impl Host for Data {
    async fn reveal(&mut self, name: String) -> Result<String, Error> {
        self.outside("reveal", &name)?;
        let (shared, deadline) = (self.shared.clone(), self.capability_deadline());
        let secret = reveal(&shared.grants, &shared.reach.secrets, &shared.reach.blocking, deadline, &name).await;
        secret.map_err(|refusal| self.refuse(refusal))
    }
}

/// The operator's secrets by name: where they are. They are read when they are used, so that a rotated one is taken up.
#[derive(Clone, Debug, Default)]
pub struct SecretStore(Arc<BTreeMap<String, SecretReference>>);

impl SecretStore {
    /// A store of `[secrets]` in `vigie.toml`.
    #[must_use]
    pub fn new(references: BTreeMap<String, SecretReference>) -> Self {
        Self(Arc::new(references))
    }

    /// Reads a secret. Whoever asks has checked that it may go where it is to go.
    ///
    /// # Errors
    /// Wrong configuration: there is no such secret, it cannot be read, or it is empty. Names secret and reference, never the value.
    pub async fn read(&self, blocking: &Blocking, deadline: Instant, name: &str) -> Result<Secret, Refusal> {
        let Some(reference) = self.0.get(name).cloned() else {
            let line = "NAME = \"env:VARIABLE\"";
            return Err(Refusal::config(format!(
                "there is no secret `{name}`, write `{line}` under `[secrets]` in vigie.toml"
            )));
        };
        let shown = reference.to_string();
        let secret = blocking.run(deadline, &format!("reading the secret `{name}`"), move || reference.read()).await?;
        let secret = secret.map_err(|error| Refusal::config(format!("secret `{name}`: {error}")))?;
        if secret.expose().is_empty() {
            return Err(Refusal::config(format!("secret `{name}`: `{shown}` is empty")));
        }
        Ok(secret)
    }
}

/// A secret in the clear, for the plugin.
///
/// # Errors
/// Denied; or it cannot be read.
pub async fn reveal(
    grants: &Grants,
    store: &SecretStore,
    blocking: &Blocking,
    deadline: Instant,
    name: &str,
) -> Result<String, Refusal> {
    grants.reveal(name)?;
    Ok(store.read(blocking, deadline, name).await?.expose().to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::Fault;
    use crate::plugin::grants::tests::grants;

    /// A store of secrets in files of a directory.
    pub(crate) fn store(directory: &std::path::Path, secrets: &[(&str, &str)]) -> SecretStore {
        let reference = |(name, value): &(&str, &str)| {
            let path = directory.join(name);
            std::fs::write(&path, value).unwrap();
            ((*name).to_owned(), SecretReference::File(path))
        };
        SecretStore::new(secrets.iter().map(reference).collect())
    }

    #[tokio::test]
    async fn a_secret_is_shown_by_request_and_its_own_grant_only_and_read_anew() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), &[("token", "hunter2\n"), ("empty", "")]);
        let (blocking, deadline) = (Blocking::default(), Instant::now() + Duration::from_secs(60));
        let reveal = async |granted: &str, requests: &[(&str, &str)], name: &str| {
            reveal(&grants(granted, requests), &store, &blocking, deadline, name).await
        };
        let requests = &[("reveal", "*"), ("secrets", "*")];
        assert_eq!(reveal("reveal = [\"token\"]", requests, "token").await, Ok("hunter2".into()));
        std::fs::write(directory.path().join("token"), "rotated").unwrap();
        assert_eq!(reveal("reveal = [\"token\"]", requests, "token").await, Ok("rotated".into()));
        for (granted, requests) in
            [("", &requests[..]), ("reveal = [\"token\"]", &[]), ("secrets = { token = [\"targets\"] }", requests)]
        {
            assert_eq!(reveal(granted, requests, "token").await.unwrap_err().fault(), Fault::Denied);
        }
        std::fs::remove_file(directory.path().join("token")).unwrap();
        for name in ["token", "empty", "absent"] {
            let refusal = reveal("reveal = [\"token\", \"empty\", \"absent\"]", requests, name).await.unwrap_err();
            assert_eq!(refusal.fault(), Fault::Config);
            assert!(refusal.to_string().contains(name) && !refusal.to_string().contains("hunter2"), "{refusal}");
        }
        assert!(!format!("{store:?}").contains("hunter2"));
    }
}
