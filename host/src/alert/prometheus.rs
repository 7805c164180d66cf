//! The book against a second, naive implementation of Prometheus' rules, and against itself after crashes.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{AlertState, Book, Held, Replay, evaluated};
use crate::event::{ConsumerName, Event, Origin, RuleEvaluated};
use crate::model::{Epoch, EventId, Finding, Labels, Offset, OffsetRange, PluginName, Rule, Timestamp};

const RULES: usize = 3;
const START: Timestamp = Timestamp(1_000_000);

/// One evaluation: of which rule, how long after the one before (also before it), and which of six findings hold.
#[derive(Clone, Debug)]
struct Step {
    rule: usize,
    after_s: i64,
    holding: Option<u8>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let holding = prop_oneof![1 => Just(None), 9 => (0_u8..64).prop_map(Some)];
    let step = (0..RULES, -30_i64..120, holding).prop_map(|(rule, after_s, holding)| Step { rule, after_s, holding });
    prop::collection::vec(step, 1..60)
}

fn rules() -> Vec<Rule> {
    // `for` and `keep_firing_for` in seconds.
    [(0, 0), (120, 0), (60, 180)]
        .iter()
        .enumerate()
        .map(|(at, (hold, keep))| Rule {
            name: format!("r{at}"),
            group: String::new(),
            interval: None,
            expression: String::new(),
            selectors: Vec::new(),
            hold_for: Duration::from_secs(*hold),
            keep_firing_for: Duration::from_secs(*keep),
            labels: Labels::default(),
            annotations: Labels::default(),
        })
        .collect()
}

fn plugin() -> PluginName {
    PluginName::new("p").unwrap()
}

fn findings(holding: u8, value: f64) -> Vec<Finding> {
    let labels = |bit: u8| Labels::new([("n", bit.to_string())]).unwrap();
    let holds = |bit: &u8| holding >> bit & 1 == 1;
    (0..6).filter(holds).map(|bit| Finding { labels: labels(bit), value, annotations: Labels::default() }).collect()
}

/// What both implementations are compared by: rule and finding to state, active-since and keep-firing-since.
type States = BTreeMap<(usize, u8), (AlertState, Timestamp, Option<Timestamp>)>;

/// Prometheus' `AlertingRule.Eval`, line by line, for one rule.
#[derive(Default)]
struct Naive {
    clock: Timestamp,
    active: BTreeMap<u8, (AlertState, Timestamp, Option<Timestamp>)>,
}

impl Naive {
    fn eval(&mut self, rule: &Rule, now: Timestamp, holding: Option<u8>) {
        self.clock = self.clock.max(now);
        let (now, Some(holding)) = (self.clock, holding) else { return };
        let holds = |bit: u8| holding >> bit & 1 == 1;
        for bit in (0..6).filter(|bit| holds(*bit)) {
            self.active.entry(bit).or_insert((AlertState::Pending, now, None));
        }
        self.active.retain(|bit, (state, _, keep_since)| {
            if holds(*bit) {
                *keep_since = None;
                return true;
            }
            if *state == AlertState::Firing && !rule.keep_firing_for.is_zero() {
                let since = *keep_since.get_or_insert(now);
                return now.since(since) < rule.keep_firing_for;
            }
            false
        });
        for (state, active_at, _) in self.active.values_mut() {
            if *state == AlertState::Pending && now.since(*active_at) >= rule.hold_for {
                *state = AlertState::Firing;
            }
        }
    }
}

fn states(book: &Book) -> States {
    let alerts = book.alerts().into_iter().filter(|alert| alert.state != AlertState::Resolved);
    alerts
        .map(|alert| {
            let key = (alert.rule[1..].parse().unwrap(), alert.labels.get("n").unwrap().parse().unwrap());
            (key, (alert.state, alert.active_since, alert.keep_firing_since))
        })
        .collect()
}

/// An alerter's driver, a journal, and the book that follows it.
#[derive(Clone, Default)]
struct Host {
    book: Book,
    consumed: Offset,
    held: [Held; RULES],
    clocks: [Timestamp; RULES],
    journal: Vec<(Origin, EventId, Timestamp, Event)>,
    waiting: Vec<usize>,
}

impl Host {
    fn new() -> Self {
        let mut host = Self::default();
        host.record(Origin::Host, Timestamp(0), Event::RulesDeclared { plugin: plugin(), rules: rules() });
        host
    }

    fn record(&mut self, origin: Origin, at: Timestamp, event: Event) -> EventId {
        let id = EventId { epoch: Epoch(1), offset: Offset(self.journal.len() as u64 + 1) };
        if origin == Origin::Host {
            self.waiting.push(self.journal.len());
        }
        self.journal.push((origin, id, at, event));
        id
    }

