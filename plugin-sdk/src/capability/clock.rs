//! What time it is. In `evaluate` the host lets the clock show the evaluation's time.

use crate::types::TimestampMs;

/// The wall clock, in Unix milliseconds.
#[cfg(target_arch = "wasm32")]
pub fn now() -> TimestampMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| (since.as_secs_f64() * 1e3).floor())
}

/// The test's clock, in Unix milliseconds.
#[cfg(not(target_arch = "wasm32"))]
pub fn now() -> TimestampMs {
    crate::testing::backend::now()
}
