//! What the host has stored, in PromQL. Request it as `metrics("why")`.

use super::backend::metrics as backend;
use crate::error::{Result, from_wire};
use crate::types::{Series, TimestampMs};

/// The expression's series at the call's time, one sample each.
pub fn query(expression: &str) -> Result<Vec<Series>> {
    backend::query(expression).map_err(from_wire)
}

/// The expression's series from `start` to `end` (Unix milliseconds), one sample every `step_ms`.
pub fn query_range(expression: &str, start: TimestampMs, end: TimestampMs, step_ms: f64) -> Result<Vec<Series>> {
    backend::query_range(expression, start, end, step_ms).map_err(from_wire)
}
