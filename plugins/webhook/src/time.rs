//! Times as the payload and the header `Retry-After` write them.

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Unix milliseconds as RFC 3339 in UTC.
#[must_use]
pub fn rfc3339(unix_ms: f64) -> String {
    // Years 0000 to 9999, which is what the format has.
    let ms = (unix_ms as i64).clamp(-62_167_219_200_000, 253_402_300_799_999);
    let (year, month, day) = date(ms.div_euclid(DAY_MS));
    let of_day = ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1_000)
}

/// The date so many days after 1 January 1970, in the proleptic Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March 0000, so that the leap day is the year's last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Days from 1 January 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

/// The wait in milliseconds that a `Retry-After` asks for: seconds, or a date such as `Wed, 21 Oct 2026 07:28:00 GMT`.
#[must_use]
pub fn retry_after_ms(text: &str, now_ms: f64) -> Option<f64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(f64::from(seconds) * 1e3);
    }
    let parts: Vec<_> = text.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = parts[..] else { return None };
    let number = |text: &str| text.parse::<u16>().ok().map(i64::from);
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let of_day = (number(hour)? * 60 + number(minute)?) * 60 + number(second)?;
    let at = days(number(year)?, month, number(day)?) * DAY_MS + of_day * 1_000;
    Some((at as f64 - now_ms).max(0.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (ms, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (1_767_225_600_123.0, "2026-01-01T00:00:00.123Z"),
            (951_826_154_999.9, "2000-02-29T12:09:14.999Z"),
            (-1.0, "1969-12-31T23:59:59.999Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
            (f64::INFINITY, "9999-12-31T23:59:59.999Z"),
            (f64::NEG_INFINITY, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 1_767_225_600_000.0;
        for (text, wait) in [
            ("120", Some(120_000.0)),
            (" 0 ", Some(0.0)),
            ("Thu, 01 Jan 2026 00:01:00 GMT", Some(60_000.0)),
            ("Wed, 31 Dec 2025 00:00:00 GMT", Some(0.0)),
            ("-5", None),
            ("soon", None),
            ("Thu, 01 Foo 2026 00:01:00 GMT", None),
        ] {
            assert_eq!(retry_after_ms(text, now), wait, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_each_others_inverse(day in -700_000_i64..2_900_000) {
            let (year, month, of_month) = date(day);
            prop_assert_eq!(days(year, month, of_month), day);
        }
    }
}
