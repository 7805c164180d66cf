//! Timelines in text: `host/tests/cases/alert/*.txt`, each with what must follow from it.
//!
//!     rule High for 5m keep_firing_for 2m labels severity=page
//!     0m High host=a:3 host=b:4        evaluates: labels and value of each finding, `-` for no labels, `!text` for an error
//!       High pended host=a 3 since 0s  what must follow, in order of labels
//!     1m restart                       the host starts (it ended right after the event before)
//!     1m declare High Low              the rules that the plugin has from now on
//!     1m stop removed                  also `changed`, `shutdown`
//!     1m quarantine
//!     1m alerts                        the lines after it show all alerts
//!       High pending host=a 3 since 0s

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{AlertView, Book, CheckNote, Replay, evaluated};
use crate::event::{AlertChange, ConsumerName, Event, Origin};
use crate::model::time::{format_duration, parse_duration};
use crate::model::{Epoch, EventId, Finding, Labels, Offset, OffsetRange, PluginName, Rule, Timestamp};

#[test]
fn timelines_have_the_outcome_that_their_files_tell() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/alert");
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5, "the cases are gone from {}", directory.display());
    for file in files {
        Timeline::default().run(&file.file_name().unwrap().to_string_lossy(), &fs::read_to_string(&file).unwrap());
    }
}

/// The host in miniature: a book, and the journal that it can be rebuilt from.
#[derive(Default)]
struct Timeline {
    book: Book,
    rules: Vec<Rule>,
    journal: Vec<(Origin, EventId, Timestamp, Event)>,
    consumed: Offset,
}

impl Timeline {
    fn run(mut self, file: &str, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let is_outcome = |line: &&str| line.starts_with(' ');
        for (at, line) in lines.iter().enumerate() {
            if line.is_empty() || line.starts_with('#') || is_outcome(line) {
                continue;
            }
            let mut expected: Vec<String> =
                lines[at + 1..].iter().take_while(|line| is_outcome(line)).map(|line| line.trim().into()).collect();
            let mut got = self.line(line);
            expected.sort();
            got.sort();
            assert_eq!(got, expected, "{file}:{}: {line}", at + 1);
        }
    }

