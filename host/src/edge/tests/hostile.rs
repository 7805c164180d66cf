//! Whatever a guest hands over: nothing panics, every sample is accounted for, every series is valid.

use proptest::prelude::*;

use super::*;
use crate::model::SeriesDefinition;
use crate::model::label::{is_label_name, is_metric_name};

const KINDS: [Kind; 8] = [
    Kind::Unknown,
    Kind::Gauge,
    Kind::Counter,
    Kind::StateSet,
    Kind::Info,
    Kind::Histogram,
    Kind::GaugeHistogram,
    Kind::Summary,
];

#[derive(Clone, Debug)]
enum Point {
    Number(Vec<String>, f64, Option<f64>),
    Histogram(Vec<String>, f64, f64, Vec<(f64, f64)>, Option<f64>),
    Summary(Vec<String>, f64, f64, Vec<(f64, f64)>, Option<f64>),
    End(Vec<String>),
    Write(Vec<u32>, Vec<f64>),
}

#[derive(Clone, Debug)]
struct FamilyOf {
    name: String,
    kind: Kind,
    unit: String,
    help: String,
    labels: Vec<String>,
    points: Vec<Point>,
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "x", "x_count", "x_sum", "job", "instance", "exported_job", "le", "quantile", ""])
            .prop_map(String::from),
        1 => "\\PC{0,8}",
        1 => Just("__name__".into()),
        1 => Just("y".repeat(5000)),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![0.0, -0.0, 1.0, 2.0, -1.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
        any::<f64>()
    ]
}

fn time() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        4 => Just(None),
        2 => (-4_000_000_i32..4_000_000).prop_map(|ms| Some(NOW.as_f64() + f64::from(ms))),
        1 => any::<f64>().prop_map(Some)
    ]
}

fn point() -> impl Strategy<Value = Point> {
    let values = || prop::collection::vec(word(), 0..4);
    let pairs = || prop::collection::vec((number(), number()), 0..5);
    let sound = prop::collection::vec(0_u8..9, 1..5).prop_map(|counts| {
        let (mut sum, mut pairs) = (0.0, Vec::new());
        for (at, count) in (0_u32..).zip(&counts) {
            sum += f64::from(*count);
            pairs.push((f64::from(at), sum));
        }
        pairs.push((f64::INFINITY, sum));
        (sum, pairs)
    });
    prop_oneof![
        4 => (values(), number(), time()).prop_map(|(values, value, at)| Point::Number(values, value, at)),
        1 => (values(), number(), number(), pairs(), time()).prop_map(|(v, s, c, b, at)| Point::Histogram(v, s, c, b, at)),
        2 => (values(), sound, time()).prop_map(|(v, (c, b), at)| Point::Histogram(v, 1.0, c, b, at)),
        2 => (values(), number(), number(), pairs(), time()).prop_map(|(v, s, c, q, at)| Point::Summary(v, s, c, q, at)),
        1 => values().prop_map(Point::End),
        1 => (prop::collection::vec(0_u32..5, 0..4), prop::collection::vec(number(), 0..4)).prop_map(|(ids, values)| Point::Write(ids, values)),
    ]
}

fn family() -> impl Strategy<Value = FamilyOf> {
    let labels = prop::collection::vec(word(), 0..4);
    let points = prop::collection::vec(point(), 0..8);
    (word(), prop::sample::select(KINDS.to_vec()), word(), word(), labels, points)
        .prop_map(|(name, kind, unit, help, labels, points)| FamilyOf { name, kind, unit, help, labels, points })
}

/// Feeds a family; says how many samples that was.
fn feed(batch: &mut Batch, interner: &Interner, given: &FamilyOf) -> u64 {
    let family = batch.family(&given.name, given.kind, &given.unit, &given.help, &given.labels);
    let mut fed = 0;
    for point in &given.points {
        fed += match point {
            Point::Number(values, value, at) => {
                batch.number(family, values, *value, *at);
                1
            }
            Point::Histogram(values, sum, count, pairs, at) => {
                let buckets: Vec<_> =
                    pairs.iter().map(|(upper_bound, count)| Bucket { upper_bound: *upper_bound, count: *count }).collect();
                batch.histogram(family, values, *sum, *count, &buckets, *at);
                pairs.len() + 2
            }
            Point::Summary(values, sum, count, pairs, at) => {
                let quantiles: Vec<_> =
                    pairs.iter().map(|(quantile, value)| Quantile { quantile: *quantile, value: *value }).collect();
                batch.summary(family, values, *sum, *count, &quantiles, *at);
                pairs.len() + 2
            }
            Point::End(values) => {
                batch.end_series(family, values);
                0
            }
            Point::Write(ids, values) => {
                let _ = batch.write(interner, ids, values);
                ids.len().max(values.len())
            }
        } as u64;
    }
    fed
}

fn is_valid(definition: &SeriesDefinition) -> bool {
    let labels: Vec<_> = definition.labels.iter().collect();
    let own = labels.iter().filter(|(name, _)| *name != "__name__");
    is_metric_name(definition.name())
        && definition.name().starts_with(&*definition.family.name)
        && labels.windows(2).all(|pair| pair[0].0 < pair[1].0)
        && own.clone().all(|(name, value)| is_label_name(name) && !name.starts_with("__") && !value.is_empty())
        && definition.labels.get("job") == Some("web")
        && definition.labels.get("instance") == Some("shop")
}

proptest! {
    #[test]
    fn every_sample_is_accounted_for(
        calls in prop::collection::vec((prop::collection::vec(family(), 0..6), 0_u8..4, any::<bool>()), 1..6),
        series in 1_usize..40,
        samples in 1_usize..60,
    ) {
        let house = House::with(Limits { families: 5, samples, bytes: 20_000, series });
        let mut interner = Interner::new(3);
        for name in ["x", "y", "x_count"] {
            interner.series(name, Kind::Gauge, &[("job", "j")]).unwrap();
        }
        let mut source = house.source("shop");
        for (at, (families, ending, committed)) in (0..).zip(calls) {
            let mut batch = source.begin(seconds(at));
            let fed: u64 = families.iter().map(|family| feed(&mut batch, &interner, family)).sum();
            let ending = [Ending::Ok, Ending::Ok, Ending::Erred, Ending::Aborted][usize::from(ending)];
            let output;
            (source, output) = batch.finish(ending);
            prop_assert_eq!(output.taken, fed);
            prop_assert!(is_conserved(&output));
            let columns = &output.collected.samples;
            prop_assert_eq!(columns.ids.len(), columns.values.len());
            for (id, time, value) in columns.iter() {
                prop_assert!(is_valid(&house.registry.definition(id).unwrap()), "{:?}", house.registry.definition(id));
                prop_assert!(!value.is_nan() || value.to_bits() == f64::NAN.to_bits());
                prop_assert!((time.0 - seconds(at).0 <= 600_000) && (seconds(at).0 - time.0 <= 3_600_000));
            }
            prop_assert!(columns.is_empty() || ending != Ending::Aborted);
            if committed { source.committed() } else { source.lost() }
            prop_assert!(house.share.live() <= series);
            prop_assert_eq!(house.share.live(), source.live_ids().len());
        }
        drop(source);
        prop_assert_eq!(house.share.live(), 0);
    }
}
