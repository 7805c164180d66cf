//! The slow path: what happens once a family and once a series.

use super::batch::{Batch, SERIES_LIMIT};
use super::cache::{Described, FamilyRef, Usable};
use super::drops::{Refusal, Why, shown};
use super::intern::Interner;
use super::labelling::{BOUND, QUANTILE};
use super::limits::{HELP_BYTES_MAX, LABELS_MAX, NAME_BYTES_MAX};
use crate::model::label::{is_label_name, is_metric_name};
use crate::model::{DropReason, Family, Kind};

/// A local id that no slot was found for yet.
const UNRESOLVED: u32 = u32::MAX;

impl Batch {
    /// The entry of a description, made now if it is new.
    pub(super) fn describe<N: AsRef<str>>(&mut self, described: &Described<'_, N>) -> FamilyRef {
        let batch = self.source.batch;
        if let Some(known) = self.source.cache.find_family(described, batch) {
            return known;
        }
        let state = self.examine(described);
        self.source.cache.add_family(described, batch, state)
    }

    fn examine<N: AsRef<str>>(&mut self, described: &Described<'_, N>) -> Result<Usable, Refusal> {
        check_description(described).map_err(Refusal::invalid)?;
        let state_label = match described.kind {
            Kind::StateSet => Some(self.state_label(described)?),
            _ => None,
        };
        self.check_bounds_label(described)?;
        let given = Family {
            name: described.name.into(),
            kind: described.kind,
            unit: described.unit.into(),
            help: cut(described.help, HELP_BYTES_MAX).into(),
        };
        let names = self.source.base.names(described.label_names);
        let known = self.source.registry.peek(&given).map(|known| known.is_some());
        let claimed = if known == Ok(false) { None } else { Some(self.source.registry.claim(&given)) };
        match claimed {
            None => Ok(Usable { family: std::sync::Arc::new(given), claimed: false, names, state_label }),
            Some(Ok(claimed)) => {
                if claimed.differs {
                    self.clash(described.name, described.kind, described.kind);
                }
                Ok(Usable { family: claimed.family, claimed: true, names, state_label })
            }
            Some(Err(kept)) => Err(self.kind_clash(described.name, kept, described.kind)),
        }
    }

    fn kind_clash(&mut self, name: &str, kept: Kind, came: Kind) -> Refusal {
        self.clash(name, kept, came);
        let message = format!(
            "`{}` or a name of its series is a {kept:?} already, and came as {came:?}; rename one of them",
            shown(name)
        );
        Refusal { reason: DropReason::Clash, message }
    }

    /// Which label holds the state; the host must not have to rename it.
    fn state_label<N: AsRef<str>>(&self, described: &Described<'_, N>) -> Result<usize, Refusal> {
        let name = described.name;
        let place = described.label_names.iter().position(|label| label.as_ref() == name);
        let place = place.ok_or_else(|| {
            Refusal::invalid(format!("state-set `{}` has no label named as itself for the state", shown(name)))
        })?;
        match self.source.base.get(name) {
            Some(_) => Err(Refusal::invalid(format!("state-set `{}` is named as a label of its target", shown(name)))),
            None => Ok(place),
        }
    }

    /// The labels of buckets and quantiles are the host's to write.
    fn check_bounds_label<N: AsRef<str>>(&self, described: &Described<'_, N>) -> Result<(), Refusal> {
        let label = match described.kind {
            Kind::Histogram | Kind::GaugeHistogram => BOUND,
            Kind::Summary => QUANTILE,
            _ => return Ok(()),
        };
        if described.label_names.iter().any(|name| name.as_ref() == label) || self.source.base.get(label).is_some() {
            return Err(Refusal::invalid(format!(
                "`{}` has a label `{label}` of its own, which the host writes",
                shown(described.name)
            )));
        }
        Ok(())
    }

    /// A family whose points are taken, and its kind.
    pub(super) fn usable(&self, family: FamilyRef) -> Result<(Kind, &Usable), Why> {
        let over = Why(DropReason::OutputLimit, "is beyond the limit of one call");
        let entry = self.source.cache.family(family).ok_or(over)?;
        let usable = entry.state.as_ref().map_err(|refusal| Why(refusal.reason, "its family is refused"))?;
        Ok((entry.kind(), usable))
    }

