//! Seconds of each CPU by mode, from `/proc/stat`.

use std::collections::BTreeMap;

use vigie_plugin::{Families, Result};

use crate::text::{nothing, number};

/// The kernel counts in hundredths of a second towards user space, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// The columns of a `cpuN` line, of which the last two are part of the first two.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const COLUMNS: usize = MODES.len() + GUEST_MODES.len();
const IDLE: usize = 3;

/// Idle time that falls by more than this is a CPU that was taken away and came back; by less, the kernel's rounding.
const FALL_SECONDS_MAX: f64 = 3.0;

/// What was last told of each CPU: the kernel's idle and iowait fall back a little at times, which must not look like a
/// counter's reset.
#[derive(Debug, Default)]
pub(crate) struct Cpus {
    told: BTreeMap<String, [f64; COLUMNS]>,
}

impl Cpus {
    /// The families of the text of `/proc/stat`.
    pub(crate) fn families(&mut self, stat: &str) -> Result<Families> {
        let mut now = BTreeMap::new();
        for line in stat.lines() {
            if let Some((cpu, seconds)) = cpu_line(line)? {
                let seconds = self.told.get(&cpu).map_or(seconds, |told| never_falling(told, seconds));
                now.insert(cpu, seconds);
            }
        }
        if now.is_empty() {
            return Err(nothing("`cpu0` line"));
        }
        self.told = now;
        Ok(self.told_as_families())
    }

    fn told_as_families(&self) -> Families {
        let mut families = Families::new();
        let name = "node_cpu_seconds_total";
        let mut all = families.counter(name, "Seconds the CPUs spent in each mode.").unit("seconds").labels(["cpu", "mode"]);
        for (cpu, seconds) in &self.told {
            for (mode, seconds) in MODES.iter().zip(seconds) {
                all.point([cpu.as_str(), mode], *seconds);
            }
        }
        let name = "node_cpu_guest_seconds_total";
        let help = "Seconds the CPUs spent in guests (VMs) for each mode.";
        let mut guests = families.counter(name, help).unit("seconds").labels(["cpu", "mode"]);
        for (cpu, seconds) in &self.told {
            for (mode, seconds) in GUEST_MODES.iter().zip(&seconds[MODES.len()..]) {
                guests.point([cpu.as_str(), mode], *seconds);
            }
        }
        families
    }
}

/// The number of a CPU and its seconds; nothing for the sum over all and for other lines. Columns that an old kernel lacks
/// are 0.
fn cpu_line(line: &str) -> Result<Option<(String, [f64; COLUMNS])>> {
    let mut fields = line.split_ascii_whitespace();
    let Some(cpu) = fields.next().and_then(|name| name.strip_prefix("cpu")).filter(|cpu| !cpu.is_empty()) else {
        return Ok(None);
    };
    let mut seconds = [0.0; COLUMNS];
    for (column, field) in seconds.iter_mut().zip(fields) {
        *column = number(field, line)? / TICKS_PER_SECOND;
    }
    Ok(Some((cpu.to_owned(), seconds)))
}

fn never_falling(told: &[f64; COLUMNS], seconds: [f64; COLUMNS]) -> [f64; COLUMNS] {
    if told[IDLE] - seconds[IDLE] > FALL_SECONDS_MAX {
        return seconds;
    }
    std::array::from_fn(|column| seconds[column].max(told[column]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "\
cpu  300 0 150 2000 10 0 5 1 20 2
cpu0 100 0 50 1000 5 0 5 1 20 2
cpu1 200 0 100 1000 5 0 0 0 0 0
intr 12345 1 2 3
";

    #[test]
    fn each_cpu_has_its_seconds_by_mode_and_the_sum_is_left_out() {
        let families = Cpus::default().families(STAT).unwrap();
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "user"]), Some(1.0));
        assert_eq!(families.find("node_cpu_seconds_total", &["1", "idle"]), Some(10.0));
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "steal"]), Some(0.01));
        assert_eq!(families.find("node_cpu_guest_seconds_total", &["0", "user"]), Some(0.2));
        assert_eq!(families.find("node_cpu_guest_seconds_total", &["0", "nice"]), Some(0.02));
        assert_eq!(families.find("node_cpu_seconds_total", &["", "user"]), None);
    }

    #[test]
    fn an_old_kernels_shorter_lines_count_as_zero() {
        let families = Cpus::default().families("cpu0 100 0 50 1000\n").unwrap();
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "steal"]), Some(0.0));
    }

    #[test]
    fn a_small_fall_keeps_what_was_told() {
        let mut cpus = Cpus::default();
        cpus.families("cpu0 100 0 50 1000 50\n").unwrap();
        let families = cpus.families("cpu0 110 0 50 990 49\n").unwrap();
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "user"]), Some(1.1));
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "idle"]), Some(10.0));
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "iowait"]), Some(0.5));
    }

    #[test]
    fn a_cpu_that_was_taken_away_and_came_back_begins_again() {
        let mut cpus = Cpus::default();
        cpus.families("cpu0 100 0 50 1000\n").unwrap();
        let families = cpus.families("cpu0 1 0 1 10\n").unwrap();
        assert_eq!(families.find("node_cpu_seconds_total", &["0", "user"]), Some(0.01));
    }

    #[test]
    fn what_is_no_number_is_named() {
        let error = Cpus::default().families("cpu0 1 two 3\n").unwrap_err();
        assert_eq!(error.message, "unexpected line `cpu0 1 two 3`: `two` is no number");
        assert_eq!(Cpus::default().families("").unwrap_err().message, "no `cpu0` line in it");
    }
}
