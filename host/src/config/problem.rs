//! What is wrong with a configuration file, and where.

use std::fmt;
use std::path::PathBuf;

/// How many problems of a file are shown; the rest is counted.
pub(super) const PROBLEMS_SHOWN_MAX: usize = 20;

/// A place in a text, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// Where the byte `at` is in `text`.
    #[must_use]
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Self { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file.
    pub place: Place,
    /// The setting, as a path of keys: `targets[0].address`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong with it, and what would fix it.
    pub message: String,
}

impl fmt::Display for Problem {
    /// `line:column: key: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{separator}{}", self.place, self.key, self.message)
    }
}

/// All that is wrong with one file, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, sorted by place.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    /// One line a problem: `file:line:column: key: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.list.iter().take(PROBLEMS_SHOWN_MAX).enumerate() {
            let newline = if at > 0 { "\n" } else { "" };
            write!(f, "{newline}{}:{problem}", self.file.display())?;
        }
        match self.list.len().saturating_sub(PROBLEMS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file.display()),
        }
    }
}

impl std::error::Error for Problems {}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file `{}`: {error}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// The file is wrong.
    #[error("{0}")]
    Invalid(#[from] Problems),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let text = "a = 1\nü = 2\n";
        for (at, line, column) in [(0, 1, 1), (4, 1, 5), (6, 2, 1), (8, 2, 2), (99, 3, 1)] {
            assert_eq!(Place::of(text, at), Place { line, column }, "at byte {at}");
        }
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let problem = Problem { place: Place { line: 1, column: 1 }, key: "a".into(), message: "b".into() };
        let shown = Problems { file: "x.toml".into(), list: vec![problem; PROBLEMS_SHOWN_MAX + 2] }.to_string();
        assert_eq!(shown.lines().count(), PROBLEMS_SHOWN_MAX + 1);
        assert!(shown.ends_with("x.toml: and 2 more"));
    }
}
