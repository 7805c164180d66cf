//! When a delivery that failed is tried again.

use std::time::Duration;

use super::deliveries::NotificationId;
use crate::event::Fault;
use crate::model::Timestamp;

/// The pause after the first attempt; it doubles with each.
pub const RETRY_MIN: Duration = Duration::from_secs(1);

/// The longest pause, jitter included.
pub const RETRY_MAX: Duration = Duration::from_secs(5 * 60);

/// The longest pause that a receiver may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// How long a delivery is tried before it is given up: news of an alert that is a day old helps nobody.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// When a delivery whose `attempt`-th attempt (from 1) failed at `now` is tried again; `None`: it is given up.
///
/// Wrong configuration and permanent faults are not tried again. What was denied is: the operator may grant it meanwhile.
#[must_use]
pub fn retry_at(
    id: &NotificationId,
    attempt: u32,
    created_at: Timestamp,
    now: Timestamp,
    fault: Fault,
    retry_after: Option<Duration>,
) -> Option<Timestamp> {
    match fault {
        Fault::Config | Fault::Permanent => None,
        Fault::Transient | Fault::Denied | Fault::Timeout => {
            let pause = pause(id, attempt).max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
            let at = now + pause;
            (at.since(created_at) <= GIVE_UP_AFTER).then_some(at)
        }
    }
}

/// Doubles from [`RETRY_MIN`] to four fifths of [`RETRY_MAX`], and up to a quarter of that more by a hash of id and attempt, so
/// that many that failed together do not come back together.
fn pause(id: &NotificationId, attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let doubled = RETRY_MIN.saturating_mul(factor).min(RETRY_MAX / 5 * 4);
    let hash = blake3::hash(format!("{id} {attempt}").as_bytes());
    doubled + doubled / 4 * u32::from(hash.as_bytes()[0]) / 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Epoch, EventId, Name, Offset};

    fn id() -> NotificationId {
        NotificationId { event: EventId { epoch: Epoch(1), offset: Offset(7) }, receiver: Name::new("webhook").unwrap() }
    }

    fn retry(attempt: u32, now: Timestamp, fault: Fault, retry_after_s: Option<u64>) -> Option<Duration> {
        let after = retry_after_s.map(Duration::from_secs);
        retry_at(&id(), attempt, Timestamp(0), now, fault, after).map(|at| at.since(now))
    }

    #[test]
    fn pauses_double_up_to_five_minutes_and_are_the_same_each_time() {
        for attempt in 1..40 {
            let pause = retry(attempt, Timestamp(0), Fault::Transient, None).unwrap();
            assert_eq!(retry(attempt, Timestamp(0), Fault::Transient, None), Some(pause));
            let least = RETRY_MIN.saturating_mul(1 << (attempt - 1).min(20)).min(Duration::from_secs(240));
            assert!(least <= pause && pause <= least * 5 / 4 && pause <= RETRY_MAX, "attempt {attempt}: {pause:?}");
        }
        assert!(retry(u32::MAX, Timestamp(0), Fault::Transient, None).is_some());
    }

    #[test]
    fn what_the_receiver_asks_for_is_honoured_within_bounds() {
        assert_eq!(retry(1, Timestamp(0), Fault::Transient, Some(90)), Some(Duration::from_secs(90)));
        assert_eq!(retry(1, Timestamp(0), Fault::Transient, Some(1_000_000)), Some(RETRY_AFTER_MAX));
        assert!(retry(10, Timestamp(0), Fault::Transient, Some(1)).unwrap() >= Duration::from_secs(240));
    }

    #[test]
    fn what_cannot_succeed_and_what_is_a_day_old_is_given_up() {
        for (fault, is_retried) in [
            (Fault::Config, false),
            (Fault::Permanent, false),
            (Fault::Transient, true),
            (Fault::Denied, true),
            (Fault::Timeout, true),
        ] {
            assert_eq!(retry(1, Timestamp(0), fault, None).is_some(), is_retried, "{fault:?}");
        }
        assert!(retry(300, Timestamp(0) + Duration::from_secs(86_000), Fault::Transient, None).is_some());
        assert_eq!(retry(300, Timestamp(0) + GIVE_UP_AFTER, Fault::Transient, None), None);
    }
}
