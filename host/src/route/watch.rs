//! What one alerter watches: its rules' selectors, the series that they mean, and those series' recent samples.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::edge::SeriesRegistry;
use crate::event::{Collected, Event};
use crate::latest::LOOKBACK;
use crate::model::{Labels, Offset, Rule, Selector, SelectorError, SeriesDefinition, SeriesId, Timestamp};
use crate::route::ring::{Point, Ring};

/// The longest window that a selector may ask for; the store will serve longer ones.
pub const WINDOW_MAX: Duration = Duration::from_secs(3600);

/// Where the labels of a series id are known.
pub trait Definitions {
    /// The definition of a series, if there is one.
    fn definition(&self, id: SeriesId) -> Option<SeriesDefinition>;
}

impl Definitions for SeriesRegistry {
    fn definition(&self, id: SeriesId) -> Option<SeriesDefinition> {
        Self::definition(self, id)
    }
}

/// What a rule cannot be watched for.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// A selector is none.
    #[error("rule `{rule}`: {source}")]
    Selector {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        source: SelectorError,
    },
    /// A window is longer than what is kept.
    #[error("rule `{rule}`: selector `{selector}` asks for more than 1h, the longest window that is kept")]
    Window {
        /// The rule.
        rule: String,
        /// The selector.
        selector: String,
    },
}

/// A series that some selector means.
#[derive(Debug)]
pub struct WatchedSeries {
    /// Its labels, `__name__` among them.
    pub labels: Labels,
    /// Its recent samples.
    pub ring: Ring,
    window: Duration,
    ended: bool,
}

impl WatchedSeries {
    /// Whether it is in an input at `now`: not ended, and with a sample within the lookback.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.ended && self.ring.newest().is_some_and(|newest| now.since(newest.time) <= LOOKBACK)
    }
}

/// One selector with the series that it means, in order of id.
#[derive(Debug)]
struct Watch {
    selector: Selector,
    series: Vec<SeriesId>,
}

/// What is known about a series id: not looked at yet, of no interest, or watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Interest {
    #[default]
    Unseen,
    None,
    Watched,
}

/// One rule with the places of its selectors.
#[derive(Debug)]
pub struct WatchedRule {
    /// As the alerter declared it.
    pub rule: Arc<Rule>,
    /// Up to where its evaluations have seen the journal.
    pub seen: Offset,
    selectors: Vec<usize>,
    /// Whether a series of a selector has had a sample, or ended, since the last evaluation.
    pub touched: bool,
}

/// The selectors, series and rings of one alerter.
#[derive(Debug)]
pub struct WatchSet {
    rules: Vec<WatchedRule>,
    watches: Vec<Watch>,
    interests: Vec<Interest>,
    series: BTreeMap<SeriesId, WatchedSeries>,
}

impl WatchSet {
    /// Watches for these rules, of which nothing up to `seen` is new.
    ///
    /// # Errors
    /// A rule whose selector is none, or asks for a longer window than is kept.
    pub fn new(rules: &[Rule], seen: Offset) -> Result<Self, WatchError> {
        let mut set = Self { rules: Vec::new(), watches: Vec::new(), interests: Vec::new(), series: BTreeMap::new() };
        for rule in rules {
            let mut places = Vec::with_capacity(rule.selectors.len());
            for text in &rule.selectors {
                places.push(set.place(&rule.name, text)?);
            }
            set.rules.push(WatchedRule { rule: Arc::new(rule.clone()), seen, selectors: places, touched: true });
        }
        Ok(set)
    }

    fn place(&mut self, rule: &str, text: &str) -> Result<usize, WatchError> {
        let selector = Selector::parse(text).map_err(|source| WatchError::Selector { rule: rule.into(), source })?;
        if selector.window().is_some_and(|window| window > WINDOW_MAX) {
            return Err(WatchError::Window { rule: rule.into(), selector: text.into() });
        }
        if let Some(at) = self.watches.iter().position(|watch| watch.selector == selector) {
            return Ok(at);
        }
        self.watches.push(Watch { selector, series: Vec::new() });
        Ok(self.watches.len() - 1)
    }

    /// The rules in the order in which they are evaluated.
    #[must_use]
    pub fn rules(&self) -> &[WatchedRule] {
        &self.rules
    }

    /// One rule, to note what it has seen.
    pub fn rule_mut(&mut self, at: usize) -> Option<&mut WatchedRule> {
        self.rules.get_mut(at)
    }

