//! Sizes as operators write them.

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// A size in bytes from a whole number and a unit: `64MiB`, `16 GiB`, `500kB`, `0`.
///
/// # Errors
/// The text is none; the message names it and shows the form.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let refuse = || format!("`{text}` is no size, write a whole number and a unit as in `64MiB`, `16GiB` or `500kB`");
    if text == "0" {
        return Ok(0);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| refuse())?;
    let unit = text[digits..].trim_start_matches(' ');
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
    number.checked_mul(*factor).ok_or_else(refuse)
}

/// A size as [`parse_size`] reads it, in the largest binary unit that divides it.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    let (unit, factor) =
        UNITS[..4].iter().copied().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)).unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_write() {
        for (text, bytes) in [("64MiB", 64 << 20), ("16 GiB", 16 << 30), ("500kB", 500_000), ("7B", 7), ("0", 0)] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for bad in ["", "5", "MiB", "5 mib", "1.5GiB", "-1B", "99999999999999TiB", "64M"] {
            assert!(parse_size(bad).is_err(), "`{bad}` was taken");
        }
        for (bytes, text) in [(64 << 20, "64MiB"), (1025, "1025B"), (1 << 40, "1TiB"), (0, "0B")] {
            assert_eq!(format_size(bytes), text);
        }
    }
}
