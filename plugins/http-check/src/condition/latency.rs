//! How long an answer may take.

use vigie_plugin::{Error, Result, Span};

use crate::verdict::Verdict;

/// The bounds, each of which may be absent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Latency {
    degraded_above: Option<Span>,
    down_above: Option<Span>,
}

impl Latency {
    /// The bounds; the one for degraded must be the lower.
    pub(crate) fn new(degraded_above: Option<Span>, down_above: Option<Span>) -> Result<Self> {
        match (degraded_above, down_above) {
            (Some(degraded), Some(down)) if degraded >= down => Err(Error::config(format!(
                "`latency-degraded-above`: `{degraded}` is not below `latency-down-above`, which is `{down}`"
            ))),
            _ => Ok(Self { degraded_above, down_above }),
        }
    }

    /// Beyond this nobody needs to wait: the target is down anyhow.
    pub(crate) fn wait_max(&self) -> Option<Span> {
        self.down_above
    }

    pub(crate) fn judge(&self, took_ms: f64, verdict: &mut Verdict) {
        let above = |bound: &Span| took_ms > bound.millis();
        if let Some(bound) = self.down_above.filter(above) {
            verdict.down(format!("took {took_ms:.0} ms, above {bound}"));
        } else if let Some(bound) = self.degraded_above.filter(above) {
            verdict.degraded(format!("took {took_ms:.0} ms, above {bound}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use vigie_plugin::Status;

    use super::*;

    #[test]
    fn the_bounds_are_still_well() {
        let latency = Latency::new(Some(Span::from_millis(200)), Some(Span::from_secs(1))).unwrap();
        for (took_ms, expected) in
            [(200.0, Status::Up), (200.5, Status::Degraded), (1000.0, Status::Degraded), (1001.0, Status::Down)]
        {
            let mut verdict = Verdict::default();
            latency.judge(took_ms, &mut verdict);
            assert_eq!(verdict.status(), expected, "{took_ms}");
        }
    }

    #[test]
    fn the_message_tells_both_figures() {
        let mut verdict = Verdict::default();
        Latency::new(Some(Span::from_millis(200)), None).unwrap().judge(350.4, &mut verdict);
        assert_eq!(verdict.report(String::new()).message, "took 350 ms, above 200ms");
    }

    #[test]
    fn bounds_the_wrong_way_round_are_an_error_of_the_configuration() {
        let message = Latency::new(Some(Span::from_secs(2)), Some(Span::from_secs(1))).unwrap_err().message;
        assert_eq!(message, "`latency-degraded-above`: `2s` is not below `latency-down-above`, which is `1s`");
    }
}
