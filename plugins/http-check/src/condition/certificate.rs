//! How long the server's certificates must still be valid.

use vigie_plugin::{Certificate, TimestampMs};

use crate::verdict::{Verdict, shown};

const DAY_MS: f64 = 86_400_000.0;

/// Bounds in days, on the certificate of the chain that ends first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    /// Fewer days left than this: degraded.
    pub(crate) degraded_days: f64,
    /// Fewer days left than this: down.
    pub(crate) down_days: f64,
}

/// The certificate of the chain that ends first.
pub(crate) fn first_to_end(chain: &[Certificate]) -> Option<&Certificate> {
    chain.iter().min_by(|one, other| one.not_after.total_cmp(&other.not_after))
}

/// Days until a certificate ends; negative after that.
pub(crate) fn days_left(certificate: &Certificate, now: TimestampMs) -> f64 {
    (certificate.not_after - now) / DAY_MS
}

impl Validity {
    /// Without a chain (plain HTTP) there is nothing to judge.
    pub(crate) fn judge(&self, chain: &[Certificate], now: TimestampMs, verdict: &mut Verdict) {
        let Some(certificate) = first_to_end(chain) else { return };
        let left = days_left(certificate, now);
        if left >= self.degraded_days.max(self.down_days) {
            return;
        }
        let subject = shown(&certificate.subject);
        let found = if left < 0.0 {
            format!("the certificate of {subject} ended {:.1} days ago", -left)
        } else {
            format!("the certificate of {subject} ends in {left:.1} days")
        };
        if left < self.down_days { verdict.down(found) } else { verdict.degraded(found) }
    }
}

#[cfg(test)]
mod tests {
    use vigie_plugin::Status;

    use super::*;

    const NOW: TimestampMs = 1_767_225_600_000.0;

    fn ending_in(days: f64, subject: &str) -> Certificate {
        Certificate {
            subject: subject.into(),
            issuer: "CN=Test CA".into(),
            names: vec![],
            not_before: 0.0,
            not_after: NOW + days * DAY_MS,
            sha256: String::new(),
        }
    }

    fn judged(chain: &[Certificate]) -> (Status, String) {
        let mut verdict = Verdict::default();
        Validity { degraded_days: 14.0, down_days: 2.0 }.judge(chain, NOW, &mut verdict);
        let report = verdict.report("fine".into());
        (report.status, report.message)
    }

    #[test]
    fn the_days_that_are_left_decide() {
        assert_eq!(judged(&[ending_in(14.0, "CN=shop")]), (Status::Up, "fine".into()));
        assert_eq!(
            judged(&[ending_in(5.0, "CN=shop")]),
            (Status::Degraded, "the certificate of `CN=shop` ends in 5.0 days".into())
        );
        assert_eq!(
            judged(&[ending_in(1.5, "CN=shop")]),
            (Status::Down, "the certificate of `CN=shop` ends in 1.5 days".into())
        );
        assert_eq!(
            judged(&[ending_in(-3.0, "CN=shop")]),
            (Status::Down, "the certificate of `CN=shop` ended 3.0 days ago".into())
        );
    }

    #[test]
    fn the_one_of_the_chain_that_ends_first_counts() {
        let (status, message) = judged(&[ending_in(90.0, "CN=shop"), ending_in(3.0, "CN=Intermediate")]);
        assert_eq!((status, message.as_str()), (Status::Degraded, "the certificate of `CN=Intermediate` ends in 3.0 days"));
    }

    #[test]
    fn without_a_chain_there_is_nothing_to_judge() {
        assert_eq!(judged(&[]).0, Status::Up);
    }
}
