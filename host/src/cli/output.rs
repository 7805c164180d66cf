//! Writing for people and programs: plain tables, colours only on a terminal, and an end without noise when nobody reads on.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// Standard output.
pub(super) struct Output {
    colours: bool,
    terminal: bool,
}

/// How something is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Bad,
    Plain,
}

impl Output {
    pub(super) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self { colours: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()), terminal }
    }

    /// Writes a line; `false` when nobody reads any more (as behind `| head`).
    pub(super) fn line(&self, text: impl AsRef<str>) -> io::Result<bool> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A table without borders, fitted to the terminal's width where there is one.
    pub(super) fn table(&self, header: &[&str]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(if self.terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled });
        table.set_header(header.iter().map(|title| title.to_uppercase()));
        if !self.colours {
            table.force_no_tty();
        }
        table
    }

    pub(super) fn cell(&self, text: &str, tone: Tone) -> Cell {
        let cell = Cell::new(printable(text));
        match (self.colours, tone) {
            (false, _) | (true, Tone::Plain) => cell,
            (true, Tone::Good) => cell.fg(Color::Green),
            (true, Tone::Warning) => cell.fg(Color::Yellow),
            (true, Tone::Bad) => cell.fg(Color::Red),
        }
    }

    /// The text in its tone.
    pub(super) fn toned(&self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Warning => 33,
            Tone::Bad => 31,
            Tone::Plain => return printable(text),
        };
        if self.colours { format!("\u{1b}[{code}m{}\u{1b}[0m", printable(text)) } else { printable(text) }
    }
}

/// The table's lines without the padding at its sides.
pub(super) fn rendered(table: &Table) -> String {
    table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Plugins and targets choose what they say: nothing of it may steer the terminal.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\tc\r\nü"), "a\\u{1b}[31mb\\tc\\r\nü");
    }

    #[test]
    fn tables_are_plain_where_there_is_no_terminal() {
        let output = Output { colours: false, terminal: false };
        let mut table = output.table(&["name", "state"]);
        table.add_row([output.cell("system", Tone::Plain), output.cell("running", Tone::Good)]);
        assert_eq!(rendered(&table), "NAME    STATE\nsystem  running");
    }
}
