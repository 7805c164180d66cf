//! One alerter's driver: follows the journal, evaluates each rule when it is due, records what changed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::alert::{Book, Held, evaluated};
use crate::bus::Accept;
use crate::clock::Clock;
use crate::edge::SeriesRegistry;
use crate::event::{Event, RuleEvaluated};
use crate::health::Board;
use crate::journal::{Item, ReadError, Reader, Record};
use crate::model::{Offset, OffsetRange, Rule, Timestamp};
use crate::plugin::caller::{self, Caller, NotCalled};
use crate::plugin::request::{Outcome, Request};
use crate::route::clocks::RuleClock;
use crate::route::inputs::inputs;
use crate::route::watch::WatchSet;

/// Records that are applied before the clock is looked at again.
const BATCH_MAX: usize = 256;
/// The longest sleep without a look at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long a rule waits after its plugin could not be called.
const UNAVAILABLE_WAIT: Duration = Duration::from_millis(500);

/// What evaluations read.
#[derive(Clone)]
pub struct EvaluatorSources {
    /// What a series id means.
    pub registry: Arc<SeriesRegistry>,
    /// What holds by the last evaluation.
    pub book: Arc<RwLock<Book>>,
    /// For the annotations `message` and `since`.
    pub board: Arc<RwLock<Board>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// How an alerter is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct EvaluatorSettings {
    /// The longest time between two evaluations of a rule without an interval of its own.
    pub interval: Duration,
    /// The shortest.
    pub min_interval: Duration,
    /// How long one call may take.
    pub timeout: Duration,
    /// Samples that one evaluation takes.
    pub samples_max: usize,
}

/// The driver of one alerter.
pub struct Evaluator {
    caller: Arc<Caller>,
    sources: EvaluatorSources,
    settings: EvaluatorSettings,
    set: WatchSet,
    clocks: Vec<RuleClock>,
    held: Vec<Held>,
    reader: Reader,
    /// The last offset that is in the rings.
    cursor: Offset,
    /// The last evaluation's time: it never decreases.
    now: Timestamp,
}

impl Evaluator {
    /// A driver for these rules. `reader` begins as far back as the longest window; nothing up to `seen` is new.
    #[must_use]
    pub fn new(
        caller: Arc<Caller>,
        sources: EvaluatorSources,
        settings: EvaluatorSettings,
        set: WatchSet,
        reader: Reader,
    ) -> Self {
        let clocks = set.rules().iter().map(|watched| RuleClock::new(&watched.rule, settings.interval)).collect();
        let book = sources.book.read();
        let held = set.rules().iter().map(|watched| book.held(caller.handle().name(), &watched.rule.name)).collect();
        drop(book);
        Self { caller, sources, settings, set, clocks, held, reader, cursor: Offset::ZERO, now: Timestamp(i64::MIN) }
    }

