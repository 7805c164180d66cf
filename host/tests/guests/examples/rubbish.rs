//! Yields one good sample and beside it what the target's address names: every kind of sample that the host has to drop.

vigie_test_guests::collector!(|target| {
    let bad = match target.address.as_str() {
        "label-name" => family("bad", Kind::Gauge, &["9lives"], vec![point(&["x"], 1.0, None)]),
        "reserved-label" => family("bad", Kind::Gauge, &["__name__"], vec![point(&["x"], 1.0, None)]),
        "metric-name" => family("bad name", Kind::Gauge, &[], vec![point(&[], 1.0, None)]),
        "empty-name" => family("", Kind::Gauge, &[], vec![point(&[], 1.0, None)]),
        "mismatch" => family("bad", Kind::Gauge, &["a", "b"], vec![point(&["x"], 1.0, None)]),
        "twice" => family("good", Kind::Gauge, &[], vec![point(&[], 2.0, None)]),
        "nan-time" => family("bad", Kind::Gauge, &[], vec![point(&[], 1.0, Some(f64::NAN))]),
        "far-time" => family("bad", Kind::Gauge, &[], vec![point(&[], 1.0, Some(4e15))]),
        "old-time" => family("bad", Kind::Gauge, &[], vec![point(&[], 1.0, Some(0.0))]),
        "negative-counter" => family("bad_total", Kind::Counter, &[], vec![point(&[], -1.0, None)]),
        "clash" => family("good", Kind::Counter, &[], vec![point(&[], 1.0, None)]),
        "histogram" => histogram(),
        _ => return Ok(vec![good()]),
    };
    Ok(vec![good(), bad])
});

fn good() -> Family {
    family("good", Kind::Gauge, &[], vec![point(&[], f64::NAN, None)])
}

fn point(label_values: &[&str], value: f64, at: Option<f64>) -> Point {
    Point { label_values: label_values.iter().map(|value| (*value).to_owned()).collect(), value, at }
}

fn family(name: &str, kind: Kind, label_names: &[&str], points: Vec<Point>) -> Family {
    let label_names = label_names.iter().map(|name| (*name).to_owned()).collect();
    Family { name: name.into(), kind, unit: String::new(), help: String::new(), label_names, points: Points::Numbers(points) }
}

/// Its buckets descend and do not end at infinity.
fn histogram() -> Family {
    let buckets = vec![Bucket { upper_bound: 2.0, count: 5.0 }, Bucket { upper_bound: 1.0, count: 9.0 }];
    let points = Points::Histograms(vec![HistogramPoint { label_values: Vec::new(), sum: 1.0, count: 3.0, buckets, at: None }]);
    Family { points, ..family("bad", Kind::Histogram, &[], Vec::new()) }
}
