//! What a call returns: metrics with their points, written in the order in which one reads them.

use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::types::{Bucket, Family, HistogramPoint, Kind, Point, Points, Quantile, SummaryPoint, TimestampMs};

/// A batch of metrics under construction.
///
/// ```
/// use vigie_plugin::Families;
/// let mut families = Families::new();
/// families.gauge("node_load1", "Load average over 1 minute.").value(0.31);
/// let mut bytes = families.counter("disk_read_bytes_total", "Bytes read.").unit("bytes").labels(["device"]);
/// for (device, read) in [("sda", 10.0), ("sdb", 20.0)] {
///     bytes.point([device], read);
/// }
/// assert_eq!(families.len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Families {
    families: Vec<Family>,
}

impl Families {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str) -> Metric<'_, Numbers, 0> {
        Metric::of(self.numbers(Kind::Gauge, name, help))
    }

    /// A value that only grows since its start. The name is as it is queried, with `_total`.
    pub fn counter(&mut self, name: &str, help: &str) -> Metric<'_, Numbers, 0> {
        Metric::of(self.numbers(Kind::Counter, name, help))
    }

    /// A value of which nothing more is known.
    pub fn unknown(&mut self, name: &str, help: &str) -> Metric<'_, Numbers, 0> {
        Metric::of(self.numbers(Kind::Unknown, name, help))
    }

    /// Facts as labels, each with the value 1. The name is as it is queried, with `_info`.
    pub fn info(&mut self, name: &str, help: &str) -> Metric<'_, Info, 0> {
        Metric::of(self.numbers(Kind::Info, name, help))
    }

    /// Which of several states holds: one point a state, 0 or 1, under the label named as the family.
    pub fn state_set(&mut self, name: &str, help: &str) -> Metric<'_, StateSet, 0> {
        let family = self.numbers(Kind::StateSet, name, help);
        family.label_names.push(name.to_owned());
        Metric::of(family)
    }

    /// Observations counted in buckets. The name is without `_bucket`, `_sum`, `_count`.
    pub fn histogram(&mut self, name: &str, help: &str) -> Metric<'_, Histograms, 0> {
        Metric::of(self.family(Kind::Histogram, name, help, Points::Histograms(Vec::new())))
    }

    /// Observations as quantiles. The name is without `_sum`, `_count`.
    pub fn summary(&mut self, name: &str, help: &str) -> Metric<'_, Summaries, 0> {
        Metric::of(self.family(Kind::Summary, name, help, Points::Summaries(Vec::new())))
    }

    /// Says that series end here: those of `name` with these values of these labels.
    pub fn end<const N: usize, S: Into<String>>(
        &mut self,
        kind: Kind,
        name: &str,
        label_names: [&str; N],
        series: Vec<[S; N]>,
    ) {
        let ended = series.into_iter().map(strings).collect();
        self.family(kind, name, "", Points::Ended(ended)).label_names = strings(label_names);
    }

    /// Adds a family as the contract knows it, for what has labels that only the target knows.
    pub fn push(&mut self, family: Family) {
        self.families.push(family);
    }

    /// Adds another batch's families behind these.
    pub fn append(&mut self, mut other: Self) {
        self.families.append(&mut other.families);
    }

    /// The families so far, in the order in which they were begun.
    pub fn as_slice(&self) -> &[Family] {
        &self.families
    }

    /// How many families there are.
    pub fn len(&self) -> usize {
        self.families.len()
    }

    /// Whether there is no family.
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    /// What goes over the contract, without families that got no point. Checks what [`push`](Self::push) brought: each point
    /// has as many label values as its family has label names.
    pub fn into_wire(mut self) -> Result<Vec<Family>> {
        self.families.retain(|family| !is_empty(&family.points));
        for family in &self.families {
            check_lengths(family)?;
        }
        Ok(self.families)
    }

    fn numbers(&mut self, kind: Kind, name: &str, help: &str) -> &mut Family {
        self.family(kind, name, help, Points::Numbers(Vec::new()))
    }

    fn family(&mut self, kind: Kind, name: &str, help: &str, points: Points) -> &mut Family {
        let index = self.families.len();
        let (unit, label_names) = (String::new(), Vec::new());
        self.families.push(Family { name: name.to_owned(), kind, unit, help: help.to_owned(), label_names, points });
        &mut self.families[index]
    }
}

