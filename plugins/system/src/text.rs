//! Reading the kernel's tables: numbers, and complaints that name the line.

use vigie_plugin::{Error, Result};

/// As much of an offending line as a message shows, in characters.
const SHOWN_CHARS: usize = 80;

/// A number as the kernel writes it.
pub(crate) fn number(field: &str, line: &str) -> Result<f64> {
    field.parse().map_err(|_| malformed(line, &format!("`{field}` is no number")))
}

/// The error for a line that is not as the kernel writes it.
pub(crate) fn malformed(line: &str, why: &str) -> Error {
    let shown: String = line.chars().take(SHOWN_CHARS).collect();
    Error::permanent(format!("unexpected line `{}`: {why}", shown.trim_end()))
}

/// The error for a table in which nothing was found: an empty file is no empty machine.
pub(crate) fn nothing(what: &str) -> Error {
    Error::permanent(format!("no {what} in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_the_line_and_the_field() {
        let error = number("x7", "cpu0 1 x7\n").unwrap_err();
        assert_eq!(error.message, "unexpected line `cpu0 1 x7`: `x7` is no number");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let error = malformed(&"ä".repeat(200), "too long");
        assert_eq!(error.message.chars().filter(|found| *found == 'ä').count(), SHOWN_CHARS);
    }
}
