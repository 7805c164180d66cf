//! Series that a plugin names once and then writes by number.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::drops::{Refusal, shown};
use super::limits::{LABEL_VALUE_BYTES_MAX, NAME_BYTES_MAX};
use super::resolve::check_label_names;
use crate::model::label::is_metric_name;
use crate::model::{DropReason, Kind, Labels};

/// Tells interners apart, so that no source takes one instance's ids for another's.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// A series as the guest named it; each source lays its own labels over it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Interned {
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
    pub(super) labels: Labels,
}

/// The interned series of one plugin instance: dense ids from 0. One id means the same name and labels for every target.
#[derive(Debug)]
pub struct Interner {
    generation: u64,
    hasher: DefaultHashBuilder,
    entries: Vec<Interned>,
    index: HashTable<u32>,
    series_max: usize,
}

impl Interner {
    /// Without series, for a new instance; at most `series_max` (the plugin's limit on series).
    #[must_use]
    pub fn new(series_max: usize) -> Self {
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Self { generation, hasher: DefaultHashBuilder::default(), entries: Vec::new(), index: HashTable::new(), series_max }
    }

    /// The id of a gauge or counter; the same series has the same id. Whether the name clashes with another metric shows when
    /// it is written.
    ///
    /// # Errors
    /// Another kind, a name that is none, or too many series.
    pub fn series<N: AsRef<str>, V: AsRef<str>>(&mut self, name: &str, kind: Kind, labels: &[(N, V)]) -> Result<u32, Refusal> {
        let interned = checked(name, kind, labels).map_err(Refusal::invalid)?;
        let hash = self.hasher.hash_one(&interned);
        if let Some(at) = self.index.find(hash, |at| self.entries[*at as usize] == interned) {
            return Ok(*at);
        }
        let next = u32::try_from(self.entries.len()).ok().filter(|_| self.entries.len() < self.series_max);
        let Some(next) = next else {
            let message = format!("`{}` is one series too many, an instance may intern {}", shown(name), self.series_max);
            return Err(Refusal { reason: DropReason::SeriesLimit, message });
        };
        self.entries.push(interned);
        let (hasher, entries) = (&self.hasher, &self.entries);
        self.index.insert_unique(hash, next, |at| hasher.hash_one(&entries[*at as usize]));
        Ok(next)
    }

    /// How many series are interned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn get(&self, local: u32) -> Option<&Interned> {
        self.entries.get(local as usize)
    }
}

fn checked<N: AsRef<str>, V: AsRef<str>>(name: &str, kind: Kind, labels: &[(N, V)]) -> Result<Interned, String> {
    if !matches!(kind, Kind::Gauge | Kind::Counter) {
        return Err(format!("`{}` is a {kind:?}, only gauges and counters can be interned", shown(name)));
    }
    if !is_metric_name(name) || name.len() > NAME_BYTES_MAX {
        return Err(format!("`{}` is no metric name, names match [a-zA-Z_:][a-zA-Z0-9_:]*", shown(name)));
    }
    let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_ref()).collect();
    check_label_names(&names).map_err(|wrong| format!("`{}`: {wrong}", shown(name)))?;
    if let Some((long, _)) = labels.iter().find(|(_, value)| value.as_ref().len() > LABEL_VALUE_BYTES_MAX) {
        return Err(format!(
            "`{}`: label `{}` has a value of more than {LABEL_VALUE_BYTES_MAX} bytes",
            shown(name),
            long.as_ref()
        ));
    }
    let labels =
        Labels::new(labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))).map_err(|wrong| wrong.to_string())?;
    Ok(Interned { name: name.into(), kind, labels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_interned_once() {
        let mut interner = Interner::new(2);
        assert_eq!(interner.series("x", Kind::Gauge, &[("b", "1"), ("a", "2")]), Ok(0));
        assert_eq!(interner.series("x", Kind::Gauge, &[("a", "2"), ("b", "1"), ("c", "")]), Ok(0));
        assert_eq!(interner.series("x", Kind::Counter, &[("a", "2")]), Ok(1));
        let refused = interner.series::<&str, &str>("y", Kind::Gauge, &[]).unwrap_err();
        assert_eq!(refused.to_string(), "`y` is one series too many, an instance may intern 2");
    }

    #[test]
    fn what_is_no_series_is_refused() {
        for (name, kind, label, message) in [
            ("x", Kind::Histogram, "a", "`x` is a Histogram, only gauges and counters can be interned"),
            ("1x", Kind::Gauge, "a", "`1x` is no metric name, names match [a-zA-Z_:][a-zA-Z0-9_:]*"),
            ("x", Kind::Gauge, "a-b", "`x`: `a-b` is no label name, names match [a-zA-Z_][a-zA-Z0-9_]*"),
            ("x", Kind::Gauge, "__a", "`x`: label `__a` is reserved, names that begin with `__` belong to the host"),
        ] {
            let refused = Interner::new(9).series(name, kind, &[(label, "1")]).unwrap_err();
            assert_eq!((refused.reason, refused.message.as_str()), (DropReason::Invalid, message));
        }
    }
}
