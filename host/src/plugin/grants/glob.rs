//! Globs over absolute paths, in which a wildcard never matches the names under `/proc` that lead elsewhere or give secrets away.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

/// The longest glob or path in bytes: Linux takes no longer path.
pub const PATH_BYTES_MAX: usize = 4096;
/// Parts `**` in one glob: matching tries them all.
const DEEP_MAX: usize = 2;
/// Characters of a glob's grammar; a backslash before one takes its meaning away.
const META: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// Names that only a literal part matches: in `/proc` itself.
const PROC_LITERAL: [&str; 7] = ["self", "thread-self", "kcore", "kmsg", "kallsyms", "keys", "key-users"];
/// Names that only a literal part matches: in a process's directory, at any depth.
const PROCESS_LITERAL: [&str; 28] = [
    "environ",
    "mem",
    "root",
    "cwd",
    "exe",
    "fd",
    "fdinfo",
    "map_files",
    "maps",
    "smaps",
    "smaps_rollup",
    "numa_maps",
    "pagemap",
    "task",
    "ns",
    "auxv",
    "cmdline",
    "stack",
    "syscall",
    "clear_refs",
    "attr",
    "mountinfo",
    "mounts",
    "mountstats",
    "net",
    "patch_state",
    "personality",
    "wchan",
];

/// Why a text is no glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It does not begin with a slash.
    #[error("`{0}` is no absolute path, begin it with `/`")]
    Relative(String),
    /// Empty parts, `.` or `..`.
    #[error("`{0}` has a part that is empty, `.` or `..`, write the path without")]
    Part(String),
    /// Too long, or with a NUL.
    #[error("`{0}` is no path: it is longer than {PATH_BYTES_MAX} bytes or has a NUL in it")]
    Bytes(String),
    /// The first part is no name.
    #[error("`{0}` begins with a wildcard, name the first directory")]
    Everything(String),
    /// `**` beside other characters, or too often.
    #[error("`{0}` has `**` other than as a whole part, or more than {DEEP_MAX} times")]
    Deep(String),
    /// Not in the grammar of one part.
    #[error("`{0}` is no glob, known are `*`, `?`, `[…]` and `{{…}}` within a part, and the part `**`")]
    Grammar(String),
}

/// How sure it is that a path is, or is not, of `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// By its name: what lies below a directory `proc` is taken for it.
    ByName,
    /// The opened file is on a proc file system, wherever that is mounted: every name counts.
    Proc,
}

/// Absolute paths that are granted or requested together.
#[derive(Clone)]
pub struct PathGlob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone)]
enum Part {
    Literal(String),
    Wild(GlobMatcher),
    Deep,
}

impl PathGlob {
    /// Reads a glob such as `/sys/class/net/*/speed`.
    ///
    /// # Errors
    /// It is not absolute, not canonical, begins with a wildcard, or is no glob.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        let shown = || text.chars().take(200).flat_map(char::escape_debug).collect::<String>();
        let names = split(text).map_err(|error| error(shown()))?;
        let mut parts = Vec::with_capacity(names.len());
        for name in names {
            parts.push(Part::parse(name).map_err(|error| error(shown()))?);
        }
        if !matches!(parts.first(), Some(Part::Literal(_))) {
            return Err(GlobError::Everything(shown()));
        }
        if parts.iter().filter(|part| matches!(part, Part::Deep)).count() > DEEP_MAX {
            return Err(GlobError::Deep(shown()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The glob that matches only `path`.
    #[must_use]
    pub fn escape(path: &str) -> String {
        let mut glob = String::with_capacity(path.len());
        for c in path.chars() {
            if META.contains(&c) {
                glob.push('\\');
            }
            glob.push(c);
        }
        glob
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is a `**` in it.
    #[must_use]
    pub fn is_deep(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Deep))
    }

    /// Whether a canonical absolute path matches.
    #[must_use]
    pub fn matches(&self, path: &str, whereabouts: Whereabouts) -> bool {
        let Ok(names) = split(path) else { return false };
        matches_from(&self.parts, &Names::new(&names, whereabouts), 0)
    }

    /// Whether the listing of the directory at a canonical absolute path may show `name`: all names where the glob matches the
    /// directory itself, else those that a wildcard right behind the directory matches.
    #[must_use]
    pub fn shows(&self, directory: &str, name: &str) -> bool {
        if self.matches(directory, Whereabouts::ByName) {
            return true;
        }
        let Ok(mut names) = split(directory) else { return false };
        names.push(name);
        let names = Names::new(&names, Whereabouts::ByName);
        let ends_here = |end: usize| matches!(self.parts[end], Part::Wild(_)) && matches_from(&self.parts[..=end], &names, 0);
        (1..self.parts.len()).any(ends_here)
    }

    /// Whether the directory at a canonical absolute path may be listed, if only in part.
    #[must_use]
    pub fn lists(&self, directory: &str) -> bool {
        let Ok(names) = split(directory) else { return false };
        let names = Names::new(&names, Whereabouts::ByName);
        let ahead = |end: usize| matches!(self.parts[end], Part::Wild(_)) && matches_from(&self.parts[..end], &names, 0);
        matches_from(&self.parts, &names, 0) || (1..self.parts.len()).any(ahead)
    }
}

impl Part {
    fn parse(name: &str) -> Result<Self, fn(String) -> GlobError> {
        if name == "**" {
            return Ok(Self::Deep);
        }
        if name.contains("**") {
            return Err(GlobError::Deep);
        }
        if let Some(literal) = literal(name) {
            return Ok(Self::Literal(literal));
        }
        let glob = GlobBuilder::new(name).literal_separator(true).backslash_escape(true).build();
        glob.map(|glob| Self::Wild(glob.compile_matcher())).map_err(|_| GlobError::Grammar as fn(String) -> GlobError)
    }
}

/// What a part without wildcards stands for, its backslashes taken away.
fn literal(name: &str) -> Option<String> {
    let mut literal = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => literal.push(chars.next()?),
            c if META.contains(&c) => return None,
            c => literal.push(c),
        }
    }
    Some(literal)
}

