//! One call's output on its way to columns.

use super::cache::{Described, FamilyRef, PointSlots};
use super::drops::{Drops, Refusal, Why, shown};
use super::intern::Interner;
use super::limits::{AHEAD_MAX, LABEL_VALUE_BYTES_MAX, OUT_OF_ORDER_MAX};
use super::output::BatchOutput;
use super::source::{Source, Staged};
use crate::event::{Collected, Event};
use crate::model::{Columns, DropReason, Kind, SeriesId, Times, Timestamp};

/// Bytes that a sample counts beside its label values.
pub(super) const SAMPLE_BYTES: usize = 16;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It returned ok: series that are missing from the batch end.
    Ok,
    /// It returned an error: what it gave to `sink` counts, and all of the source's series end, those of this batch too.
    Erred,
    /// It trapped or was stopped: its samples are dropped (call-failed), and all of the source's series end.
    Aborted,
}

/// The batch of one call, of what the guest gives to `sink` and of the families that it returns; feed those only where it returned ok.
#[derive(Debug)]
pub struct Batch {
    pub(super) source: Source,
    now: Timestamp,
    ids: Vec<SeriesId>,
    values: Vec<f64>,
    /// Only where not all samples have the time `now`.
    times: Option<Vec<Timestamp>>,
    touched: Vec<u32>,
    undefined: Vec<SeriesId>,
    clashes: Vec<Event>,
    pub(super) drops: Drops,
    families: usize,
    taken: usize,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(source: Source, now: Timestamp) -> Self {
        let room = source.live.len();
        Self {
            source,
            now,
            ids: Vec::with_capacity(room),
            values: Vec::with_capacity(room),
            times: None,
            touched: Vec::with_capacity(room),
            undefined: Vec::new(),
            clashes: Vec::new(),
            drops: Drops::default(),
            families: 0,
            taken: 0,
            bytes: 0,
        }
    }

    /// Describes a metric, once before its points; `help` and `unit` may be empty. Where the description is refused its points
    /// are dropped, and [`Self::refusal`] says why.
    pub fn family<N: AsRef<str>>(&mut self, name: &str, kind: Kind, unit: &str, help: &str, label_names: &[N]) -> FamilyRef {
        self.families += 1;
        self.bytes += name.len() + unit.len() + help.len() + label_names.iter().map(|name| name.as_ref().len()).sum::<usize>();
        let limits = self.source.share.limits();
        if self.families > limits.families || self.bytes > limits.bytes {
            return FamilyRef(u32::MAX);
        }
        self.describe(&Described { name, kind, unit, help, label_names })
    }

    /// Why a family's points are dropped, where they are.
    #[must_use]
    pub fn refusal(&self, family: FamilyRef) -> Option<Refusal> {
        match self.source.cache.family(family) {
            Some(entry) => entry.state.as_ref().err().cloned(),
            None => Some(self.over_limit()),
        }
    }

    /// Whether so much more is within the call's limits: for `sink.emit`, which is accepted or refused whole.
    ///
    /// # Errors
    /// It is not; nothing is counted yet, see [`Self::refuse`].
    pub fn room(&self, families: usize, samples: usize, bytes: usize) -> Result<(), Refusal> {
        let limits = self.source.share.limits();
        let within = self.families.saturating_add(families) <= limits.families
            && self.taken.saturating_add(samples) <= limits.samples
            && self.bytes.saturating_add(samples.saturating_mul(SAMPLE_BYTES)).saturating_add(bytes) <= limits.bytes;
        if within { Ok(()) } else { Err(self.over_limit()) }
    }

    /// Counts samples that were refused whole.
    pub fn refuse(&mut self, samples: usize, refusal: &Refusal) {
        self.taken += samples;
        self.drops.add(refusal.reason, samples, || refusal.message.clone());
    }