    fn line(&mut self, line: &str) -> Vec<String> {
        let (first, rest) = line.split_once(' ').unwrap();
        if first == "rule" {
            self.rules.push(rule(rest));
            let declared = self.rules.clone();
            return self.take(Timestamp(0), Event::RulesDeclared { plugin: plugin(), rules: declared });
        }
        let at = Timestamp(0) + parse_duration(first).unwrap();
        let (command, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let event = match command {
            "alerts" => {
                self.book.pass(at);
                return self.book.alerts().iter().map(show).collect();
            }
            "restart" => {
                self.rebuild();
                Event::HostStarted { version: String::new() }
            }
            "declare" => {
                let is_declared = |rule: &&Rule| rest.split_whitespace().any(|name| name == rule.name);
                let rules = self.rules.iter().filter(is_declared).cloned().collect();
                Event::RulesDeclared { plugin: plugin(), rules }
            }
            "stop" => Event::PluginStopped { plugin: plugin(), reason: rest.into() },
            "quarantine" => Event::PluginQuarantined { plugin: plugin(), reason: "traps".into(), until: at },
            name => self.evaluation(at, name, rest),
        };
        self.take(at, event)
    }

    fn evaluation(&self, at: Timestamp, name: &str, findings: &str) -> Event {
        let rule = self.rules.iter().find(|rule| rule.name == name).unwrap_or_else(|| panic!("`{name}` is no rule"));
        let outcome = match findings.strip_prefix('!') {
            Some(error) => Err(error.to_owned()),
            None => Ok(findings.split_whitespace().map(finding).collect()),
        };
        let note = |_: &str, _: &str| None::<CheckNote>;
        Event::RuleEvaluated(evaluated(&plugin(), rule, at, &self.book.held(&plugin(), name), outcome, note))
    }

    /// Records an event, decides on it, records and applies the steps, and tells them.
    fn take(&mut self, at: Timestamp, event: Event) -> Vec<String> {
        if let Event::RuleEvaluated(evaluated) = &event {
            let decided = self.book.decide(at, &event);
            assert!(decided.is_empty() || self.book.needs_evaluation_event(evaluated), "{evaluated:?} would be missing");
        }
        let decided = self.book.decide(at, &event);
        let id = self.record(Origin::Host, at, event.clone());
        self.book.apply(id, at, &event);
        let consumed = OffsetRange { from: self.consumed, to: id.offset };
        self.consumed = id.offset;
        for step in &decided {
            let id = self.record(Origin::Consumer { name: ConsumerName::Book, consumed }, at, step.clone());
            self.book.apply(id, at, step);
        }
        decided.iter().map(tell).collect()
    }

    fn record(&mut self, origin: Origin, at: Timestamp, event: Event) -> EventId {
        let id = EventId { epoch: Epoch(1), offset: Offset(self.journal.len() as u64 + 1) };
        self.journal.push((origin, id, at, event));
        id
    }

    /// Rebuilds the book from the journal, and sees that it is the same.
    fn rebuild(&mut self) {
        let mut replay = Replay::default();
        for (origin, id, at, event) in &self.journal {
            replay.take(origin, *id, *at, event);
        }
        let (mut book, ahead) = replay.finish();
        for next in ahead {
            let event = next.event.unwrap();
            assert_eq!(book.decide(next.at, &event), []);
            book.apply(next.id, next.at, &event);
        }
        assert_eq!(book, self.book);
        self.book = postcard::from_bytes(&postcard::to_stdvec(&book).unwrap()).unwrap();
        assert_eq!(book, self.book);
    }
}

fn plugin() -> PluginName {
    PluginName::new("threshold").unwrap()
}

fn rule(text: &str) -> Rule {
    let words: Vec<&str> = text.split_whitespace().collect();
    let option = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
    let duration = |name| option(name).map_or(Duration::ZERO, |text| parse_duration(text).unwrap());
    Rule {
        name: words[0].into(),
        group: String::new(),
        interval: None,
        expression: String::new(),
        selectors: Vec::new(),
        hold_for: duration("for"),
        keep_firing_for: duration("keep_firing_for"),
        labels: labels(option("labels").unwrap_or("-")),
        annotations: Labels::default(),
    }
}

fn finding(text: &str) -> Finding {
    let (pairs, value) = text.split_once(':').unwrap_or_else(|| panic!("`{text}` is no finding"));
    Finding { labels: labels(pairs), value: value.parse().unwrap(), annotations: Labels::default() }
}

fn labels(text: &str) -> Labels {
    Labels::new(text.split(',').filter(|pair| *pair != "-").map(|pair| pair.split_once('=').unwrap())).unwrap()
}

fn tell(event: &Event) -> String {
    let (verb, change) = match event {
        Event::AlertPended(change) => ("pended", change),
        Event::AlertDismissed(change) => ("dismissed", change),
        Event::AlertFired(change) => ("fired", change),
        Event::AlertResolved(change) => ("resolved", change),
        other => panic!("{other:?} was decided"),
    };
    let AlertChange { rule, value, active_since, .. } = change;
    let because = change.reason.as_ref().map(|reason| format!(" because {reason}")).unwrap_or_default();
    format!("{rule} {verb} {} {value} since {}{because}", plain(&change.labels), time(*active_since))
}

fn show(alert: &AlertView<'_>) -> String {
    let AlertView { rule, value, .. } = alert;
    let keeps = alert.keep_firing_since.map(|since| format!(" gone {}", time(since))).unwrap_or_default();
    let error = alert.unevaluated.map(|error| format!(" unevaluated {error}")).unwrap_or_default();
    let (state, labels) = (alert.state.as_str(), plain(alert.labels));
    format!("{rule} {state} {labels} {value} since {}{keeps}{error}", time(alert.active_since))
}

fn plain(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.with("alertname", "").iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { "-".into() } else { pairs.join(",") }
}

fn time(at: Timestamp) -> String {
    format_duration(at.since(Timestamp(0)))
}
