//! Label sets: sorted, without empty values, each name once.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::Fingerprint;

/// The label that holds a series' metric name.
pub const METRIC_NAME: &str = "__name__";

/// Why something is no label set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The name breaks Prometheus' rule for label names.
    #[error("`{0}` is no label name, names match [a-zA-Z_][a-zA-Z0-9_]*")]
    Name(String),
    /// Names that begin with two underscores belong to the host.
    #[error("label `{0}` is reserved, names that begin with `__` belong to the host")]
    Reserved(String),
    /// A name occurs twice.
    #[error("label `{0}` occurs twice")]
    Twice(String),
}

/// Whether `name` may name a label: `[a-zA-Z_][a-zA-Z0-9_]*`, as in the Prometheus data model.
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether `name` may name a metric: `[a-zA-Z_:][a-zA-Z0-9_:]*`, as in the Prometheus data model.
#[must_use]
pub fn is_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Names with their values, sorted by name; empty values are absent. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Labels {
    /// A checked label set from pairs in any order; pairs with an empty value are left out.
    ///
    /// # Errors
    /// A name that is none, is reserved (`__*`), or occurs twice.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelError>
    where
        N: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let mut checked: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            if !is_label_name(&name) {
                return Err(LabelError::Name(name.into()));
            }
            if name.starts_with("__") {
                return Err(LabelError::Reserved(name.into()));
            }
            checked.push((name, value));
        }
        checked.sort_unstable();
        if let Some(pair) = checked.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(LabelError::Twice(pair[0].0.to_string()));
        }
        checked.retain(|(_, value)| !value.is_empty());
        Ok(Self(checked.into()))
    }

    /// A label set from pairs that the host made itself: sorted here, names taken as they are (`__name__` included); of equal
    /// names the first wins.
    #[must_use]
    pub fn from_trusted(pairs: impl IntoIterator<Item = (Box<str>, Box<str>)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs.into())
    }

    /// The value of `name`, if present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|at| &*self.0[at].1)
    }

    /// All pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This set laid over `below`: where both have a name, this set's value counts.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let own = self.0.iter().cloned();
        Self::from_trusted(own.chain(below.0.iter().cloned()))
    }

    /// This set with one pair set (or, with an empty value, removed).
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let rest = self.0.iter().filter(|(n, _)| **n != *name).cloned();
        Self::from_trusted(rest.chain([(name.into(), value.into())]))
    }

    /// Stable over machines and versions: the first 8 bytes of BLAKE3 over `name 0xff value 0xff`, in order of name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for (name, value) in self.iter() {
            hasher.update(name.as_bytes()).update(&[0xff]).update(value.as_bytes()).update(&[0xff]);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Fingerprint(u64::from_be_bytes(first))
    }
}

impl fmt::Display for Labels {
    /// As in Prometheus: `{a="1",b="2"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn a_set_is_sorted_and_drops_empty_values() {
        assert_eq!(labels(&[("b", "2"), ("a", "1"), ("c", "")]).to_string(), r#"{a="1",b="2"}"#);
    }

    #[test]
    fn bad_names_are_refused_with_the_name() {
        for (pairs, message) in [
            (vec![("1a", "x")], "`1a` is no label name, names match [a-zA-Z_][a-zA-Z0-9_]*"),
            (vec![("__x", "x")], "label `__x` is reserved, names that begin with `__` belong to the host"),
            (vec![("a", "1"), ("a", "2")], "label `a` occurs twice"),
        ] {
            assert_eq!(Labels::new(pairs).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_upper_set_wins() {
        let over = labels(&[("a", "1")]).over(&labels(&[("a", "2"), ("b", "3")]));
        assert_eq!(over, labels(&[("a", "1"), ("b", "3")]));
        assert_eq!(over.with("a", "").with("b", "4"), labels(&[("b", "4")]));
    }

    #[test]
    fn fingerprints_are_stable_and_separate_name_from_value() {
        assert_eq!(Labels::default().fingerprint().to_string(), "af1349b9f5f9a1a6");
        assert_ne!(labels(&[("a", "bc")]).fingerprint(), labels(&[("ab", "c")]).fingerprint());
    }
}
