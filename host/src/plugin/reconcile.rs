//! From what the directories say to what has to change. An invalid file never replaces what runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::PluginName;

use super::directory::{Desired, DirectoryProblem, Refusal, Scan, Version, Wanted, scan};
use super::watch::Watcher;

/// What has to be done about one plugin.
#[derive(Clone, Debug)]
pub enum Change {
    /// Nothing of it runs: start it.
    Start(Box<Desired>),
    /// Something else of it runs: check the new, then stop the old and start the new.
    Replace(Box<Desired>),
    /// Its files are gone, or its component is: stop it.
    Stop(PluginName),
    /// Its files cannot run. What runs of it goes on.
    Refuse(PluginName, Refusal),
    /// Its files are again what runs: the refusal is over.
    Keep(PluginName),
}

/// What was done about one plugin so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Done {
    /// What runs.
    running: Option<Version>,
    /// What was told last, whether it ran or not.
    told: Version,
}

/// What was done about all plugins so far.
#[derive(Clone, Debug, Default)]
pub struct Ledger(BTreeMap<PluginName, Done>);

impl Ledger {
    /// What has to change so that what runs becomes what `scan` says: stops first, then by name. Told once: the same scan
    /// twice gives nothing the second time.
    pub fn changes(&mut self, scan: &Scan) -> Vec<Change> {
        let gone = |name: &&PluginName| !scan.plugins.contains_key(*name) && !scan.is_partial();
        let gone: Vec<PluginName> = self.0.keys().filter(gone).cloned().collect();
        let mut changes = Vec::new();
        for name in gone {
            self.0.remove(&name);
            changes.push(Change::Stop(name));
        }
        for (name, wanted) in &scan.plugins {
            self.change(name, wanted, &mut changes);
        }
        changes
    }

    fn change(&mut self, name: &PluginName, wanted: &Wanted, changes: &mut Vec<Change>) {
        let version = match wanted {
            Wanted::Run(desired) => desired.version,
            Wanted::Refused(refusal) => refusal.version,
        };
        let before = self.0.get(name).copied();
        let mut running = before.and_then(|done| done.running);
        if before.is_some_and(|done| done.told == version) {
            return;
        }
        match wanted {
            Wanted::Run(_) if running == Some(version) => changes.push(Change::Keep(name.clone())),
            Wanted::Run(desired) if running.is_some() => changes.push(Change::Replace(desired.clone())),
            Wanted::Run(desired) => changes.push(Change::Start(desired.clone())),
            Wanted::Refused(refusal) => {
                if refusal.gone && running.take().is_some() {
                    changes.push(Change::Stop(name.clone()));
                }
                changes.push(Change::Refuse(name.clone(), refusal.clone()));
            }
        }
        self.0.insert(name.clone(), Done { running, told: version });
    }

    /// Notes that this version of a plugin runs now. Without this note, what ran before is taken to go on running.
    pub fn runs(&mut self, name: &PluginName, version: Version) {
        if let Some(done) = self.0.get_mut(name) {
            done.running = Some(version);
        }
    }

    /// Notes that a plugin could not be tried for a reason that may pass, so that the next scan tells it again.
    pub fn retry(&mut self, name: &PluginName) {
        if let Some(done) = self.0.get(name).copied() {
            match done.running {
                Some(running) => self.0.insert(name.clone(), Done { running: Some(running), told: running }),
                None => self.0.remove(name),
            };
        }
    }
}

/// Watches the directories and says what has to change.
#[derive(Debug)]
pub struct Reconciler {
    directories: Vec<PathBuf>,
    watcher: Watcher,
    ledger: Ledger,
    problems: Vec<DirectoryProblem>,
    due: bool,
}

impl Reconciler {
    /// A reconciler that has told nothing yet. Watching begins now, so that nothing is missed between it and the first scan.
    #[must_use]
    pub fn new(directories: Vec<PathBuf>) -> Self {
        let watcher = Watcher::new(&directories);
        Self { directories, watcher, ledger: Ledger::default(), problems: Vec::new(), due: true }
    }

    /// Waits until something has to change, and says what; at first, everything that is there, even if that is nothing.
    /// Dropping the future loses nothing.
    pub async fn changes(&mut self) -> Vec<Change> {
        let mut first = self.due;
        loop {
            if !self.due {
                self.watcher.changed().await;
                self.due = true;
            }
            let directories = self.directories.clone();
            let scanned = tokio::task::spawn_blocking(move || scan(&directories)).await;
            self.due = false;
            let Ok(scanned) = scanned else { continue };
            self.tell_problems(&scanned);
            let changes = self.ledger.changes(&scanned);
            if !changes.is_empty() || std::mem::take(&mut first) {
                return changes;
            }
        }
    }

    /// Notes that this version of a plugin runs now; to be called after a `Start` or `Replace` that succeeded.
    pub fn runs(&mut self, name: &PluginName, version: Version) {
        self.ledger.runs(name, version);
    }

