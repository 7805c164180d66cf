//! Floats as Prometheus writes them: the shortest digits that read back the same, as Go's `%g` does.

use std::fmt::Write as _;

/// Room for any float's digits with sign, point and exponent.
const TEXT_BYTES_MAX: usize = 32;
/// Outside of these exponents of ten Go writes an exponent.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;
/// Whole numbers below this print as themselves.
const WHOLE_MAX: f64 = 1e6;

/// Appends a sample's value: `1`, `0.25`, `1.5e+06`, `NaN`, `+Inf`, `-Inf`. Allocates only where `out` grows.
pub fn write_value(out: &mut String, value: f64) {
    if let Some(text) = special(value) {
        out.push_str(text);
    } else if value.fract() == 0.0 && value.abs() < WHOLE_MAX && !(value == 0.0 && value.is_sign_negative()) {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e6")]
        let whole = value as i32;
        // Writing to a string cannot fail.
        let _ = write!(out, "{whole}");
    } else {
        write_shortest(out, value);
    }
}

/// A bound as the value of the labels `le` and `quantile`, in OpenMetrics' canonical form, to which Prometheus 3 brings every
/// bound: `0.005`, `1.0`, `1e+06`, `+Inf`.
#[must_use]
pub fn format_bound(bound: f64) -> String {
    let mut text = String::with_capacity(8);
    write_value(&mut text, bound);
    if bound.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// Where `{:e}` puts digits and exponent on the way; a stack buffer, because this runs once a sample.
struct Scratch {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl std::fmt::Write for Scratch {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 64)`.
fn write_shortest(out: &mut String, value: f64) {
    let mut scratch = Scratch { bytes: [0; TEXT_BYTES_MAX], len: 0 };
    let written = write!(scratch, "{value:e}");
    let text = std::str::from_utf8(&scratch.bytes[..scratch.len]).unwrap_or_default();
    let Some((mantissa, exponent)) = text.split_once('e').filter(|_| written.is_ok()) else {
        let _ = write!(out, "{value}");
        return;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    out.push_str(sign);
    if !PLAIN_EXPONENTS.contains(&exponent) {
        let mark = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{digits}e{mark}{:02}", exponent.abs());
    } else {
        write_plain(out, digits, exponent);
    }
}

/// Digits `d.ddd` times ten to the exponent, without an exponent.
fn write_plain(out: &mut String, digits: &str, exponent: i32) {
    let (head, tail) = digits.split_once('.').unwrap_or((digits, ""));
    if exponent < 0 {
        out.push_str("0.");
        (1..exponent.unsigned_abs()).for_each(|_| out.push('0'));
        out.push_str(head);
        out.push_str(tail);
        return;
    }
    let whole = exponent.unsigned_abs() as usize;
    out.push_str(head);
    if tail.len() > whole {
        out.push_str(&tail[..whole]);
        out.push('.');
        out.push_str(&tail[whole..]);
    } else {
        out.push_str(tail);
        (tail.len()..whole).for_each(|_| out.push('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64) -> String {
        let mut out = String::new();
        write_value(&mut out, value);
        out
    }

    #[test]
    fn values_read_as_go_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456.789, "123456.789"),
            (1_234_567.89, "1.23456789e+06"),
            (0.25, "0.25"),
            (0.0001, "0.0001"),
            (0.000_123_4, "0.0001234"),
            (0.000_01, "1e-05"),
            (1.5e300, "1.5e+300"),
            (-2.5e-9, "-2.5e-09"),
            (1_795_380_413.123, "1.795380413123e+09"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn bounds_have_the_canonical_form() {
        for (bound, expected) in [
            (0.005, "0.005"),
            (1.0, "1.0"),
            (10.0, "10.0"),
            (1e6, "1e+06"),
            (0.0, "0.0"),
            (f64::INFINITY, "+Inf"),
            (1e-10, "1e-10"),
        ] {
            assert_eq!(format_bound(bound), expected);
        }
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in any::<f64>()) {
            let back: f64 = text(value).parse().unwrap();
            prop_assert!(back == value || (back.is_nan() && value.is_nan()));
        }
    }
}