    /// A point of a gauge, counter, state-set, info or unknown; `at` in the contract's milliseconds, `None` for the call's time.
    pub fn number<V: AsRef<str>>(&mut self, family: FamilyRef, values: &[V], value: f64, at: Option<f64>) {
        if let Err(why) = self.try_number(family, values, value, at) {
            self.drop_point(family, values, 1, why);
        }
    }

    fn try_number<V: AsRef<str>>(&mut self, family: FamilyRef, values: &[V], value: f64, at: Option<f64>) -> Result<(), Why> {
        self.take(1, values)?;
        let time = self.time(at)?;
        self.check_number(family, values, value)?;
        let hash = self.source.cache.point_hash(family, values);
        let slot = match self.source.cache.find_point(hash, family, values, self.source.batch) {
            Some(PointSlots::One(slot)) => *slot,
            Some(PointSlots::Many(_)) => return Err(Why(DropReason::Invalid, "is no number")),
            None => {
                self.check_values(family, values)?;
                let slot = self.resolve(family, values, "", None)?;
                self.source.cache.add_point(hash, family, values, self.source.batch, PointSlots::One(slot));
                slot
            }
        };
        self.sample(slot, value, time)
    }

    fn check_number<V: AsRef<str>>(&self, family: FamilyRef, values: &[V], value: f64) -> Result<(), Why> {
        let (kind, usable) = self.usable(family)?;
        let wrong = match kind {
            Kind::Counter if !is_count(value) => "a counter's value is negative or NaN",
            Kind::StateSet if value != 0.0 && value != 1.0 => "a state-set's value is neither 0 nor 1",
            Kind::StateSet
                if usable.state_label.and_then(|at| values.get(at)).is_none_or(|state| state.as_ref().is_empty()) =>
            {
                "a state-set's label named as the family, which holds the state, is empty"
            }
            Kind::Info if value != 1.0 => "an info's value is not 1",
            Kind::Histogram | Kind::GaugeHistogram | Kind::Summary => "is a number, and its family is a histogram or summary",
            _ => return Ok(()),
        };
        Err(Why(DropReason::Invalid, wrong))
    }

    /// Values of interned series, at the call's time. Unknown ids are dropped one by one.
    ///
    /// # Errors
    /// The lists differ in length, or are more than the call's limit; then all are dropped.
    pub fn write(&mut self, interner: &Interner, ids: &[u32], values: &[f64]) -> Result<(), Refusal> {
        let count = ids.len().max(values.len());
        let refusal = if ids.len() == values.len() {
            self.room(0, count, 0).err()
        } else {
            Some(Refusal::invalid(format!("{} ids and {} values, give one value an id", ids.len(), values.len())))
        };
        if let Some(refusal) = refusal {
            self.refuse(count, &refusal);
            return Err(refusal);
        }
        self.taken += count;
        self.bytes += count * SAMPLE_BYTES;
        if self.source.locals_of != interner.generation() {
            self.source.locals_of = interner.generation();
            self.source.locals.clear();
        }
        for (local, value) in ids.iter().zip(values) {
            if let Err(why) = self.write_one(interner, *local, *value) {
                self.drop_local(interner, *local, why);
            }
        }
        Ok(())
    }

    fn write_one(&mut self, interner: &Interner, local: u32, value: f64) -> Result<(), Why> {
        let slot = self.local_slot(interner, local)?;
        if self.source.slots.get(slot).counter && !is_count(value) {
            return Err(Why(DropReason::Invalid, "a counter's value is negative or NaN"));
        }
        self.sample(slot, value, self.now)
    }

    /// Ends the series of a point, a histogram's or summary's all. What this batch does not hold ends anyway.
    pub fn end_series<V: AsRef<str>>(&mut self, family: FamilyRef, values: &[V]) {
        let hash = self.source.cache.point_hash(family, values);
        let batch = self.source.batch;
        match self.source.cache.find_point(hash, family, values, batch) {
            Some(PointSlots::One(slot)) => self.source.slots.get_mut(*slot).end(batch),
            Some(PointSlots::Many(many)) => many.slots.iter().for_each(|slot| self.source.slots.get_mut(*slot).end(batch)),
            None => {}
        }
    }

