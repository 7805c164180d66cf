//! Forgetting what a source no longer needs, so that a plugin whose labels change all the time costs what it uses now.

use super::source::Source;

/// What is kept beyond twice the need, so that small sources never compact.
const SLACK: usize = 1024;

impl Source {
    /// Keeps the series that are live and the families and points that the last batch used, where much more has gathered.
    pub(super) fn compact(&mut self) {
        let much = |has: usize, needs: usize| has > needs.saturating_mul(2) + SLACK;
        let many_points = much(self.cache.points(), self.slots.len());
        if !much(self.slots.len(), self.live.len()) && !many_points && !much(self.cache.families(), self.families_used) {
            return;
        }
        let moved = self.slots.retain(|slot| slot.live);
        self.cache.retain(self.batch, &moved);
        self.live = self.live.iter().filter_map(|at| moved.get(*at as usize).copied().flatten()).collect();
        self.locals.clear();
    }
}
