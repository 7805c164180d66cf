//! How long processes waited for CPU time, memory, input and output, from `/proc/pressure/*`.

use vigie_plugin::{Families, Result};

use crate::text::{malformed, number};

const MICROSECONDS_PER_SECOND: f64 = 1e6;

/// A family of one resource's file: the line that it is read from, its name and help.
struct Share {
    line: &'static str,
    name: &'static str,
    help: &'static str,
}

/// A resource that has a file under `/proc/pressure`.
pub(crate) struct Resource {
    /// The file's path.
    pub(crate) path: &'static str,
    /// Whether every kernel with pressure support has it.
    pub(crate) always: bool,
    shares: &'static [Share],
}

/// For the CPU, `full` is not defined on the level of the machine; for interrupts, `some` is not.
pub(crate) const RESOURCES: [Resource; 4] = [
    Resource {
        path: "/proc/pressure/cpu",
        always: true,
        shares: &[Share {
            line: "some",
            name: "node_pressure_cpu_waiting_seconds_total",
            help: "Total time in seconds that processes have waited for CPU time",
        }],
    },
    Resource {
        path: "/proc/pressure/io",
        always: true,
        shares: &[
            Share {
                line: "some",
                name: "node_pressure_io_waiting_seconds_total",
                help: "Total time in seconds that processes have waited due to IO congestion",
            },
            Share {
                line: "full",
                name: "node_pressure_io_stalled_seconds_total",
                help: "Total time in seconds no process could make progress due to IO congestion",
            },
        ],
    },
    Resource {
        path: "/proc/pressure/memory",
        always: true,
        shares: &[
            Share {
                line: "some",
                name: "node_pressure_memory_waiting_seconds_total",
                help: "Total time in seconds that processes have waited for memory",
            },
            Share {
                line: "full",
                name: "node_pressure_memory_stalled_seconds_total",
                help: "Total time in seconds no process could make progress due to memory congestion",
            },
        ],
    },
    Resource {
        path: "/proc/pressure/irq",
        always: false,
        shares: &[Share {
            line: "full",
            name: "node_pressure_irq_stalled_seconds_total",
            help: "Total time in seconds no process could make progress due to IRQ congestion",
        }],
    },
];

/// Adds the families of one resource's file.
pub(crate) fn add(resource: &Resource, text: &str, families: &mut Families) -> Result<()> {
    for share in resource.shares {
        let line = text.lines().find(|line| line.split_ascii_whitespace().next() == Some(share.line));
        let line = line.ok_or_else(|| malformed(text, &format!("a line `{}` was expected", share.line)))?;
        let total = line.split_ascii_whitespace().find_map(|field| field.strip_prefix("total="));
        let total = total.ok_or_else(|| malformed(line, "`total=` was expected"))?;
        let seconds = number(total, line)? / MICROSECONDS_PER_SECOND;
        families.counter(share.name, share.help).unit("seconds").value(seconds);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str =
        "some avg10=0.37 avg60=1.03 avg300=0.59 total=7089802\nfull avg10=0.37 avg60=1.01 avg300=0.42 total=4798908\n";

    #[test]
    fn waiting_is_some_and_stalled_is_full() {
        let mut families = Families::new();
        for resource in &RESOURCES {
            add(resource, BOTH, &mut families).unwrap();
        }
        assert_eq!(families.find("node_pressure_cpu_waiting_seconds_total", &[]), Some(7.089_802));
        assert_eq!(families.find("node_pressure_io_stalled_seconds_total", &[]), Some(4.798_908));
        assert_eq!(families.find("node_pressure_irq_stalled_seconds_total", &[]), Some(4.798_908));
        assert_eq!(families.len(), 6);
    }

    #[test]
    fn a_line_that_is_missing_is_named() {
        let message = add(&RESOURCES[1], "some avg10=0 total=1\n", &mut Families::new()).unwrap_err().message;
        assert_eq!(message, "unexpected line `some avg10=0 total=1`: a line `full` was expected");
    }
}
