//! What the conditions found, from which the report is made.

use vigie_plugin::{Report, Status};

/// Everything that was found wrong with an answer, each with how bad it is.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    down: Vec<String>,
    degraded: Vec<String>,
}

/// As much of a text of the target or the operator as a message shows, in characters.
const SHOWN_CHARS: usize = 80;

impl Verdict {
    /// The target does not do its work.
    pub(crate) fn down(&mut self, why: impl Into<String>) {
        self.down.push(why.into());
    }

    /// The target works, but not as it should.
    pub(crate) fn degraded(&mut self, why: impl Into<String>) {
        self.degraded.push(why.into());
    }

    /// The worst of what was found.
    pub(crate) fn status(&self) -> Status {
        match (self.down.is_empty(), self.degraded.is_empty()) {
            (false, _) => Status::Down,
            (true, false) => Status::Degraded,
            (true, true) => Status::Up,
        }
    }

    /// The report: what was found, the worst first, or `well` where nothing was.
    pub(crate) fn report(self, well: String) -> Report {
        let status = self.status();
        let found: Vec<String> = self.down.into_iter().chain(self.degraded).collect();
        match status {
            Status::Up => Report::up(well),
            Status::Degraded => Report::degraded(found.join("; ")),
            Status::Down => Report::down(found.join("; ")),
        }
    }
}

/// A text in backticks, cut.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_and_stands_first() {
        let mut verdict = Verdict::default();
        assert_eq!(verdict.status(), Status::Up);
        verdict.degraded("slow");
        assert_eq!(verdict.status(), Status::Degraded);
        verdict.down("status 500");
        let report = verdict.report("fine".into());
        assert_eq!((report.status, report.message.as_str()), (Status::Down, "status 500; slow"));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shown("ok"), "`ok`");
        assert_eq!(shown(&"ä".repeat(100)), format!("`{}…`", "ä".repeat(SHOWN_CHARS)));
    }
}
