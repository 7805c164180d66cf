//! What the operating system says of this process, under the names that Prometheus' libraries use.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::exposition::own::{OwnFamily, counter, gauge};
use crate::model::Timestamp;

/// The families `process_*`; without those that this system does not tell.
pub(super) fn families(started: Timestamp) -> Vec<OwnFamily> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |field: &str| status_kib(&status, field).map(|kib| kib * 1024.0);
    #[expect(clippy::cast_precision_loss, reason = "a count of files")]
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as f64);
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53, or infinite")]
    let open_max = getrlimit(Resource::Nofile).current.map_or(f64::INFINITY, |limit| limit as f64);
    [
        Some(counter("process_cpu_seconds_total", "seconds", "CPU time of the host, its plugins included.", cpu_seconds())),
        kib("VmRSS").map(|bytes| gauge("process_resident_memory_bytes", "bytes", "Memory of the host that is in RAM.", bytes)),
        kib("VmSize").map(|bytes| gauge("process_virtual_memory_bytes", "bytes", "Address space of the host.", bytes)),
        open.map(|open| gauge("process_open_fds", "", "Open file descriptors of the host.", open)),
        Some(gauge("process_max_fds", "", "File descriptors that the host may open.", open_max)),
        Some(gauge(
            "process_start_time_seconds",
            "seconds",
            "When the host was started, in Unix time.",
            started.as_f64() / 1000.0,
        )),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ns")]
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A field of `/proc/self/status`: a name, a colon, blanks, a number, `kB`.
fn status_kib(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_status_are_read() {
        let status = "Name:\tvigie\nVmPeak:\t  200 kB\nVmRSS:\t  1234 kB\n";
        assert_eq!(status_kib(status, "VmRSS"), Some(1234.0));
        assert_eq!((status_kib(status, "VmSize"), status_kib(status, "Name")), (None, None));
    }
}