/// The names of a path, and which of them only a literal part matches.
struct Names<'a>(Vec<(&'a str, bool)>);

impl<'a> Names<'a> {
    fn new(names: &[&'a str], whereabouts: Whereabouts) -> Self {
        let mut in_process = false;
        let guarded = names.iter().enumerate().map(|(index, name)| {
            let in_proc = index > 0 && names[index - 1] == "proc";
            let sensitive = match whereabouts {
                Whereabouts::Proc => PROC_LITERAL.contains(name) || PROCESS_LITERAL.contains(name) && index > 1,
                Whereabouts::ByName => in_proc && PROC_LITERAL.contains(name) || in_process && PROCESS_LITERAL.contains(name),
            };
            in_process |= in_proc && (name.ends_with("self") || name.bytes().all(|b| b.is_ascii_digit()));
            (*name, sensitive)
        });
        Self(guarded.collect())
    }
}

fn matches_from(parts: &[Part], names: &Names<'_>, from: usize) -> bool {
    let Some((part, rest)) = parts.split_first() else { return from == names.0.len() };
    if let Part::Deep = part {
        // Zero names, or one more after each that a wildcard may match.
        let mut next = from;
        loop {
            if matches_from(rest, names, next) {
                return true;
            }
            match names.0.get(next) {
                Some((_, false)) => next += 1,
                _ => return false,
            }
        }
    }
    let Some((name, sensitive)) = names.0.get(from) else { return false };
    let fits = match part {
        Part::Literal(literal) => literal == name,
        Part::Wild(matcher) => !sensitive && matcher.is_match(name),
        Part::Deep => false,
    };
    fits && matches_from(rest, names, from + 1)
}

/// The names of a canonical absolute path: no empty ones, no `.`, no `..`.
///
/// # Errors
/// What is wrong with it, to be given the text to show.
pub fn split(path: &str) -> Result<Vec<&str>, fn(String) -> GlobError> {
    if path.len() > PATH_BYTES_MAX || path.contains('\0') {
        return Err(GlobError::Bytes);
    }
    let names: Vec<&str> = path.strip_prefix('/').ok_or(GlobError::Relative as fn(String) -> GlobError)?.split('/').collect();
    if names.iter().any(|name| matches!(*name, "" | "." | "..")) {
        return Err(GlobError::Part);
    }
    Ok(names)
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for PathGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathGlob {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_glob_matches_whole_paths_part_by_part() {
        for (glob, path, expected) in [
            ("/proc/stat", "/proc/stat", true),
            ("/proc/stat", "/proc/stat/x", false),
            ("/proc/stat", "/proc", false),
            ("/sys/class/net/*/speed", "/sys/class/net/eth0/speed", true),
            ("/sys/class/net/*/speed", "/sys/class/net/a/b/speed", false),
            ("/sys/class/net/*/speed", "/sys/class/net/speed", false),
            ("/var/log/*.log", "/var/log/a.log", true),
            ("/var/log/*.log", "/var/log/a/b.log", false),
            ("/var/{a,b}/x", "/var/b/x", true),
            ("/var/[ab]/x", "/var/c/x", false),
            ("/var/**/x", "/var/x", true),
            ("/var/**/x", "/var/a/b/x", true),
            ("/var/**", "/var/a/b", true),
            ("/var/**", "/var", true),
            ("/var/**", "/etc", false),
            ("/var/**", "/var/../etc/shadow", false),
            ("/var/*", "/var/..", false),
            ("/var/*", "/var/", false),
            ("/etc/a[[]x[]]", "/etc/a[x]", true),
        ] {
            assert_eq!(PathGlob::parse(glob).unwrap().matches(path, Whereabouts::ByName), expected, "{glob} {path}");
        }
    }

    #[test]
    fn a_wildcard_matches_no_name_under_proc_that_leads_elsewhere() {
        for (glob, path, expected) in [
            ("/proc/*/stat", "/proc/1/stat", true),
            ("/proc/*/stat", "/proc/self/stat", false),
            ("/proc/*/stat", "/proc/thread-self/stat", false),
            ("/proc/**", "/proc/self/stat", false),
            ("/proc/**", "/proc/net/dev", true),
            ("/proc/**", "/proc/1/environ", false),
            ("/proc/**", "/proc/1/task/2/environ", false),
            ("/proc/**", "/proc/1/root/etc/shadow", false),
            ("/proc/**", "/proc/kcore", false),
            ("/proc/*/*", "/proc/1/mem", false),
            ("/proc/*/e*", "/proc/1/exe", false),
            ("/proc/*/{environ,x}", "/proc/1/environ", false),
            ("/proc/*/envir[o]n", "/proc/1/environ", false),
            ("/proc/*/environ", "/proc/1/environ", true),
            ("/proc/self/stat", "/proc/self/stat", true),
            ("/proc/1/task/*/environ", "/proc/1/task/2/environ", true),
            ("/proc/1/task/**", "/proc/1/task/2/environ", false),
            ("/proc/**/environ", "/proc/1/environ", true),
            ("/host/proc/**", "/host/proc/1/environ", false),
            ("/host/**", "/host/proc/self/stat", false),
            ("/home/**", "/home/1/fd", true),
            ("/sys/**", "/sys/kernel/mem", true),
        ] {
            assert_eq!(PathGlob::parse(glob).unwrap().matches(path, Whereabouts::ByName), expected, "{glob} {path}");
        }
        let elsewhere = PathGlob::parse("/mnt/p/**").unwrap();
        assert!(elsewhere.matches("/mnt/p/1/environ", Whereabouts::ByName));
        assert!(!elsewhere.matches("/mnt/p/1/environ", Whereabouts::Proc));
        assert!(!elsewhere.matches("/mnt/p/self/stat", Whereabouts::Proc));
        assert!(elsewhere.matches("/mnt/p/1/stat", Whereabouts::Proc));
    }

    #[test]
    fn a_directory_is_listed_where_a_glob_names_it_or_has_a_wildcard_for_what_is_in_it() {
        for (glob, path, lists, name, shows) in [
            ("/proc", "/proc", true, "self", true),
            ("/proc/stat", "/proc", false, "stat", false),
            ("/proc/*/stat", "/proc", true, "1", true),
            ("/proc/*/stat", "/proc", true, "self", false),
            ("/proc/*/stat", "/proc/1", false, "stat", false),
            ("/sys/class/net/e*/speed", "/sys/class/net", true, "eth0", true),
            ("/sys/class/net/e*/speed", "/sys/class/net", true, "lo", false),
            ("/sys/class/net/*/speed", "/sys/class", false, "net", false),
            ("/sys/class/net/**", "/sys/class/net/eth0", true, "speed", true),
            ("/sys/class/net/*/queues/*/x", "/sys/class/net/eth0/queues", true, "rx-0", true),
            ("/proc/**", "/proc/self", false, "stat", false),
        ] {
            let glob = PathGlob::parse(glob).unwrap();
            assert_eq!((glob.lists(path), glob.shows(path, name)), (lists, shows), "{glob} {path} {name}");
        }
    }

    #[test]
    fn what_is_no_glob_says_why() {
        for (text, expected) in [
            ("etc/x", "`etc/x` is no absolute path, begin it with `/`"),
            ("/etc/../x", "`/etc/../x` has a part that is empty, `.` or `..`, write the path without"),
            ("/etc/", "`/etc/` has a part that is empty, `.` or `..`, write the path without"),
            ("/**", "`/**` begins with a wildcard, name the first directory"),
            ("/etc/**x", "`/etc/**x` has `**` other than as a whole part, or more than 2 times"),
            ("/etc/[", "`/etc/[` is no glob, known are `*`, `?`, `[…]` and `{…}` within a part, and the part `**`"),
            ("/etc/a\0b", "`/etc/a\\0b` is no path: it is longer than 4096 bytes or has a NUL in it"),
        ] {
            assert_eq!(PathGlob::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_escaped_path_matches_itself_alone(path in "(/[a-z*?\\[\\]{}!,\\\\-]{1,8}){1,4}", other in "(/[a-z]{1,8}){1,4}") {
            let glob = PathGlob::parse(&PathGlob::escape(&path)).unwrap();
            prop_assert!(glob.matches(&path, Whereabouts::ByName));
            prop_assert!(path == other || !glob.matches(&other, Whereabouts::ByName));
        }

        #[test]
        fn nothing_makes_matching_panic(glob in "/[a-z*./]{0,24}", path in "/[a-z./]{0,24}") {
            if let Ok(glob) = PathGlob::parse(&glob) {
                assert!(!glob.matches(&path, Whereabouts::ByName) || glob.lists(&path) && glob.shows(&path, "x"));
            }
        }
    }
}