    /// As an alerter's driver does it; it never lets `now` decrease, since not every evaluation is recorded.
    fn evaluate(&mut self, step: &Step, now: Timestamp, value: f64) -> RuleEvaluated {
        let clock = &mut self.clocks[step.rule];
        *clock = now.max(*clock);
        let now = *clock;
        let outcome = step.holding.map(|holding| findings(holding, value)).ok_or_else(|| "lost".to_owned());
        let event = evaluated(&plugin(), &rules()[step.rule], now, &self.held[step.rule], outcome, |_, _| None);
        self.held[step.rule].apply(&event);
        event
    }

    /// The book takes up to `count` events from the journal.
    fn follow(&mut self, count: usize) {
        let count = count.min(self.waiting.len());
        for at in self.waiting.drain(..count).collect::<Vec<_>>() {
            let (_, id, at, event) = self.journal[at].clone();
            self.decide(id, at, &event);
        }
    }

    fn decide(&mut self, id: EventId, at: Timestamp, event: &Event) {
        let steps = self.book.decide(at, event);
        self.book.apply(id, at, event);
        let consumed = OffsetRange { from: self.consumed, to: id.offset };
        self.consumed = id.offset;
        for step in steps {
            let id = self.record(Origin::Consumer { name: ConsumerName::Book, consumed }, at, step.clone());
            self.book.apply(id, at, &step);
        }
    }

    fn rebuild(&self, cut: usize, saved: (Book, Offset)) -> (Book, Vec<super::replay::Ahead>) {
        let mut replay = Replay::new(saved.0, saved.1);
        for (origin, id, at, event) in &self.journal[..cut] {
            replay.take(origin, *id, *at, event);
        }
        replay.finish()
    }
}

proptest! {
    #[test]
    fn the_book_does_what_prometheus_does(steps in steps()) {
        let (mut host, mut naive) = (Host::new(), [const { None::<Naive> }; RULES]);
        host.follow(1);
        let mut now = START;
        for (at, step) in steps.iter().enumerate() {
            now = Timestamp(now.0 + step.after_s * 1000);
            let event = host.evaluate(step, now, at as f64);
            if host.book.needs_evaluation_event(&event) {
                host.record(Origin::Host, now, Event::RuleEvaluated(event));
                host.follow(1);
            }
            naive[step.rule].get_or_insert_default().eval(&rules()[step.rule], now, step.holding);
            let expected: States = naive.iter().enumerate().flat_map(|(rule, naive)| {
                naive.iter().flat_map(move |naive| naive.active.iter().map(move |(bit, state)| ((rule, *bit), *state)))
            }).collect();
            prop_assert_eq!(states(&host.book), expected, "after step {}", at);
        }
    }

    #[test]
    fn a_book_rebuilt_after_a_crash_at_any_place_is_the_book_that_never_crashed(
        steps in steps(),
        lags in prop::collection::vec(0_usize..4, 60),
        cut in 0.0..1.0,
        save in 0.0..1.0,
    ) {
        let mut host = Host::new();
        let mut saves = vec![(0, Book::default(), Offset::ZERO)];
        let mut now = START;
        for (at, step) in steps.iter().enumerate() {
            now = Timestamp(now.0 + step.after_s * 1000);
            let event = host.evaluate(step, now, at as f64);
            host.record(Origin::Host, now, Event::RuleEvaluated(event));
            host.follow(lags[at]);
            saves.push((host.journal.len(), host.book.clone(), host.consumed));
        }
        host.follow(usize::MAX);
        let pick = |part: f64, len: usize| (part * len as f64) as usize;
        let save = |cut| {
            let fitting: Vec<_> = saves.iter().filter(|(len, ..)| *len <= cut).collect();
            let (_, book, consumed) = fitting[pick(save, fitting.len())];
            let bytes = postcard::to_stdvec(book).unwrap();
            (postcard::from_bytes(&bytes).unwrap(), *consumed)
        };

        let (whole, ahead) = host.rebuild(host.journal.len(), save(host.journal.len()));
        let mut rebuilt = whole;
        for next in ahead {
            let event = next.event.unwrap();
            prop_assert_eq!(rebuilt.decide(next.at, &event), vec![]);
            rebuilt.apply(next.id, next.at, &event);
        }
        prop_assert_eq!(&rebuilt, &host.book);

        // Cut between frames: a frame is whole or not there.
        let mut cut = pick(cut, host.journal.len());
        while cut > 0 && host.journal[cut - 1].0 != Origin::Host && host.journal[cut - 1].0 == host.journal[cut].0 {
            cut -= 1;
        }
        let mut after = Host::default();
        let (book, ahead) = host.rebuild(cut, save(cut));
        after.book = book;
        for next in ahead {
            after.decide(next.id, next.at, &next.event.unwrap());
        }
        let mut never = Host::default();
        for (_, id, at, event) in host.journal[..cut].iter().filter(|(origin, ..)| *origin == Origin::Host) {
            never.decide(*id, *at, event);
        }
        prop_assert_eq!(states(&after.book), states(&never.book));
        let told = |host: &Host| host.book.alerts().iter().map(|alert| {
            (alert.fingerprint, alert.value.to_bits(), alert.fired_at, alert.resolved_at)
        }).collect::<Vec<_>>();
        prop_assert_eq!(told(&after), told(&never));
    }
}
