//! Durations within bounds.

use std::time::Duration;

use crate::model::time::{format_duration, parse_duration};

use super::document::Entry;

/// The shortest interval of a schedule: below it, the host would mostly measure itself.
pub(super) const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// The longest interval of a schedule.
pub(super) const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);

/// The setting as a duration from `min` to `max`.
pub(super) fn within(entry: &Entry<'_, '_>, min: Duration, max: Duration) -> Option<Duration> {
    entry.parsed(|text| {
        let duration = parse_duration(text)?;
        let fits = (min..=max).contains(&duration);
        let bounds = || format!("write a duration from `{}` to `{}`", format_duration(min), format_duration(max));
        fits.then_some(duration).ok_or_else(|| format!("`{text}` is out of range, {}", bounds()))
    })
}

/// The setting as the interval or timeout of a schedule.
pub(super) fn scheduled(entry: &Entry<'_, '_>) -> Option<Duration> {
    within(entry, INTERVAL_MIN, INTERVAL_MAX)
}