/// Looking things up, which tests of plugins need.
impl Families {
    /// The value of the point with these label values (in the order of the family's label names), over all families of the
    /// name.
    pub fn find(&self, name: &str, label_values: &[&str]) -> Option<f64> {
        self.families.iter().filter(|family| family.name == name).find_map(|family| match &family.points {
            Points::Numbers(points) => points.iter().find(|point| point.label_values == label_values).map(|point| point.value),
            _ => None,
        })
    }

    /// The first family of the name.
    pub fn named(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }
}

fn strings<const N: usize, S: Into<String>>(values: [S; N]) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}

fn is_empty(points: &Points) -> bool {
    match points {
        Points::Numbers(points) => points.is_empty(),
        Points::Histograms(points) => points.is_empty(),
        Points::Summaries(points) => points.is_empty(),
        Points::Ended(series) => series.is_empty(),
    }
}

fn check_lengths(family: &Family) -> Result<()> {
    let expected = family.label_names.len();
    let found = match &family.points {
        Points::Numbers(points) => points.iter().map(|point| point.label_values.len()).find(|len| *len != expected),
        Points::Histograms(points) => points.iter().map(|point| point.label_values.len()).find(|len| *len != expected),
        Points::Summaries(points) => points.iter().map(|point| point.label_values.len()).find(|len| *len != expected),
        Points::Ended(series) => series.iter().map(Vec::len).find(|len| *len != expected),
    };
    found.map_or(Ok(()), |found| {
        let name = &family.name;
        Err(Error::permanent(format!("family `{name}`: a point has {found} label values for {expected} label names")))
    })
}

/// A metric under construction: what it measures (`K`), with `N` labels.
#[derive(Debug)]
pub struct Metric<'a, K, const N: usize> {
    family: &'a mut Family,
    kind: PhantomData<K>,
}

/// Of plain numbers: gauges and counters.
#[derive(Debug)]
pub struct Numbers;
/// Of facts as labels.
#[derive(Debug)]
pub struct Info;
/// Of states of which one holds.
#[derive(Debug)]
pub struct StateSet;
/// Of histograms.
#[derive(Debug)]
pub struct Histograms;
/// Of summaries.
#[derive(Debug)]
pub struct Summaries;

impl<'a, K, const N: usize> Metric<'a, K, N> {
    fn of(family: &'a mut Family) -> Self {
        Self { family, kind: PhantomData }
    }

    /// The unit, in base units: `seconds`, `bytes`, `ratio`.
    #[must_use]
    pub fn unit(self, unit: &str) -> Self {
        unit.clone_into(&mut self.family.unit);
        self
    }
}

impl<'a, K> Metric<'a, K, 0> {
    /// The names of the labels; from here on each point gives as many values, which the compiler checks.
    #[must_use]
    pub fn labels<const N: usize>(self, names: [&str; N]) -> Metric<'a, K, N> {
        self.family.label_names.splice(0..0, names.map(str::to_owned));
        Metric::of(self.family)
    }
}

impl<const N: usize> Metric<'_, Numbers, N> {
    /// A point at the call's time.
    pub fn point<S: Into<String>>(&mut self, label_values: [S; N], value: f64) -> &mut Self {
        push(self.family, strings(label_values), value, None);
        self
    }

    /// A point at a time of its own, in Unix milliseconds.
    pub fn point_at<S: Into<String>>(&mut self, label_values: [S; N], value: f64, at: TimestampMs) -> &mut Self {
        push(self.family, strings(label_values), value, Some(at));
        self
    }
}

impl Metric<'_, Numbers, 0> {
    /// The one point of a metric without labels.
    pub fn value(self, value: f64) {
        push(self.family, Vec::new(), value, None);
    }
}

impl<const N: usize> Metric<'_, Info, N> {
    /// The facts about one thing.
    pub fn point<S: Into<String>>(&mut self, label_values: [S; N]) -> &mut Self {
        push(self.family, strings(label_values), 1.0, None);
        self
    }
}

impl<const N: usize> Metric<'_, StateSet, N> {
    /// The states that one thing can be in, and the one in which it is (1; the others 0).
    pub fn point<S: Into<String>>(&mut self, label_values: [S; N], states: &[&str], active: &str) -> &mut Self {
        let label_values = strings(label_values);
        for state in states {
            let values = label_values.iter().cloned().chain([(*state).to_owned()]).collect();
            push(self.family, values, f64::from(u8::from(*state == active)), None);
        }
        self
    }
}

