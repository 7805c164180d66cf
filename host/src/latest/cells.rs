//! One cell a series, by id.

use crate::latest::LOOKBACK;
use crate::model::{PluginName, SeriesId, TargetName, Timestamp};

/// What is known of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It was never seen, or is forgotten.
    Absent,
    /// It ended; the index still lists it.
    Ended,
    /// It has not ended.
    Live,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    time: Timestamp,
    value: f64,
    source: u32,
    state: State,
}

const EMPTY: Cell = Cell { time: Timestamp(i64::MIN), value: 0.0, source: 0, state: State::Absent };

#[derive(Debug)]
struct Source {
    plugin: PluginName,
    target: Option<TargetName>,
    live: usize,
}

/// A series as a snapshot holds it: id, time, value and source.
pub(super) type Kept = (SeriesId, Timestamp, f64, u32);

/// The cells of all series, and who wrote them.
#[derive(Debug, Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    sources: Vec<Source>,
}

impl Cells {
    /// The number of a source. There are as many as configured targets: a walk is enough.
    pub(super) fn source(&mut self, plugin: &PluginName, target: Option<&TargetName>) -> u32 {
        let known = self.sources.iter().position(|source| source.plugin == *plugin && source.target.as_ref() == target);
        let at = known.unwrap_or_else(|| {
            self.sources.push(Source { plugin: plugin.clone(), target: target.cloned(), live: 0 });
            self.sources.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    pub(super) fn is_indexed(&self, id: SeriesId) -> bool {
        self.state(id) != State::Absent
    }

    pub(super) fn is_live(&self, id: SeriesId) -> bool {
        self.state(id) == State::Live
    }

    fn state(&self, id: SeriesId) -> State {
        self.cells.get(id.index()).map_or(State::Absent, |cell| cell.state)
    }

    /// Takes a sample. Of a live series the newest counts, late ones do not; but a time beyond `at`, the frame's, is only worth
    /// something until the next sample comes, else a clock that was wrong once would hide what is true now.
    pub(super) fn put(&mut self, id: SeriesId, source: u32, at: Timestamp, (time, value): (Timestamp, f64)) {
        if self.cells.len() <= id.index() {
            self.cells.resize(id.index() + 1, EMPTY);
        }
        let cell = &mut self.cells[id.index()];
        let live = cell.state == State::Live;
        if live {
            self.sources[cell.source as usize].live -= 1;
        }
        self.sources[source as usize].live += 1;
        let counts = !live || time >= cell.time || cell.time > at;
        let (time, value) = if counts { (time, value) } else { (cell.time, cell.value) };
        *cell = Cell { time, value, source, state: State::Live };
    }

    /// Ends a series; whether it lived.
    pub(super) fn end(&mut self, id: SeriesId) -> bool {
        let Some(cell) = self.cells.get_mut(id.index()).filter(|cell| cell.state == State::Live) else { return false };
        cell.state = State::Ended;
        self.sources[cell.source as usize].live -= 1;
        true
    }

    /// Whether the index goes on listing a series; if not, it is forgotten here too.
    pub(super) fn keep(&mut self, id: SeriesId) -> bool {
        let live = self.is_live(id);
        if let Some(cell) = self.cells.get_mut(id.index()).filter(|_| !live) {
            *cell = EMPTY;
        }
        live
    }

    /// The latest sample of a series that has not ended and is not too old.
    pub(super) fn live(&self, id: SeriesId, now: Timestamp) -> Option<(Timestamp, f64)> {
        let cell = self.cells.get(id.index()).filter(|cell| cell.state == State::Live)?;
        (now.since(cell.time) <= LOOKBACK).then_some((cell.time, cell.value))
    }

    pub(super) fn live_of(&self, plugin: &PluginName, target: Option<&TargetName>) -> Vec<SeriesId> {
        let known = self.sources.iter().position(|source| source.plugin == *plugin && source.target.as_ref() == target);
        let Some(source) = known.and_then(|at| u32::try_from(at).ok()) else { return Vec::new() };
        let cells = (0..).zip(&self.cells).filter(|(_, cell)| cell.state == State::Live && cell.source == source);
        cells.map(|(id, _)| SeriesId(id)).collect()
    }

    pub(super) fn live_count(&self, plugin: &PluginName) -> usize {
        self.sources.iter().filter(|source| source.plugin == *plugin).map(|source| source.live).sum()
    }

    pub(super) fn kept(&self) -> Vec<Kept> {
        let live = (0..).zip(&self.cells).filter(|(_, cell)| cell.state == State::Live);
        live.map(|(id, cell)| (SeriesId(id), cell.time, cell.value, cell.source)).collect()
    }

    pub(super) fn source_names(&self) -> Vec<(PluginName, Option<TargetName>)> {
        self.sources.iter().map(|source| (source.plugin.clone(), source.target.clone())).collect()
    }
}
