//! The table of families: which name means which metric. The first kind of a name counts for everybody.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::model::{Family, Kind};

/// A claim that was granted.
#[derive(Debug)]
pub(super) struct Claimed {
    /// The family in force.
    pub(super) family: Arc<Family>,
    /// It has another help or unit than the claim.
    pub(super) differs: bool,
}

/// Names to families. Every name that one of a family's series can have leads to it, so that a gauge `x_count` and a histogram
/// `x` never meet.
#[derive(Debug, Default)]
pub(super) struct FamilyTable(RwLock<HashMap<Box<str>, Arc<Family>>>);

impl FamilyTable {
    /// What a claim would yield, without making it: `None` where the names are free.
    pub(super) fn peek(&self, family: &Family) -> Result<Option<Claimed>, Kind> {
        known(&self.0.read(), family)
    }

    /// Takes the family's names, or yields the family that has them. Where the first had no help or unit and this one has, the
    /// family in force gets them.
    ///
    /// # Errors
    /// A name belongs to a family of another kind: that kind.
    pub(super) fn claim(&self, family: &Family) -> Result<Claimed, Kind> {
        let mut table = self.0.write();
        let claimed = match known(&table, family)? {
            Some(claimed) if !completes(&claimed.family, family) => return Ok(claimed),
            Some(claimed) => Claimed { family: Arc::new(completed(&claimed.family, family)), differs: claimed.differs },
            None => Claimed { family: Arc::new(family.clone()), differs: false },
        };
        for name in names(&claimed.family) {
            table.insert(name, claimed.family.clone());
        }
        Ok(claimed)
    }

    /// The family that a series' or family's name belongs to.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Family>> {
        self.0.read().get(name).cloned()
    }
}

fn known(table: &HashMap<Box<str>, Arc<Family>>, family: &Family) -> Result<Option<Claimed>, Kind> {
    let mut found = None;
    for name in names(family) {
        let Some(kept) = table.get(&name) else { continue };
        if kept.name != family.name || kept.kind != family.kind {
            return Err(kept.kind);
        }
        found = Some(kept.clone());
    }
    Ok(found
        .map(|kept| Claimed { differs: differs(&kept.help, &family.help) || differs(&kept.unit, &family.unit), family: kept }))
}

/// All names that a family takes: its series' and, for its lines in a page, its own. A gauge histogram is a histogram in Prometheus text
/// and takes the names of one.
fn names(family: &Family) -> impl Iterator<Item = Box<str>> + '_ {
    let more: &[&str] = match family.kind {
        Kind::Histogram => &[""],
        Kind::GaugeHistogram => &["", "_sum", "_count"],
        _ => &[],
    };
    more.iter().chain(family.kind.suffixes()).map(|suffix| format!("{}{suffix}", family.name).into())
}

fn differs(kept: &str, came: &str) -> bool {
    !kept.is_empty() && !came.is_empty() && kept != came
}

fn completes(kept: &Family, came: &Family) -> bool {
    (kept.help.is_empty() && !came.help.is_empty()) || (kept.unit.is_empty() && !came.unit.is_empty())
}

fn completed(kept: &Family, came: &Family) -> Family {
    let either = |kept: &str, came: &str| if kept.is_empty() { came.into() } else { kept.into() };
    Family {
        name: kept.name.clone(),
        kind: kept.kind,
        unit: either(&kept.unit, &came.unit),
        help: either(&kept.help, &came.help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str, kind: Kind, help: &str) -> Family {
        Family { name: name.into(), kind, unit: "".into(), help: help.into() }
    }

    #[test]
    fn the_first_kind_of_a_name_counts() {
        let table = FamilyTable::default();
        table.claim(&family("x", Kind::Gauge, "one")).unwrap();
        assert_eq!(table.claim(&family("x", Kind::Counter, "one")).unwrap_err(), Kind::Gauge);
        assert!(table.claim(&family("x", Kind::Gauge, "two")).unwrap().differs);
        assert_eq!(&*table.get("x").unwrap().help, "one");
    }

    #[test]
    fn a_histogram_and_a_gauge_never_share_a_series_name() {
        let table = FamilyTable::default();
        table.claim(&family("x", Kind::Histogram, "")).unwrap();
        for name in ["x", "x_bucket", "x_sum", "x_count"] {
            assert_eq!(table.claim(&family(name, Kind::Gauge, "")).unwrap_err(), Kind::Histogram, "{name}");
        }
        table.claim(&family("y_count", Kind::Counter, "")).unwrap();
        assert_eq!(table.claim(&family("y", Kind::Summary, "")).unwrap_err(), Kind::Counter);
        assert!(table.get("y").is_none());
    }

    #[test]
    fn a_help_that_comes_later_completes_the_family() {
        let table = FamilyTable::default();
        table.claim(&family("x", Kind::Histogram, "")).unwrap();
        assert!(!table.claim(&family("x", Kind::Histogram, "told")).unwrap().differs);
        assert_eq!(&*table.get("x_bucket").unwrap().help, "told");
    }
}
