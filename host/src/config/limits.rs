//! What one plugin may use at most.

use std::time::Duration;

use super::document::Section;
use super::duration;
use super::size::parse_size;

/// All bounds of one plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance, summed over its memories.
    pub memory_bytes_max: u64,
    /// CPU time of one call.
    pub cpu_per_call: Duration,
    /// Families that one call may yield.
    pub families_max: u64,
    /// Points that one call may yield.
    pub points_max: u64,
    /// Bytes that one call may yield.
    pub output_bytes_max: u64,
    /// Live series of the plugin, all targets together.
    pub series_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            cpu_per_call: Duration::from_millis(500),
            families_max: 10_000,
            points_max: 200_000,
            output_bytes_max: 32 << 20,
            series_max: 50_000,
        }
    }
}

impl Limits {
    /// Each bound, or the one of `most` where that is lower.
    #[must_use]
    pub fn at_most(&self, most: &Self) -> Self {
        Self {
            memory_bytes_max: self.memory_bytes_max.min(most.memory_bytes_max),
            cpu_per_call: self.cpu_per_call.min(most.cpu_per_call),
            families_max: self.families_max.min(most.families_max),
            points_max: self.points_max.min(most.points_max),
            output_bytes_max: self.output_bytes_max.min(most.output_bytes_max),
            series_max: self.series_max.min(most.series_max),
        }
    }
}

/// Bounds as far as somebody set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// `memory`.
    pub memory_bytes_max: Option<u64>,
    /// `cpu-per-call`.
    pub cpu_per_call: Option<Duration>,
    /// `families`.
    pub families_max: Option<u64>,
    /// `points`.
    pub points_max: Option<u64>,
    /// `bytes`.
    pub output_bytes_max: Option<u64>,
    /// `series`.
    pub series_max: Option<u64>,
}

/// A core Wasm page: less memory than one runs nothing.
const MEMORY_BYTES_MIN: u64 = 64 << 10;
/// 32-bit linear memory ends here.
const MEMORY_BYTES_MAX: u64 = 4 << 30;
const CPU_MIN: Duration = Duration::from_millis(1);
const CPU_MAX: Duration = Duration::from_secs(600);

impl LimitSettings {
    /// Reads a `limits` table.
    pub(super) fn read(section: &Section<'_, '_>) -> Self {
        let count = |key| section.get(key).and_then(|entry| entry.count());
        let memory = section.get("memory").and_then(|entry| entry.parsed(parse_memory));
        let settings = Self {
            memory_bytes_max: memory,
            cpu_per_call: section.get("cpu-per-call").and_then(|entry| duration::within(&entry, CPU_MIN, CPU_MAX)),
            families_max: count("families"),
            points_max: count("points"),
            output_bytes_max: section.get("bytes").and_then(|entry| entry.parsed(parse_size)),
            series_max: count("series"),
        };
        section.finish();
        settings
    }

    /// These where they are set, else `below`.
    #[must_use]
    pub fn over(&self, below: &Limits) -> Limits {
        Limits {
            memory_bytes_max: self.memory_bytes_max.unwrap_or(below.memory_bytes_max),
            cpu_per_call: self.cpu_per_call.unwrap_or(below.cpu_per_call),
            families_max: self.families_max.unwrap_or(below.families_max),
            points_max: self.points_max.unwrap_or(below.points_max),
            output_bytes_max: self.output_bytes_max.unwrap_or(below.output_bytes_max),
            series_max: self.series_max.unwrap_or(below.series_max),
        }
    }
}

fn parse_memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text)?;
    let fits = (MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&bytes);
    fits.then_some(bytes).ok_or_else(|| format!("`{text}` is out of range, write a size from `64KiB` to `4GiB`"))
}
