//! The increase per second of a counter over a window, as PromQL's `rate` has it.

/// The increase per second of the samples (Unix milliseconds, values) over the window that ends at `now`; `None` with fewer than
/// two samples. Resets to a lower value count as starts from 0, and the increase is extrapolated to the window's edges: to an edge
/// nearer than 1.1 sample distances all the way, else by half a distance, and never to before the counter was 0.
#[must_use]
pub fn rate(samples: &[(f64, f64)], window_ms: f64, now: f64) -> Option<f64> {
    let inside = &samples[samples.partition_point(|(at, _)| *at <= now - window_ms)..];
    let inside = &inside[..inside.partition_point(|(at, _)| *at <= now)];
    let [(first_at, first), .., (last_at, last)] = *inside else { return None };
    if last_at <= first_at {
        return None;
    }
    let resets: f64 = inside.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let increase = last - first + resets;

    let sampled = last_at - first_at;
    let distance = sampled / (inside.len() - 1) as f64;
    let near = distance * 1.1;
    let mut to_start = first_at - (now - window_ms);
    let to_end = now - last_at;
    if to_start >= near {
        to_start = distance / 2.0;
    }
    if increase > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / increase));
    }
    let to_end = if to_end >= near { distance / 2.0 } else { to_end };
    Some(increase * ((sampled + to_start + to_end) / sampled) / (window_ms / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_10s(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().enumerate().map(|(at, value)| (at as f64 * 10_000.0, *value)).collect()
    }

    #[test]
    fn rates_are_those_of_promql() {
        for (values, now, window, expected) in [
            // 100 per 10 s, the window's edges on samples; the one on the left edge is outside.
            (&[0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0][..], 60e3, 60e3, 10.0),
            // A reset: 50 after 100 is an increase of 50.
            (&[1000.0, 1050.0, 1100.0, 50.0, 100.0], 40e3, 50e3, 5.0),
            // Constant.
            (&[5.0, 5.0, 5.0], 20e3, 30e3, 0.0),
        ] {
            let found = rate(&every_10s(values), window, now).unwrap();
            assert!((found - expected).abs() < 1e-9, "{values:?}: {found}");
        }
    }

    #[test]
    fn extrapolation_stops_where_the_counter_would_have_been_0() {
        // 20 s sampled, increase 20, first value 5: 5 s back to 0, and 10 s on to the window's end.
        let found = rate(&[(30e3, 5.0), (40e3, 15.0), (50e3, 25.0)], 60e3, 60e3).unwrap();
        assert!((found - 20.0 * 35.0 / 20.0 / 60.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn far_edges_are_extrapolated_to_by_half_a_distance() {
        let found = rate(&[(100e3, 1000.0), (110e3, 1010.0)], 300e3, 300e3).unwrap();
        assert!((found - 10.0 * 20.0 / 10.0 / 300.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn one_sample_has_no_rate() {
        assert_eq!(rate(&[], 60e3, 60e3), None);
        assert_eq!(rate(&every_10s(&[1.0]), 60e3, 0.0), None);
        assert_eq!(rate(&every_10s(&[1.0, 2.0, 3.0]), 5e3, 20e3), None);
    }
}