    /// Ends the batch. The output is the call's to commit; then the source wants to know: [`Source::committed`] or [`Source::lost`].
    #[must_use]
    pub fn finish(mut self, ending: Ending) -> (Source, BatchOutput) {
        if ending == Ending::Aborted {
            self.abort();
        }
        let ended = self.ended(ending);
        let samples = Columns { times: self.columns_times(), ids: self.ids, values: self.values };
        let definitions = self.source.registry.read();
        let defined = self.undefined.iter().filter_map(|id| Some((*id, definitions.get(*id)?.clone()))).collect();
        drop(definitions);
        let collected = Collected {
            plugin: self.source.plugin.clone(),
            target: self.source.target.clone(),
            samples,
            ended,
            dropped: self.drops.into_counts(),
        };
        self.source.families_used = self.families;
        self.source.staged = Some(Staged { ending, touched: self.touched, defined: self.undefined });
        (self.source, BatchOutput { collected, defined, clashes: self.clashes, taken: self.taken as u64 })
    }

    fn abort(&mut self) {
        self.drops
            .add(DropReason::CallFailed, self.ids.len(), || "the call trapped or was stopped after it had written".into());
        self.source.forget(&std::mem::take(&mut self.touched));
        self.ids.clear();
        self.values.clear();
        self.undefined.clear();
        self.times = None;
    }

    fn ended(&self, ending: Ending) -> Vec<SeriesId> {
        let (slots, batch) = (&self.source.slots, self.source.batch);
        let over = |at: &&u32| ending != Ending::Ok || !slots.get(**at).goes_on(batch);
        let before = self.source.live.iter().filter(over);
        let now = self.touched.iter().filter(|at| !slots.get(**at).live).filter(over);
        before.chain(now).map(|at| slots.get(*at).id).collect()
    }

    fn columns_times(&mut self) -> Times {
        match self.times.take() {
            Some(times) if times.iter().any(|time| *time != times[0]) => Times::Each(times),
            Some(times) => Times::One(times.first().copied().unwrap_or(self.now)),
            None => Times::One(self.now),
        }
    }

    /// Counts samples that came in, against the call's limits.
    pub(super) fn take<V: AsRef<str>>(&mut self, samples: usize, values: &[V]) -> Result<(), Why> {
        self.taken += samples;
        self.bytes += samples * SAMPLE_BYTES + values.iter().map(|value| value.as_ref().len()).sum::<usize>();
        let limits = self.source.share.limits();
        if self.taken > limits.samples || self.bytes > limits.bytes {
            return Err(Why(DropReason::OutputLimit, "is beyond the limit of one call"));
        }
        Ok(())
    }

    /// A point's time, within the bounds.
    pub(super) fn time(&self, at: Option<f64>) -> Result<Timestamp, Why> {
        let Some(at) = at else { return Ok(self.now) };
        let time = Timestamp::from_f64(at).ok_or(Why(DropReason::Invalid, "its time is no number of milliseconds"))?;
        if time > self.now + AHEAD_MAX {
            return Err(Why(DropReason::Time, "is more than 10 minutes ahead of the host's clock"));
        }
        if time < self.now - OUT_OF_ORDER_MAX {
            return Err(Why(DropReason::Late, "is more than 1 hour old"));
        }
        Ok(time)
    }

    /// Checks of label values that are made once a series.
    pub(super) fn check_values<V: AsRef<str>>(&self, family: FamilyRef, values: &[V]) -> Result<(), Why> {
        if values.len() != self.usable(family)?.1.names.len() {
            return Err(Why(DropReason::Invalid, "has not as many label values as its family has label names"));
        }
        if values.iter().any(|value| value.as_ref().len() > LABEL_VALUE_BYTES_MAX) {
            return Err(Why(DropReason::Invalid, "has a label value of more than 4096 bytes"));
        }
        Ok(())
    }

