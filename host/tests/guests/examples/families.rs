//! Yields as many labelled samples as the target's address says, in one family.

vigie_test_guests::collector!(|target| {
    let count: u32 = target.address.parse().unwrap_or(0);
    let points = (0..count).map(|at| Point {
        label_values: vec!["eu-central-1".into(), format!("node-{}", at % 32), at.to_string()],
        value: f64::from(at),
        at: None,
    });
    Ok(vec![Family {
        name: "bench_seconds".into(),
        kind: Kind::Gauge,
        unit: "seconds".into(),
        help: "A labelled sample.".into(),
        label_names: vec!["region".into(), "node".into(), "shard".into()],
        points: Points::Numbers(points.collect()),
    }])
});