    /// Notes that a plugin could not be tried for a reason that may pass (its file was being changed).
    pub fn retry(&mut self, name: &PluginName) {
        self.ledger.retry(name);
    }

    fn tell_problems(&mut self, scan: &Scan) {
        for problem in scan.problems.iter().filter(|problem| !self.problems.contains(problem)) {
            tracing::warn!(directory = %problem.directory.display(), error = problem.error, "cannot use a plugin directory");
        }
        self.problems.clone_from(&scan.problems);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Files to write (`None` removes), and the changes that must follow.
    type Step<'a> = (&'a [(&'a str, Option<&'a str>)], &'a str);

    fn story(steps: &[Step<'_>]) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::default();
        for (files, expected) in steps {
            for (name, text) in *files {
                let path = folder.path().join(name);
                text.map_or_else(|| fs::remove_file(&path), |text| fs::write(&path, text)).unwrap();
            }
            let changes = ledger.changes(&scan(&[folder.path().to_path_buf()]));
            let told: Vec<String> = changes.iter().map(|change| told(&mut ledger, change)).collect();
            assert_eq!(told.join(" "), *expected, "after {files:?}");
            assert!(ledger.changes(&scan(&[folder.path().to_path_buf()])).is_empty(), "told twice after {files:?}");
        }
    }

    /// In these stories a component that begins with `!` is invalid: the engine refuses it.
    fn told(ledger: &mut Ledger, change: &Change) -> String {
        match change {
            Change::Start(desired) | Change::Replace(desired) => {
                if !desired.load().unwrap().starts_with(b"!") {
                    ledger.runs(&desired.config.name, desired.version);
                }
                let word = if matches!(change, Change::Start(_)) { "start" } else { "replace" };
                format!("{word} {}", desired.config.name)
            }
            Change::Stop(name) => format!("stop {name}"),
            Change::Refuse(name, _) => format!("refuse {name}"),
            Change::Keep(name) => format!("keep {name}"),
        }
    }

    #[test]
    fn plugins_come_change_and_go() {
        story(&[
            (&[], ""),
            (&[("a.wasm", Some("1")), ("b.wasm", Some("1"))], "start a start b"),
            (&[("a.wasm", Some("2"))], "replace a"),
            (&[("b.toml", Some("interval = '5s'"))], "replace b"),
            (&[("c.wasm", Some("1")), ("a.wasm", None)], "stop a start c"),
            (&[("b.toml", None)], "replace b"),
        ]);
    }

    #[test]
    fn an_invalid_file_replaces_nothing_and_is_over_when_the_old_is_back() {
        story(&[
            (&[("a.wasm", Some("1")), ("a.toml", Some(""))], "start a"),
            (&[("a.toml", Some("intervall = 1"))], "refuse a"),
            (&[("a.toml", Some("intervall = 2"))], ""),
            (&[("a.toml", Some(""))], "keep a"),
            (&[("a.wasm", Some("!"))], "replace a"),
            (&[("a.wasm", Some("1"))], "keep a"),
            (&[("a.wasm", Some("!"))], "replace a"),
            (&[("a.wasm", Some("2"))], "replace a"),
        ]);
    }

    #[test]
    fn a_component_that_goes_stops_what_runs_of_it() {
        story(&[
            (&[("a.wasm", Some("1")), ("a.toml", Some(""))], "start a"),
            (&[("a.wasm", None)], "stop a refuse a"),
            (&[("a.wasm", Some("1"))], "start a"),
            (&[("a.wasm", None), ("a.toml", None)], "stop a"),
        ]);
    }

    #[test]
    fn nothing_stops_because_a_directory_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), "1").unwrap();
        let mut ledger = Ledger::default();
        assert_eq!(ledger.changes(&scan(&[folder.path().to_path_buf()])).len(), 1);
        let problem = DirectoryProblem { directory: folder.path().to_path_buf(), error: "x".into(), absent: false };
        assert!(ledger.changes(&Scan { problems: vec![problem], ..Scan::default() }).is_empty());
        assert_eq!(ledger.changes(&Scan::default()).len(), 1);
    }

    #[test]
    fn what_may_pass_is_told_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), "1").unwrap();
        let mut ledger = Ledger::default();
        let scanned = scan(&[folder.path().to_path_buf()]);
        assert_eq!(ledger.changes(&scanned).len(), 1);
        ledger.retry(&PluginName::new("a").unwrap());
        assert!(matches!(ledger.changes(&scanned)[..], [Change::Start(_)]));
    }

    #[tokio::test]
    async fn the_first_answer_is_all_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Reconciler::new(vec![folder.path().to_path_buf()]).changes().await.is_empty());
        fs::write(folder.path().join("a.wasm"), "1").unwrap();
        let mut reconciler = Reconciler::new(vec![folder.path().to_path_buf()]);
        assert!(matches!(reconciler.changes().await[..], [Change::Start(_)]));
        fs::write(folder.path().join("b.wasm"), "1").unwrap();
        assert!(matches!(reconciler.changes().await[..], [Change::Start(_)]));
    }
}