    /// The slot of a series that the cache does not know, defined now if nobody knows it. `bound` adds `le` or `quantile`.
    pub(super) fn resolve<V: AsRef<str>>(
        &mut self,
        family: FamilyRef,
        values: &[V],
        suffix: &str,
        bound: Option<(&str, &str)>,
    ) -> Result<u32, Why> {
        self.claim(family)?;
        let (kind, usable) = self.usable(family)?;
        let own = usable.names.iter().zip(values).map(|(name, value)| (&**name, value.as_ref()));
        let labels = match suffix {
            "" => self.source.base.labels(&usable.family.name, own, bound),
            suffix => self.source.base.labels(&format!("{}{suffix}", usable.family.name), own, bound),
        };
        let id = match self.source.registry.lookup(&labels) {
            Some(id) => id,
            None if !self.source.share.has_room() => return Err(SERIES_LIMIT),
            None => {
                self.source.share.count_defined();
                self.source.registry.define(&usable.family, labels).ok_or(HOST_LIMIT)?
            }
        };
        Ok(self.source.slots.of(id, kind == Kind::Counter))
    }

    /// Takes the family's name in the registry, with its first series.
    fn claim(&mut self, at: FamilyRef) -> Result<(), Why> {
        let (came, usable) = self.usable(at)?;
        if usable.claimed {
            return Ok(());
        }
        if !self.source.share.has_room() || self.source.registry.is_full() {
            return Err(SERIES_LIMIT);
        }
        let given = usable.family.clone();
        let claimed = match self.source.registry.claim(&given) {
            Ok(claimed) => claimed,
            Err(kept) => {
                let refusal = self.kind_clash(&given.name, kept, came);
                let why = Why(refusal.reason, "clashes with another metric");
                if let Some(entry) = self.source.cache.family_mut(at) {
                    entry.state = Err(refusal);
                }
                return Err(why);
            }
        };
        if claimed.differs {
            self.clash(&given.name, came, came);
        }
        if let Some(Ok(usable)) = self.source.cache.family_mut(at).map(|entry| entry.state.as_mut()) {
            (usable.claimed, usable.family) = (true, claimed.family);
        }
        Ok(())
    }

    /// The slot of an interned series.
    pub(super) fn local_slot(&mut self, interner: &Interner, local: u32) -> Result<u32, Why> {
        match self.source.locals.get(local as usize) {
            Some(&slot) if slot != UNRESOLVED => Ok(slot),
            _ => self.resolve_local(interner, local),
        }
    }

    #[cold]
    fn resolve_local(&mut self, interner: &Interner, local: u32) -> Result<u32, Why> {
        let interned = interner.get(local).ok_or(Why(DropReason::Invalid, "was never interned by this instance"))?;
        let (label_names, values): (Vec<&str>, Vec<&str>) = interned.labels.iter().unzip();
        let described = Described { name: &interned.name, kind: interned.kind, unit: "", help: "", label_names: &label_names };
        let family = self.describe(&described);
        self.check_values(family, &values)?;
        let slot = self.resolve(family, &values, "", None)?;
        if self.source.locals.len() < interner.len() {
            self.source.locals.resize(interner.len(), UNRESOLVED);
        }
        if let Some(place) = self.source.locals.get_mut(local as usize) {
            *place = slot;
        }
        Ok(slot)
    }
}

const HOST_LIMIT: Why = Why(DropReason::SeriesLimit, "is beyond the series that the host can hold");

fn check_description<N: AsRef<str>>(described: &Described<'_, N>) -> Result<(), String> {
    let name = described.name;
    let longest = described.kind.suffixes().iter().map(|suffix| suffix.len()).max().unwrap_or(0);
    if !is_metric_name(name) || name.len() + longest > NAME_BYTES_MAX {
        return Err(format!(
            "`{}` is no metric name, names match [a-zA-Z_:][a-zA-Z0-9_:]* and have at most {NAME_BYTES_MAX} bytes",
            shown(name)
        ));
    }
    if !is_unit(described.unit) {
        return Err(format!("`{}` has the unit `{}`, units match [a-zA-Z0-9_:]*", shown(name), shown(described.unit)));
    }
    check_label_names(described.label_names).map_err(|wrong| format!("`{}`: {wrong}", shown(name)))
}

fn is_unit(unit: &str) -> bool {
    unit.len() <= NAME_BYTES_MAX && unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

/// Names that may name a point's labels, each once.
pub(super) fn check_label_names<N: AsRef<str>>(names: &[N]) -> Result<(), String> {
    if names.len() > LABELS_MAX {
        return Err(format!("{} labels, at most {LABELS_MAX} are possible", names.len()));
    }
    let mut sorted: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    for name in &sorted {
        if !is_label_name(name) || name.len() > NAME_BYTES_MAX {
            return Err(format!("`{}` is no label name, names match [a-zA-Z_][a-zA-Z0-9_]*", shown(name)));
        }
        if name.starts_with("__") {
            return Err(format!("label `{}` is reserved, names that begin with `__` belong to the host", shown(name)));
        }
    }
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("label `{}` occurs twice", shown(pair[0]))),
        None => Ok(()),
    }
}

/// The text up to a number of bytes, at a character's end.
fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
