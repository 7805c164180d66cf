//! What the journal knows of each plugin: its generation, its state, up to where it has consumed the journal. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Call, StateWrite};
use crate::model::{Offset, PluginName, TargetName};

/// One plugin's past.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPast {
    /// The last generation that recorded a call.
    pub generation: u64,
    /// The last offset that it consumed, where it is an alerter.
    pub cursor: Offset,
    state: BTreeMap<(Option<TargetName>, String), Vec<u8>>,
}

impl PluginPast {
    /// Its state as writes that restore it.
    #[must_use]
    pub fn writes(&self) -> Vec<StateWrite> {
        let write = |((target, key), value): (&(Option<TargetName>, String), &Vec<u8>)| StateWrite {
            target: target.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        };
        self.state.iter().map(write).collect()
    }
}

/// All plugins' pasts, also of those that are gone: one that comes back finds its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pasts(BTreeMap<PluginName, PluginPast>);

impl Pasts {
    /// Takes one call into account.
    pub fn apply(&mut self, call: &Call) {
        let past = self.0.entry(call.plugin.clone()).or_default();
        past.generation = past.generation.max(call.generation);
        past.cursor = past.cursor.max(call.consumed.map(|consumed| consumed.to).unwrap_or_default());
        for write in &call.state {
            let place = (write.target.clone(), write.key.clone());
            match &write.value {
                Some(value) => past.state.insert(place, value.clone()),
                None => past.state.remove(&place),
            };
        }
    }

    /// What is known of a plugin.
    #[must_use]
    pub fn get(&self, plugin: &PluginName) -> PluginPast {
        self.0.get(plugin).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, OffsetRange};

    fn call(generation: u64, writes: &[(&str, Option<&str>)], consumed: Option<u64>) -> Call {
        let write = |(key, value): &(&str, Option<&str>)| StateWrite {
            target: None,
            key: (*key).into(),
            value: value.map(|value| value.as_bytes().to_vec()),
        };
        Call {
            plugin: Name::new("p").unwrap(),
            instance: 0,
            generation,
            consumed: consumed.map(|to| OffsetRange { from: Offset::ZERO, to: Offset(to) }),
            state: writes.iter().map(write).collect(),
        }
    }

    #[test]
    fn the_last_write_of_a_key_counts_and_generations_only_grow() {
        let mut pasts = Pasts::default();
        pasts.apply(&call(1, &[("a", Some("1")), ("b", Some("2"))], Some(7)));
        pasts.apply(&call(2, &[("a", None), ("b", Some("3"))], None));
        let past = pasts.get(&Name::new("p").unwrap());
        assert_eq!((past.generation, past.cursor), (2, Offset(7)));
        assert_eq!(past.writes(), call(0, &[("b", Some("3"))], None).state);
        assert_eq!(pasts.get(&Name::new("q").unwrap()), PluginPast::default());
    }
}