impl<const N: usize> Metric<'_, Histograms, N> {
    /// A histogram that the plugin counted.
    pub fn point<S: Into<String>>(&mut self, label_values: [S; N], histogram: &Histogram) -> &mut Self {
        self.cumulative(label_values, histogram.sum, histogram.count, histogram.buckets())
    }

    /// A histogram that the target counted: cumulative buckets in ascending order, the last bound infinity.
    pub fn cumulative<S: Into<String>>(
        &mut self,
        label_values: [S; N],
        sum: f64,
        count: f64,
        buckets: Vec<Bucket>,
    ) -> &mut Self {
        if let Points::Histograms(points) = &mut self.family.points {
            points.push(HistogramPoint { label_values: strings(label_values), sum, count, buckets, at: None });
        }
        self
    }
}

impl<const N: usize> Metric<'_, Summaries, N> {
    /// A summary: sum, count, and pairs of quantile (0 to 1) and value.
    pub fn point<S: Into<String>>(
        &mut self,
        label_values: [S; N],
        sum: f64,
        count: f64,
        quantiles: &[(f64, f64)],
    ) -> &mut Self {
        let quantiles = quantiles.iter().map(|(quantile, value)| Quantile { quantile: *quantile, value: *value }).collect();
        if let Points::Summaries(points) = &mut self.family.points {
            points.push(SummaryPoint { label_values: strings(label_values), sum, count, quantiles, at: None });
        }
        self
    }
}

fn push(family: &mut Family, label_values: Vec<String>, value: f64, at: Option<TimestampMs>) {
    if let Points::Numbers(points) = &mut family.points {
        points.push(Point { label_values, value, at });
    }
}

/// A histogram that lives in the plugin from call to call.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bounds: Vec<f64>,
    counts: Vec<f64>,
    sum: f64,
    count: f64,
}

impl Histogram {
    /// An empty histogram with these upper bounds; they are sorted, and infinity is added.
    pub fn new(bounds: impl Into<Vec<f64>>) -> Self {
        let mut bounds = bounds.into();
        bounds.retain(|bound| bound.is_finite());
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let counts = vec![0.0; bounds.len() + 1];
        Self { bounds, counts, sum: 0.0, count: 0.0 }
    }

    /// Counts one observation. NaN is counted nowhere.
    pub fn observe(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1.0;
        self.sum += value;
        self.count += 1.0;
    }

    fn buckets(&self) -> Vec<Bucket> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds
            .zip(&self.counts)
            .scan(0.0, |below, (upper_bound, count)| {
                *below += count;
                Some(Bucket { upper_bound, count: *below })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_set_has_one_point_a_state_under_the_familys_name() {
        let mut families = Families::new();
        families.state_set("check_status", "Status.").labels(["check"]).point(["web"], &["up", "down"], "down");
        assert_eq!(families.as_slice()[0].label_names, ["check", "check_status"]);
        assert_eq!(families.find("check_status", &["web", "up"]), Some(0.0));
        assert_eq!(families.find("check_status", &["web", "down"]), Some(1.0));
    }

    #[test]
    fn a_histograms_buckets_are_cumulative_and_end_at_infinity() {
        let mut histogram = Histogram::new([1.0, 0.5]);
        for value in [0.5, 0.7, 9.0, f64::NAN] {
            histogram.observe(value);
        }
        let mut families = Families::new();
        families.histogram("took_seconds", "Took.").unit("seconds").labels(["code"]).point(["200"], &histogram);
        let wire = families.into_wire().unwrap();
        let Points::Histograms(points) = &wire[0].points else { panic!("no histogram") };
        let found: Vec<_> = points[0].buckets.iter().map(|bucket| (bucket.upper_bound, bucket.count)).collect();
        assert_eq!(found, [(0.5, 1.0), (1.0, 2.0), (f64::INFINITY, 3.0)]);
        assert_eq!((points[0].sum, points[0].count), (10.2, 3.0));
    }

    #[test]
    fn a_family_without_points_is_left_out_and_a_wrong_one_named() {
        let mut families = Families::new();
        let _pointless = families.gauge("empty", "");
        assert_eq!(families.clone().into_wire().unwrap(), []);
        families.push(Family {
            name: "odd".into(),
            kind: Kind::Gauge,
            unit: String::new(),
            help: String::new(),
            label_names: vec!["a".into()],
            points: Points::Numbers(vec![Point { label_values: vec![], value: 1.0, at: None }]),
        });
        let message = families.into_wire().unwrap_err().message;
        assert_eq!(message, "family `odd`: a point has 0 label values for 1 label names");
    }
}