    /// Puts a sample into the columns.
    pub(super) fn sample(&mut self, at: u32, value: f64, time: Timestamp) -> Result<(), Why> {
        let slot = self.source.slots.get_mut(at);
        if !slot.held {
            slot.accepts(self.source.batch, time)?;
            if !self.source.share.try_hold(1) {
                return Err(SERIES_LIMIT);
            }
            slot.held = true;
        }
        let id = slot.id;
        if slot.touch(self.source.batch, time)? {
            let confirmed = slot.confirmed;
            self.touched.push(at);
            if !confirmed {
                self.note_undefined(at, id);
            }
        }
        if time != self.now || self.times.is_some() {
            let (count, now) = (self.ids.len(), self.now);
            self.times.get_or_insert_with(|| vec![now; count]).push(time);
        }
        self.ids.push(id);
        // The one canonical NaN: others have meanings elsewhere, Prometheus' staleness among them.
        self.values.push(if value.is_nan() { f64::NAN } else { value });
        Ok(())
    }

    fn note_undefined(&mut self, at: u32, id: SeriesId) {
        if self.source.registry.is_confirmed(id) {
            self.source.slots.get_mut(at).confirmed = true;
        } else {
            self.undefined.push(id);
        }
    }

    pub(super) fn clash(&mut self, family: &str, kept: Kind, came: Kind) {
        if self.source.share.first_clash(family) {
            let plugin = self.source.plugin.clone();
            self.clashes.push(Event::FamilyClashed { plugin, family: family.into(), kept, came });
        }
    }

    fn over_limit(&self) -> Refusal {
        let limits = self.source.share.limits();
        let message = format!(
            "the call puts out more than {} families, {} samples or {} bytes, its limit",
            limits.families, limits.samples, limits.bytes
        );
        Refusal { reason: DropReason::OutputLimit, message }
    }

    /// Counts a point that was refused.
    pub(super) fn drop_point<V: AsRef<str>>(&mut self, family: FamilyRef, values: &[V], samples: usize, why: Why) {
        let (source, over) = (&self.source, || self.over_limit().message);
        let Some(entry) = source.cache.family(family) else {
            let message = over();
            return self.drops.add(DropReason::OutputLimit, samples, || message);
        };
        if let Err(refusal) = &entry.state {
            return self.drops.add(refusal.reason, samples, || refusal.message.clone());
        }
        let limit = source.share.limits().series;
        let example = || {
            let values: Vec<_> = values.iter().take(4).map(|value| format!("`{}`", shown(value.as_ref()))).collect();
            let labels = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
            explain(&format!("`{}`{labels}", shown(entry.name())), why, limit)
        };
        self.drops.add(why.0, samples, example);
    }

    fn drop_local(&mut self, interner: &Interner, local: u32, why: Why) {
        let limit = self.source.share.limits().series;
        let example = || match interner.get(local) {
            Some(interned) => {
                explain(&format!("`{}{}`", shown(&interned.name), shown(&interned.labels.to_string())), why, limit)
            }
            None => format!("id {local} {}", why.1),
        };
        self.drops.add(why.0, 1, example);
    }
}

/// Whether a counter may have this value. NaN does not pass.
fn is_count(value: f64) -> bool {
    value >= 0.0
}

/// What a point is told that would be one series too many.
pub(super) const SERIES_LIMIT: Why = Why(DropReason::SeriesLimit, "is one series too many");

fn explain(what: &str, why: Why, series_limit: usize) -> String {
    let more = if why.0 == DropReason::SeriesLimit {
        format!(", the plugin may have {series_limit} live ones")
    } else {
        String::new()
    };
    format!("{what}: {}{more}", why.1)
}
