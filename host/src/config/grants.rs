//! The shape of a `[grants]` table. What an origin, a glob or a host means is told in `plugin::grants`.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Entry, Section};
use super::problem::{Place, Problem};

/// What is granted: capabilities, and with `reveal` the secrets that a plugin may see in the clear. `log`, `sink` and `state` need
/// no grant.
pub const CAPABILITIES: [&str; 7] = ["files", "http", "metrics", "net", "reveal", "secrets", "system"];

/// A value with its place in the file, so that whoever understands it can say what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The setting: `grants.http[0]`.
    pub key: String,
    /// Where it is.
    pub place: Place,
}

impl<T> Located<T> {
    /// What is wrong with the value.
    #[must_use]
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { place: self.place, key: self.key.clone(), message: message.into() }
    }
}

/// What is granted of one capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// All of it: `true`, possible for `metrics` and `system`.
    All,
    /// These scopes.
    Scopes(Vec<Located<String>>),
    /// Names, each with its scopes: `secrets`.
    Named(BTreeMap<String, Vec<Located<String>>>),
}

/// What the operator grants, by capability. Nothing is granted by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(pub BTreeMap<&'static str, Grant>);

impl Grants {
    /// What is granted of `capability`.
    #[must_use]
    pub fn get(&self, capability: &str) -> Option<&Grant> {
        self.0.get(capability)
    }

    /// The scopes granted of `capability`; none where it is not granted, or granted by name or as a whole.
    #[must_use]
    pub fn scopes(&self, capability: &str) -> &[Located<String>] {
        match self.get(capability) {
            Some(Grant::Scopes(scopes)) => scopes,
            _ => &[],
        }
    }

    /// The secrets granted, each with the origins that it may go to.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &[Located<String>])> {
        let named = match self.get("secrets") {
            Some(Grant::Named(named)) => Some(named),
            _ => None,
        };
        named.into_iter().flatten().map(|(name, origins)| (name.as_str(), origins.as_slice()))
    }

    /// Reads a `grants` table.
    pub(super) fn read(section: &Section<'_, '_>) -> Self {
        let grant = |capability| {
            let entry = section.get(capability)?;
            let grant = if capability == "secrets" { named(&entry) } else { scopes_or_all(capability, &entry) };
            Some((capability, grant?))
        };
        let grants = CAPABILITIES.into_iter().filter_map(grant).collect();
        section.finish();
        Self(grants)
    }
}

fn scopes_or_all(capability: &str, entry: &Entry<'_, '_>) -> Option<Grant> {
    match entry.value().get_ref() {
        DeValue::Boolean(false) => None,
        DeValue::Boolean(true) if matches!(capability, "metrics" | "system") => Some(Grant::All),
        DeValue::Boolean(true) => {
            entry.note(format!("`{capability}` cannot be granted as a whole, list what is granted"));
            None
        }
        _ => Some(Grant::Scopes(scopes(entry))),
    }
}

/// A list of texts, or one text.
fn scopes(entry: &Entry<'_, '_>) -> Vec<Located<String>> {
    match entry.value().get_ref() {
        DeValue::String(_) => located(entry).into_iter().collect(),
        _ => entry.list().into_iter().flatten().filter_map(|element| located(&element)).collect(),
    }
}

fn located(entry: &Entry<'_, '_>) -> Option<Located<String>> {
    let value = entry.string()?.to_owned();
    Some(Located { value, key: entry.key().to_owned(), place: entry.place() })
}

fn named(entry: &Entry<'_, '_>) -> Option<Grant> {
    let section = entry.section()?;
    Some(Grant::Named(section.entries().map(|(name, origins)| (name.to_owned(), scopes(&origins))).collect()))
}
