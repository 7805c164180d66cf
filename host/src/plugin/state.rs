//! A plugin's key-value state: what is committed, and what one call wrote on top of it.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::event::StateWrite;
use crate::model::TargetName;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// The largest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 256 << 10;
/// All keys and values of one plugin, in bytes.
pub const STATE_BYTES_MAX: usize = 16 << 20;
/// All keys of one plugin.
pub const STATE_KEYS_MAX: usize = 100_000;
/// Writes of one call.
pub const WRITES_PER_CALL_MAX: usize = 10_000;
/// What one entry costs beside key and value.
const ENTRY_BYTES: usize = 64;

/// Where a key belongs: to a target, or to the plugin.
pub type Scope = Option<TargetName>;

/// Why a write was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// An empty key, or one over [`KEY_BYTES_MAX`].
    #[error("a state key has 1 to {KEY_BYTES_MAX} bytes, this one has {0}")]
    Key(usize),
    /// Over [`VALUE_BYTES_MAX`].
    #[error("a state value has at most {VALUE_BYTES_MAX} bytes, this one has {0}")]
    Value(usize),
    /// Over [`STATE_BYTES_MAX`] or [`STATE_KEYS_MAX`].
    #[error("the plugin's state is full ({STATE_KEYS_MAX} keys, {STATE_BYTES_MAX} bytes), delete keys first")]
    Full,
    /// Over [`WRITES_PER_CALL_MAX`].
    #[error("a call writes at most {WRITES_PER_CALL_MAX} times to its state")]
    Writes,
}

/// The committed state of one plugin.
#[derive(Debug, Default)]
pub struct StateStore {
    values: BTreeMap<(Scope, String), Vec<u8>>,
    bytes: usize,
}

impl StateStore {
    /// The state after `writes`, as the journal has them in order.
    #[must_use]
    pub fn restore(writes: impl IntoIterator<Item = StateWrite>) -> Self {
        let mut store = Self::default();
        store.apply(writes);
        store
    }

    /// Applies committed writes.
    pub fn apply(&mut self, writes: impl IntoIterator<Item = StateWrite>) {
        for StateWrite { target, key, value } in writes {
            let added = value.as_ref().map_or(0, |value| cost(&key, value));
            let place = (target, key);
            let before = match value {
                Some(value) => self.values.insert(place.clone(), value),
                None => self.values.remove(&place),
            };
            self.bytes = (self.bytes + added).saturating_sub(before.map_or(0, |before| cost(&place.1, &before)));
        }
    }

    /// Bytes of keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.values.len()
    }
}

fn cost(key: &str, value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_BYTES
}

/// What one call reads and writes: the committed state with the call's own writes laid over it.
#[derive(Debug, Default)]
pub struct Overlay {
    scope: Scope,
    writes: Vec<StateWrite>,
    newest: BTreeMap<String, usize>,
    added: usize,
    keys_added: usize,
}