    /// Evaluates until `stop` turns true or the journal closes.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        if self.catch_up().await.is_err() {
            return;
        }
        loop {
            while let Some(rule) = self.next_due(self.sources.clock.now()) {
                if *stop.borrow() {
                    return;
                }
                self.evaluate_group(rule).await;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(self.until_due()) => {}
                item = self.reader.next() => match item {
                    Ok(item) => self.take(item),
                    Err(error) => return report(&error),
                },
            }
            if let Err(error) = self.catch_up().await {
                return report(&error);
            }
        }
    }

    /// Takes what is in the journal by now.
    async fn catch_up(&mut self) -> Result<(), ReadError> {
        let end = self.reader.batch(BATCH_MAX).await?;
        let mut items = end;
        while !items.is_empty() {
            items.into_iter().for_each(|item| self.take(item));
            items = self.reader.batch(BATCH_MAX).await?;
        }
        Ok(())
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Record(record) => self.take_record(&record),
            Item::Skipped(skipped) => {
                tracing::warn!(from = skipped.from.0, to = skipped.to.0, "an alerter lost events that are no longer there");
                self.cursor = skipped.to;
            }
        }
    }

    fn take_record(&mut self, record: &Record) {
        for (offset, event) in record.events() {
            self.set.apply(offset, event, &*self.sources.registry);
        }
        self.cursor = record.last();
    }

    fn due(&self, rule: usize) -> Timestamp {
        let watched = &self.set.rules()[rule];
        self.clocks[rule].due(watched.touched, self.set.series_count(watched), self.settings.min_interval)
    }

    fn next_due(&self, now: Timestamp) -> Option<usize> {
        (0..self.clocks.len()).find(|rule| self.due(*rule) <= now)
    }

    fn until_due(&self) -> Duration {
        let now = self.sources.clock.now();
        (0..self.clocks.len()).map(|rule| self.due(rule).since(now)).min().unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
    }

    /// Evaluates a rule, with the others of its group, in order and at one time; each sees what those before it wrote.
    async fn evaluate_group(&mut self, rule: usize) {
        self.now = self.now.max(self.sources.clock.now());
        let group = self.set.rules()[rule].rule.group.clone();
        let is_member = |other: &Rule| !group.is_empty() && other.group == group;
        let members: Vec<usize> = self
            .set
            .rules()
            .iter()
            .enumerate()
            .filter(|(at, other)| *at == rule || is_member(&other.rule))
            .map(|(at, _)| at)
            .collect();
        for (nth, member) in members.iter().enumerate() {
            if nth > 0 && self.catch_up().await.is_err() {
                return;
            }
            self.evaluate(*member).await;
        }
    }

    async fn evaluate(&mut self, at: usize) {
        let watched = &self.set.rules()[at];
        let (rule, consumed) = (watched.rule.clone(), OffsetRange { from: watched.seen, to: self.cursor });
        let given = inputs(&self.set, watched, self.now, self.settings.samples_max);
        let result = match given {
            Ok(inputs) => self.call(at, &rule, inputs, consumed).await,
            Err(error) => {
                tracing::warn!(rule = rule.name, %error, "a rule is not evaluated");
                self.record_error(at, &rule, error.to_string()).await
            }
        };
        let now = self.sources.clock.now();
        match result {
            Ok(()) => {
                self.clocks[at].evaluated(self.now);
                if let Some(watched) = self.set.rule_mut(at) {
                    (watched.seen, watched.touched) = (consumed.to, false);
                }
            }
            Err(NotCalled::LeftAlone(until)) => self.clocks[at].postpone(until),
            Err(error) => {
                tracing::warn!(rule = rule.name, %error, "a rule could not be evaluated");
                self.clocks[at].postpone(now + UNAVAILABLE_WAIT);
            }
        }
    }

    async fn call(
        &mut self,
        at: usize,
        rule: &Rule,
        inputs: Vec<crate::model::Input>,
        consumed: OffsetRange,
    ) -> Result<(), NotCalled> {
        let request = Request::Evaluate { now: self.now, rule: rule.name.clone(), inputs };
        let record = caller::Record { consumed: Some(consumed), accept: Accept::Default };
        let mut concluded = None;
        let caller = self.caller.clone();
        let conclude = |outcome: &Outcome| self.conclude(at, rule, findings(outcome), &mut concluded);
        caller.call(request, self.settings.timeout, record, conclude).await?;
        self.hold(at, concluded.as_ref());
        Ok(())
    }

    /// What an evaluation means for the journal: nothing, where it changes nothing.
    fn conclude(
        &self,
        at: usize,
        rule: &Rule,
        outcome: Result<Vec<crate::model::Finding>, String>,
        concluded: &mut Option<RuleEvaluated>,
    ) -> Vec<Event> {
        let board = self.sources.board.read();
        let note = |check: &str, target: &str| board.note(check, target);
        let event = evaluated(self.caller.handle().name(), rule, self.now, &self.held[at], outcome, note);
        drop(board);
        let is_needed = self.sources.book.read().needs_evaluation_event(&event);
        let events = if is_needed { vec![Event::RuleEvaluated(event.clone())] } else { Vec::new() };
        *concluded = Some(event);
        events
    }

    /// A rule that cannot be asked has an error like one whose call failed.
    async fn record_error(&mut self, at: usize, rule: &Rule, error: String) -> Result<(), NotCalled> {
        let mut concluded = None;
        let events = self.conclude(at, rule, Err(error), &mut concluded);
        self.caller.record(events).await?;
        self.hold(at, concluded.as_ref());
        Ok(())
    }

    fn hold(&mut self, at: usize, event: Option<&RuleEvaluated>) {
        if let Some(event) = event {
            self.held[at].apply(event);
        }
    }
}

/// The findings of a call, or why there are none.
fn findings(outcome: &Outcome) -> Result<Vec<crate::model::Finding>, String> {
    match outcome {
        Outcome::Evaluated(findings) => Ok(findings.clone()),
        Outcome::Erred { message, .. } => Err(message.clone()),
        Outcome::Trapped { message, .. } => Err(format!("the alerter trapped: {}", message.lines().next().unwrap_or_default())),
        Outcome::TimedOut { bound } => Err(format!("the alerter was stopped: {bound}")),
        other => Err(format!("the alerter answered with {other:?}")),
    }
}

fn report(error: &ReadError) {
    if !matches!(error, ReadError::Closed) {
        tracing::error!(%error, "an alerter can no longer follow the journal");
    }
}