    /// The longest window of all selectors: how far back to read after a restart.
    #[must_use]
    pub fn longest_window(&self) -> Duration {
        self.watches.iter().filter_map(|watch| watch.selector.window()).max().unwrap_or(LOOKBACK).max(LOOKBACK)
    }

    /// Takes what one event brings; returns whether a watched series was touched.
    pub fn apply(&mut self, offset: Offset, event: &Event, definitions: &impl Definitions) -> bool {
        let Event::SamplesCollected(collected) = event else { return false };
        let touched = self.take_samples(offset, collected, definitions) | self.take_ends(collected);
        if touched {
            self.touch(collected);
        }
        touched
    }

    fn take_samples(&mut self, offset: Offset, collected: &Collected, definitions: &impl Definitions) -> bool {
        let seen = self.rules.iter().map(|rule| rule.seen).min().unwrap_or_default();
        let mut touched = false;
        for (id, time, value) in collected.samples.iter() {
            if self.interest(id, definitions) != Interest::Watched {
                continue;
            }
            if let Some(series) = self.series.get_mut(&id) {
                series.ended = false;
                series.ring.push(Point { offset, time, value });
                series.ring.prune(series.window, seen);
                touched = true;
            }
        }
        touched
    }

    fn take_ends(&mut self, collected: &Collected) -> bool {
        let mut touched = false;
        for id in &collected.ended {
            if let Some(series) = self.series.get_mut(id) {
                series.ended = true;
                touched = true;
            }
        }
        touched
    }

    /// Marks the rules whose selectors mean a series of this batch.
    fn touch(&mut self, collected: &Collected) {
        let Self { rules, watches, .. } = self;
        let touched: Vec<bool> = watches
            .iter()
            .map(|watch| collected.samples.ids.iter().chain(&collected.ended).any(|id| watch.series.binary_search(id).is_ok()))
            .collect();
        for rule in rules {
            rule.touched |= rule.selectors.iter().any(|at| touched[*at]);
        }
    }

    /// Matches a series the first time that it is met; after that it costs one look-up.
    fn interest(&mut self, id: SeriesId, definitions: &impl Definitions) -> Interest {
        if self.interests.len() <= id.index() {
            self.interests.resize(id.index() + 1, Interest::Unseen);
        }
        if self.interests[id.index()] == Interest::Unseen {
            self.interests[id.index()] = self.meet(id, definitions);
        }
        self.interests[id.index()]
    }

    fn meet(&mut self, id: SeriesId, definitions: &impl Definitions) -> Interest {
        let Some(definition) = definitions.definition(id) else { return Interest::Unseen };
        let mut window = None;
        for watch in &mut self.watches {
            if watch.selector.matches(&definition.labels) {
                let at = watch.series.partition_point(|held| *held < id);
                watch.series.insert(at, id);
                window = window.max(Some(watch.selector.window().unwrap_or_default()));
            }
        }
        let Some(window) = window else { return Interest::None };
        self.series.insert(id, WatchedSeries { labels: definition.labels, ring: Ring::default(), window, ended: false });
        Interest::Watched
    }

    /// How many series a rule's selectors mean, live or not.
    #[must_use]
    pub fn series_count(&self, rule: &WatchedRule) -> usize {
        rule.selectors.iter().map(|place| self.watches[*place].series.len()).sum()
    }

    /// Each selector of a rule, as written, with its window and its live series.
    pub fn inputs(&self, rule: &WatchedRule, now: Timestamp) -> impl Iterator<Item = RuleSelector<'_>> {
        let texts = Arc::clone(&rule.rule);
        rule.selectors.iter().enumerate().map(move |(at, place)| {
            let watch = &self.watches[*place];
            let series =
                watch.series.iter().filter_map(|id| self.series.get(id)).filter(|series| series.is_live(now)).collect();
            RuleSelector { text: texts.selectors[at].clone(), window: watch.selector.window(), series }
        })
    }
}

/// One selector of a rule at one time.
#[derive(Debug)]
pub struct RuleSelector<'a> {
    /// As the alerter wrote it.
    pub text: String,
    /// How far back it reaches; `None`: what is new, and the newest.
    pub window: Option<Duration>,
    /// The live series that it means.
    pub series: Vec<&'a WatchedSeries>,
}