impl Overlay {
    /// An overlay for a call in this scope.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Begins with writes that are not committed yet.
    pub fn carry(&mut self, writes: &[StateWrite]) {
        for write in writes {
            if write.target == self.scope {
                self.newest.insert(write.key.clone(), self.writes.len());
            }
            self.writes.push(write.clone());
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, store: &StateStore, key: &str) -> Option<Vec<u8>> {
        match self.newest.get(key) {
            Some(at) => self.writes[*at].value.clone(),
            None => store.values.get(&(self.scope.clone(), key.to_owned())).cloned(),
        }
    }

    /// Sets (or, without a value, deletes) a key.
    ///
    /// # Errors
    /// A bound is met; nothing was written.
    pub fn write(&mut self, store: &StateStore, key: String, value: Option<Vec<u8>>) -> Result<(), StateError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(StateError::Key(key.len()));
        }
        if self.writes.len() >= WRITES_PER_CALL_MAX {
            return Err(StateError::Writes);
        }
        if let Some(value) = &value {
            if value.len() > VALUE_BYTES_MAX {
                return Err(StateError::Value(value.len()));
            }
            // Deletions within the call are not credited: the bound is on what the call may make the host hold.
            let added = self.added + cost(&key, value);
            let keys_added = self.keys_added + 1;
            let replaced = store.values.get(&(self.scope.clone(), key.clone())).map_or((0, 0), |old| (cost(&key, old), 1));
            let bytes_after = (store.bytes + added).saturating_sub(replaced.0);
            let keys_after = (store.values.len() + keys_added).saturating_sub(replaced.1);
            if bytes_after > STATE_BYTES_MAX || keys_after > STATE_KEYS_MAX {
                return Err(StateError::Full);
            }
            (self.added, self.keys_added) = (added - replaced.0.min(added), keys_added - replaced.1);
        }
        self.newest.insert(key.clone(), self.writes.len());
        self.writes.push(StateWrite { target: self.scope.clone(), key, value });
        Ok(())
    }

    /// The keys that begin with `prefix`, sorted.
    #[must_use]
    pub fn keys(&self, store: &StateStore, prefix: &str) -> Vec<String> {
        let from = (self.scope.clone(), prefix.to_owned());
        let committed = store
            .values
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(|((scope, key), _)| *scope == self.scope && key.starts_with(prefix))
            .map(|((_, key), _)| key)
            .filter(|key| !self.newest.contains_key(*key));
        let written = self.newest.iter().filter(|(key, at)| key.starts_with(prefix) && self.writes[**at].value.is_some());
        let mut keys: Vec<String> = committed.cloned().chain(written.map(|(key, _)| key.clone())).collect();
        keys.sort_unstable();
        keys
    }

    /// The call's writes, the newest of each key, in order.
    #[must_use]
    pub fn into_writes(self) -> Vec<StateWrite> {
        let (scope, newest) = (self.scope, self.newest);
        let is_newest = |at: usize, write: &StateWrite| write.target != scope || newest.get(&write.key) == Some(&at);
        self.writes.into_iter().enumerate().filter(|(at, write)| is_newest(*at, write)).map(|(_, write)| write).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Name;

    fn write(target: Option<&str>, key: &str, value: Option<&str>) -> StateWrite {
        let target = target.map(|target| Name::new(target).unwrap());
        StateWrite { target, key: key.into(), value: value.map(|value| value.as_bytes().to_vec()) }
    }

    #[test]
    fn a_call_sees_its_own_writes_over_what_is_committed() {
        let store =
            StateStore::restore([write(None, "a", Some("1")), write(None, "b", Some("2")), write(Some("t"), "c", Some("3"))]);
        let mut overlay = Overlay::new(None);
        overlay.write(&store, "a".into(), None).unwrap();
        overlay.write(&store, "d".into(), Some(b"4".to_vec())).unwrap();
        overlay.write(&store, "d".into(), Some(b"5".to_vec())).unwrap();
        assert_eq!(overlay.get(&store, "a"), None);
        assert_eq!(overlay.get(&store, "b"), Some(b"2".to_vec()));
        assert_eq!(overlay.get(&store, "c"), None, "another scope's key");
        assert_eq!(overlay.keys(&store, ""), ["b", "d"]);
        assert_eq!(overlay.into_writes(), [write(None, "a", None), write(None, "d", Some("5"))]);
    }

    #[test]
    fn only_applied_writes_are_committed_and_counted() {
        let mut store = StateStore::default();
        store.apply([write(None, "a", Some("1234"))]);
        assert_eq!((store.keys(), store.bytes()), (1, 5 + ENTRY_BYTES));
        store.apply([write(None, "a", Some("1")), write(None, "b", None)]);
        assert_eq!((store.keys(), store.bytes()), (1, 2 + ENTRY_BYTES));
        store.apply([write(None, "a", None)]);
        assert_eq!((store.keys(), store.bytes()), (0, 0));
    }

    #[test]
    fn bounds_are_kept() {
        let store = StateStore::default();
        let mut overlay = Overlay::new(None);
        assert_eq!(overlay.write(&store, String::new(), None), Err(StateError::Key(0)));
        assert_eq!(overlay.write(&store, "k".repeat(513), None), Err(StateError::Key(513)));
        let large = vec![0; VALUE_BYTES_MAX + 1];
        assert_eq!(overlay.write(&store, "k".into(), Some(large)), Err(StateError::Value(VALUE_BYTES_MAX + 1)));
        let value = vec![0; VALUE_BYTES_MAX];
        let taken = (0..100).take_while(|at| overlay.write(&store, format!("{at}"), Some(value.clone())).is_ok()).count();
        assert_eq!(taken, 63);
        assert_eq!(overlay.write(&store, "x".into(), Some(value)), Err(StateError::Full));
    }

    #[test]
    fn keys_of_a_prefix_stop_at_its_end() {
        let store = StateStore::restore(["a", "ab", "abc", "b"].map(|key| write(None, key, Some(""))));
        assert_eq!(Overlay::new(None).keys(&store, "ab"), ["ab", "abc"]);
    }
}
