//! A TOML file being read: each setting is asked for by name, what is wrong is noted and reading goes on.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, Problems};

/// How alike an unknown key must be to a known one for that one to be suggested (Damerau-Levenshtein, 1 is equal). The begin of
/// a known one is as good as equal.
const LIKENESS_MIN: f64 = 0.5;

/// The problems found so far in one text.
#[derive(Debug)]
pub(super) struct Notes<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Notes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// Notes what is wrong at byte `at`.
    pub(super) fn note(&self, at: usize, key: impl Into<String>, message: impl Into<String>) {
        let problem = Problem { place: Place::of(self.text, at), key: key.into(), message: message.into() };
        self.problems.borrow_mut().push(problem);
    }

    /// `value` if nothing was wrong.
    pub(super) fn settle<T>(self, file: &Path, value: Option<T>) -> Result<T, Problems> {
        let mut list = self.problems.into_inner();
        list.sort_by_key(|problem| problem.place);
        match value {
            Some(value) if list.is_empty() => Ok(value),
            _ => Err(Problems { file: file.to_path_buf(), list }),
        }
    }
}

/// Reads `text` as settings. Syntax errors are all noted; then `read` is not asked, since what it would find is guesswork.
pub(super) fn parse<T>(file: &Path, text: &str, read: impl FnOnce(&Section<'_, '_>) -> Option<T>) -> Result<T, Problems> {
    let notes = Notes::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        notes.note(error.span().map_or(0, |span| span.start), "", error.message());
    }
    let value = errors.is_empty().then(|| {
        let section = Section::new(&notes, table.get_ref(), String::new(), 0);
        let value = read(&section);
        section.finish();
        value
    });
    notes.settle(file, value.flatten())
}

/// One table of the file. Every key that is asked for is known; `finish` reports the others.
pub(super) struct Section<'d, 't> {
    notes: &'d Notes<'t>,
    table: Option<&'d DeTable<'t>>,
    path: String,
    at: usize,
    known: RefCell<Vec<&'static str>>,
}

impl<'d, 't> Section<'d, 't> {
    fn new(notes: &'d Notes<'t>, table: &'d DeTable<'t>, path: String, at: usize) -> Self {
        Self { notes, table: Some(table), path, at, known: RefCell::default() }
    }

    /// The setting `key`, if the file has it.
    pub(super) fn get(&self, key: &'static str) -> Option<Entry<'d, 't>> {
        self.known.borrow_mut().push(key);
        let (name, value) = self.table?.get_key_value(key)?;
        Some(self.entry(key, name.span().start, value))
    }

    /// The table `key`; where the file has none, an empty one.
    pub(super) fn section(&self, key: &'static str) -> Section<'d, 't> {
        let absent = || Self { notes: self.notes, table: None, path: String::new(), at: self.at, known: RefCell::default() };
        self.get(key).and_then(|entry| entry.section()).unwrap_or_else(absent)
    }

    /// All settings, for tables whose keys are the operator's.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Entry<'d, 't>)> + '_ {
        let table = self.table.into_iter().flat_map(|table| table.iter());
        table.map(|(name, value)| (name.get_ref().as_ref(), self.entry(name.get_ref(), name.span().start, value)))
    }

    fn entry(&self, key: &str, at: usize, value: &'d Spanned<DeValue<'t>>) -> Entry<'d, 't> {
        Entry { notes: self.notes, key: join(&self.path, key), key_at: at, value }
    }

    /// Notes what is wrong with the table itself.
    pub(super) fn note(&self, key: &str, message: impl Into<String>) {
        self.notes.note(self.at, join(&self.path, key), message);
    }

    /// Notes every key that nobody asked for, with the nearest known one.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, entry) in self.entries().filter(|(key, _)| !known.contains(key)) {
            entry.note_key(unknown(key, known.iter().copied()));
        }
    }
}

/// What to say of a key that is not among `known`.
pub(super) fn unknown<'k>(key: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let likeness = |name: &&str| match name.strip_prefix(key) {
        Some(_) if key.len() > 2 => 1.0,
        _ => strsim::normalized_damerau_levenshtein(key, name),
    };
    let nearest =
        known.clone().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|name| likeness(name) >= LIKENESS_MIN);
    match nearest {
        Some(nearest) => format!("unknown setting, did you mean `{nearest}`?"),
        None => {
            let mut all: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            all.sort_unstable();
            format!("unknown setting, there are {}", if all.is_empty() { "none here".into() } else { all.join(", ") })
        }
    }
}

fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let key = if bare || key.is_empty() { key.to_owned() } else { format!("{key:?}") };
    match (path.is_empty(), key.is_empty()) {
        (true, _) => key,
        (_, true) => path.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// One setting: its key and its value, not yet of any type.
pub(super) struct Entry<'d, 't> {
    notes: &'d Notes<'t>,
    key: String,
    key_at: usize,
    value: &'d Spanned<DeValue<'t>>,
}

impl<'d, 't> Entry<'d, 't> {
    /// The value as it stands in the file.
    pub(super) fn value(&self) -> &'d Spanned<DeValue<'t>> {
        self.value
    }

    /// The setting as a path of keys.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Where the value begins.
    pub(super) fn place(&self) -> Place {
        Place::of(self.notes.text, self.span().start)
    }

    /// Bytes of the value.
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Notes what is wrong with the value.
    pub(super) fn note(&self, message: impl Into<String>) {
        self.notes.note(self.span().start, self.key.clone(), message);
    }

    /// Notes what is wrong with the key.
    pub(super) fn note_key(&self, message: impl Into<String>) {
        self.notes.note(self.key_at, self.key.clone(), message);
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        // What stands under `secrets` may be a secret, put there by mistake.
        let found = if self.key.starts_with("secrets") { "something else".into() } else { described(self.value.get_ref()) };
        self.note(format!("expected {expected}, found {found}"));
        None
    }

    /// The value as text.
    pub(super) fn string(&self) -> Option<&'d str> {
        self.value.get_ref().as_str().or_else(|| self.wrong_type("a string in quotes"))
    }

    /// The value as text that `parse` understands.
    pub(super) fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        parse(self.string()?).map_err(|message| self.note(message)).ok()
    }

    /// The value as `true` or `false`.
    pub(super) fn boolean(&self) -> Option<bool> {
        self.value.get_ref().as_bool().or_else(|| self.wrong_type("`true` or `false`"))
    }

    /// The value as a whole number, not negative.
    pub(super) fn count(&self) -> Option<u64> {
        let Some(integer) = self.value.get_ref().as_integer() else { return self.wrong_type("a whole number") };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        number.or_else(|| {
            self.note(format!("`{integer}` is out of range, write a whole number from 0 to {}", u64::MAX));
            None
        })
    }

    /// The value as a list, each element an entry of its own.
    pub(super) fn list(&self) -> Option<Vec<Entry<'d, 't>>> {
        let Some(array) = self.value.get_ref().as_array() else { return self.wrong_type("a list in brackets") };
        let element = |(at, value): (usize, &'d Spanned<DeValue<'t>>)| Entry {
            notes: self.notes,
            key: format!("{}[{at}]", self.key),
            key_at: value.span().start,
            value,
        };
        Some(array.iter().enumerate().map(element).collect())
    }

    /// The value as a table.
    pub(super) fn section(&self) -> Option<Section<'d, 't>> {
        let Some(table) = self.value.get_ref().as_table() else { return self.wrong_type("a table") };
        Some(Section::new(self.notes, table, self.key.clone(), self.key_at))
    }
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string `{}`", text.escape_debug()),
        DeValue::Integer(number) => format!("the number `{number}`"),
        DeValue::Float(number) => format!("the number `{number}`"),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(time) => format!("the time `{time}`"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_key_is_suggested_and_far_ones_are_listed() {
        let known = ["interval", "timeout", "targets"];
        for (key, said) in [
            ("intervall", "unknown setting, did you mean `interval`?"),
            ("target", "unknown setting, did you mean `targets`?"),
            ("time", "unknown setting, did you mean `timeout`?"),
            ("colour", "unknown setting, there are `interval`, `targets`, `timeout`"),
        ] {
            assert_eq!(unknown(key, known.into_iter()), said);
        }
        assert_eq!(unknown("a", [].into_iter()), "unknown setting, there are none here");
    }

    #[test]
    fn all_problems_of_a_file_are_told_in_its_order() {
        let text = "b = 1\na = 2\n[c]\nd = 'x'\n";
        let problems = parse(Path::new("x.toml"), text, |file| {
            file.get("a")?.string();
            file.section("c").finish();
            Some(())
        });
        let said = "x.toml:1:1: b: unknown setting, there are `a`, `c`\nx.toml:2:5: a: expected a string in quotes, found the \
                    number `2`\nx.toml:4:1: c.d: unknown setting, there are none here";
        assert_eq!(problems.unwrap_err().to_string(), said);
    }

    #[test]
    fn every_syntax_error_is_told() {
        let problems = parse(Path::new("x.toml"), "a = \nb = = 1\nc = 1\n", |_| Some(())).unwrap_err();
        assert_eq!(problems.list.iter().map(|p| p.place.line).collect::<Vec<_>>(), [1, 2, 2], "{problems}");
    }
}
