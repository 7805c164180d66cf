//! Points in time and durations as operators write them.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Unix time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From the contract's float of milliseconds; `None` for NaN, infinities and what no i64 of milliseconds holds exactly.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    pub fn from_f64(ms: f64) -> Option<Self> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        (ms.abs() <= EXACT).then_some(Self(ms as i64))
    }

    /// As the contract's float of milliseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ms")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// The time from `earlier` to this one; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-22T20:46:53.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000);
        let ms = self.0.rem_euclid(86_400_000);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
    }
}

/// Year, month and day of a day number since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A duration as in Prometheus: `15s`, `1h30m`, `500ms`, `0`. Units from large to small, each once: `w d h m s ms`.
///
/// # Errors
/// The text is none; the message names it and shows the form.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 6] =
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let refuse = || format!("`{text}` is no duration, write it as in `15s`, `1h30m` or `500ms`");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut total, mut from) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u64 = rest[..digits].parse().map_err(|_| refuse())?;
        let after = &rest[digits..];
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let place = UNITS[from..].iter().position(|(unit, _)| *unit == &after[..letters]).ok_or_else(refuse)? + from;
        total = count.checked_mul(UNITS[place].1).and_then(|ms| total.checked_add(ms)).ok_or_else(refuse)?;
        (rest, from) = (&after[letters..], place + 1);
    }
    if text.is_empty() { Err(refuse()) } else { Ok(Duration::from_millis(total)) }
}

/// A duration as [`parse_duration`] reads it, with the fewest units: `1h30m`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut ms = duration.as_millis();
    if ms == 0 {
        return "0s".into();
    }
    let mut text = String::new();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if ms >= size {
            text.push_str(&format!("{}{unit}", ms / size));
            ms %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, ms) in [("15s", 15_000), ("1h30m", 5_400_000), ("500ms", 500), ("1m0s500ms", 60_500), ("2d", 172_800_000)] {
            assert_eq!(parse_duration(text).unwrap().as_millis(), ms, "{text}");
        }
        assert_eq!(parse_duration("0").unwrap(), Duration::ZERO);
        for bad in ["", "5", "s", "5x", "1m1h", "1.5s", "-1s", "99999999999999999999s", "5 s"] {
            assert!(parse_duration(bad).is_err(), "`{bad}` was taken");
        }
        assert_eq!(format_duration(Duration::from_millis(5_400_500)), "1h30m500ms");
    }

    #[test]
    fn timestamps_print_as_rfc_3339() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_795_380_413_000, "2026-11-22T20:46:53.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(ms).to_string(), text);
        }
    }

    #[test]
    fn floats_that_are_no_time_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Timestamp::from_f64(bad), None);
        }
        assert_eq!(Timestamp::from_f64(1.5), Some(Timestamp(1)));
    }
}
