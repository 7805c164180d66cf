//! Histograms and summaries: several series a point, taken all or none.

use super::batch::{Batch, SERIES_LIMIT};
use super::cache::{Distribution, FamilyRef, PointSlots};
use super::drops::Why;
use super::labelling::{BOUND, QUANTILE};
use super::limits::BUCKETS_MAX;
use crate::model::number::format_bound;
use crate::model::{DropReason, Kind, Timestamp};

/// A histogram's bucket: how many observations are at or below `upper_bound`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Ascending; the last is infinite.
    pub upper_bound: f64,
    /// Cumulative.
    pub count: f64,
}

/// A summary's quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// From 0 to 1, ascending.
    pub quantile: f64,
    /// The value at it; NaN without observations.
    pub value: f64,
}

/// The rules of one kind for bounds with their values, and for the count.
type Check = fn(&Batch, FamilyRef, &[(f64, f64)], f64) -> Result<(), Why>;

const fn invalid(wrong: &'static str) -> Why {
    Why(DropReason::Invalid, wrong)
}

impl Batch {
    /// A point of a histogram or gauge histogram; `at` in the contract's milliseconds.
    pub fn histogram<V: AsRef<str>>(
        &mut self,
        family: FamilyRef,
        values: &[V],
        sum: f64,
        count: f64,
        buckets: &[Bucket],
        at: Option<f64>,
    ) {
        let pairs: Vec<(f64, f64)> = buckets.iter().map(|bucket| (bucket.upper_bound, bucket.count)).collect();
        self.distribution(family, values, &pairs, (sum, count), at, Batch::check_histogram);
    }

    /// A point of a summary; `at` in the contract's milliseconds.
    pub fn summary<V: AsRef<str>>(
        &mut self,
        family: FamilyRef,
        values: &[V],
        sum: f64,
        count: f64,
        quantiles: &[Quantile],
        at: Option<f64>,
    ) {
        let pairs: Vec<(f64, f64)> = quantiles.iter().map(|quantile| (quantile.quantile, quantile.value)).collect();
        self.distribution(family, values, &pairs, (sum, count), at, Batch::check_summary);
    }

    fn distribution<V: AsRef<str>>(
        &mut self,
        family: FamilyRef,
        values: &[V],
        pairs: &[(f64, f64)],
        totals: (f64, f64),
        at: Option<f64>,
        check: Check,
    ) {
        let samples = pairs.len() + 2;
        let taken = self.take(samples, values).and_then(|()| {
            let time = self.time(at)?;
            check(self, family, pairs, totals.1)?;
            let slots = self.distribution_slots(family, values, pairs)?;
            self.distribution_samples(&slots, pairs, totals, time)
        });
        if let Err(why) = taken {
            self.drop_point(family, values, samples, why);
        }
    }

    fn check_histogram(&self, family: FamilyRef, buckets: &[(f64, f64)], count: f64) -> Result<(), Why> {
        if !matches!(self.usable(family)?.0, Kind::Histogram | Kind::GaugeHistogram) {
            return Err(invalid("is a histogram, and its family is not"));
        }
        if buckets.len() > BUCKETS_MAX {
            return Err(invalid("has more than 1024 buckets"));
        }
        // Comparisons that NaN does not pass.
        let ascends = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let counts = buckets.first().is_some_and(|first| first.1 >= 0.0);
        match buckets.last() {
            Some(&(bound, last)) if ascends && counts && bound == f64::INFINITY && last == count => Ok(()),
            _ => Err(invalid("buckets must be cumulative, their bounds ascending, the last +Inf and equal to the count")),
        }
    }

    fn check_summary(&self, family: FamilyRef, quantiles: &[(f64, f64)], count: f64) -> Result<(), Why> {
        if self.usable(family)?.0 != Kind::Summary {
            return Err(invalid("is a summary, and its family is not"));
        }
        if quantiles.len() > BUCKETS_MAX {
            return Err(invalid("has more than 1024 quantiles"));
        }
        let within = quantiles.iter().all(|pair| (0.0..=1.0).contains(&pair.0));
        let ascends = quantiles.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !(within && ascends && count >= 0.0) {
            return Err(invalid("quantiles must ascend from 0 to 1, and the count must not be negative"));
        }
        Ok(())
    }

    /// The slots of a point, from the cache while its bounds stay the same.
    fn distribution_slots<V: AsRef<str>>(
        &mut self,
        family: FamilyRef,
        values: &[V],
        pairs: &[(f64, f64)],
    ) -> Result<Box<[u32]>, Why> {
        let hash = self.source.cache.point_hash(family, values);
        let known = self.source.cache.find_point(hash, family, values, self.source.batch);
        if let Some(PointSlots::Many(known)) = known
            && known.bounds.iter().eq(pairs.iter().map(|(bound, _)| bound))
        {
            return Ok(known.slots.clone());
        }
        self.check_values(family, values)?;
        let kind = self.usable(family)?.0;
        let label = if kind == Kind::Summary { QUANTILE } else { BOUND };
        let &[each, sum, count] = kind.suffixes() else { return Err(invalid("is no histogram or summary")) };
        let mut slots = Vec::with_capacity(pairs.len() + 2);
        for (bound, _) in pairs {
            // Adding zero turns -0 into 0, which is the same bound.
            slots.push(self.resolve(family, values, each, Some((label, &format_bound(bound + 0.0))))?);
        }
        slots.push(self.resolve(family, values, sum, None)?);
        slots.push(self.resolve(family, values, count, None)?);
        let slots: Box<[u32]> = slots.into();
        let many = Distribution { bounds: pairs.iter().map(|(bound, _)| *bound).collect(), slots: slots.clone() };
        self.source.cache.add_point(hash, family, values, self.source.batch, PointSlots::Many(Box::new(many)));
        Ok(slots)
    }

    /// Puts all samples of a point into the columns, or none.
    fn distribution_samples(
        &mut self,
        slots: &[u32],
        pairs: &[(f64, f64)],
        totals: (f64, f64),
        time: Timestamp,
    ) -> Result<(), Why> {
        let batch = self.source.batch;
        for slot in slots {
            self.source.slots.get(*slot).accepts(batch, time)?;
        }
        let fresh = slots.iter().filter(|slot| !self.source.slots.get(**slot).held).count();
        if !self.source.share.try_hold(fresh) {
            return Err(SERIES_LIMIT);
        }
        let values = pairs.iter().map(|(_, value)| *value).chain([totals.0, totals.1]);
        for (slot, value) in slots.iter().zip(values) {
            self.source.slots.get_mut(*slot).held = true;
            self.sample(*slot, value, time)?;
        }
        Ok(())
    }
}
