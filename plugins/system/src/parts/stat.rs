//! What `/proc/stat` counts beside CPU time: interrupts, context switches, forks, processes, and when the machine booted.

use vigie_plugin::{Families, Result};

use crate::text::{nothing, number};

/// The families of the text of `/proc/stat`. A line that a kernel lacks costs only its own family.
pub(crate) fn families(stat: &str) -> Result<Families> {
    let mut families = Families::new();
    for line in stat.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(key), Some(first)) = (fields.next(), fields.next()) else { continue };
        let family = match key {
            "intr" => families.counter("node_intr_total", "Total number of interrupts serviced."),
            "ctxt" => families.counter("node_context_switches_total", "Total number of context switches."),
            "processes" => families.counter("node_forks_total", "Total number of forks."),
            "btime" => families.gauge("node_boot_time_seconds", "Node boot time, in unixtime.").unit("seconds"),
            "procs_running" => families.gauge("node_procs_running", "Number of processes in runnable state."),
            "procs_blocked" => families.gauge("node_procs_blocked", "Number of processes blocked waiting for I/O to complete."),
            _ => continue,
        };
        family.value(number(first, line)?);
    }
    if families.is_empty() { Err(nothing("counter")) } else { Ok(families) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_becomes_its_family() {
        let stat =
            "cpu  1 2 3\nintr 569441 0 9 3\nctxt 537795\nbtime 1795380362\nprocesses 15628\nprocs_running 2\nprocs_blocked 0\n";
        let families = families(stat).unwrap();
        assert_eq!(families.find("node_intr_total", &[]), Some(569_441.0));
        assert_eq!(families.find("node_context_switches_total", &[]), Some(537_795.0));
        assert_eq!(families.find("node_boot_time_seconds", &[]), Some(1_795_380_362.0));
        assert_eq!(families.find("node_forks_total", &[]), Some(15_628.0));
        assert_eq!(families.find("node_procs_running", &[]), Some(2.0));
        assert_eq!(families.find("node_procs_blocked", &[]), Some(0.0));
        assert_eq!(families.len(), 6);
    }

    #[test]
    fn an_empty_file_is_an_error() {
        assert_eq!(families("").unwrap_err().message, "no counter in it");
    }
}
