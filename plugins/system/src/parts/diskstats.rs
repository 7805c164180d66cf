//! Input and output of block devices, from `/proc/diskstats`.

use regex_lite::Regex;
use vigie_plugin::{Families, Result};

use crate::text::{malformed, number};

/// The kernel counts sectors of this size in `/proc/diskstats`, whatever the device's own are.
const SECTOR_BYTES: f64 = 512.0;
const MILLISECOND: f64 = 1e-3;

/// Columns before the first figure: major, minor, name.
const KEYS: usize = 3;
/// Figures that every kernel has; discards came with 4.18, flushes with 5.5.
const FIGURES_MIN: usize = 11;

struct Figure {
    name: &'static str,
    help: &'static str,
    unit: &'static str,
    factor: f64,
}

const fn count(name: &'static str, help: &'static str) -> Figure {
    Figure { name, help, unit: "", factor: 1.0 }
}

const fn seconds(name: &'static str, help: &'static str) -> Figure {
    Figure { name, help, unit: "seconds", factor: MILLISECOND }
}

const fn bytes(name: &'static str, help: &'static str) -> Figure {
    Figure { name, help, unit: "bytes", factor: SECTOR_BYTES }
}

/// The column of what is in progress, the only one that falls.
const IN_PROGRESS: usize = 8;

/// In the order of the columns.
const FIGURES: [Figure; 17] = [
    count("node_disk_reads_completed_total", "The total number of reads completed successfully."),
    count("node_disk_reads_merged_total", "The total number of reads merged."),
    bytes("node_disk_read_bytes_total", "The total number of bytes read successfully."),
    seconds("node_disk_read_time_seconds_total", "The total number of seconds spent by all reads."),
    count("node_disk_writes_completed_total", "The total number of writes completed successfully."),
    count("node_disk_writes_merged_total", "The number of writes merged."),
    bytes("node_disk_written_bytes_total", "The total number of bytes written successfully."),
    seconds("node_disk_write_time_seconds_total", "This is the total number of seconds spent by all writes."),
    count("node_disk_io_now", "The number of I/Os currently in progress."),
    seconds("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os."),
    seconds("node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os."),
    count("node_disk_discards_completed_total", "The total number of discards completed successfully."),
    count("node_disk_discards_merged_total", "The total number of discards merged."),
    count("node_disk_discarded_sectors_total", "The total number of sectors discarded successfully."),
    seconds("node_disk_discard_time_seconds_total", "This is the total number of seconds spent by all discards."),
    count("node_disk_flush_requests_total", "The total number of flush requests completed successfully"),
    seconds("node_disk_flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests."),
];

struct Device<'a> {
    major: &'a str,
    minor: &'a str,
    name: &'a str,
    figures: Vec<f64>,
}

/// The families of the text of `/proc/diskstats`. No device is no error: a container may have none.
pub(crate) fn families(diskstats: &str, excluded: &Regex) -> Result<Families> {
    let devices = devices(diskstats, excluded)?;
    let mut families = Families::new();
    let mut info = families.gauge("node_disk_info", "Info of /sys/block/<block_device>.").labels(["device", "major", "minor"]);
    for device in &devices {
        info.point([device.name, device.major, device.minor], 1.0);
    }
    for (column, figure) in FIGURES.iter().enumerate() {
        let family = match column {
            IN_PROGRESS => families.gauge(figure.name, figure.help),
            _ => families.counter(figure.name, figure.help),
        };
        let mut family = family.unit(figure.unit).labels(["device"]);
        for device in &devices {
            if let Some(value) = device.figures.get(column) {
                family.point([device.name], value * figure.factor);
            }
        }
    }
    Ok(families)
}

fn devices<'a>(diskstats: &'a str, excluded: &Regex) -> Result<Vec<Device<'a>>> {
    let mut devices = Vec::new();
    for line in diskstats.lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.len() < KEYS + FIGURES_MIN {
            return Err(malformed(line, &format!("at least {} columns were expected", KEYS + FIGURES_MIN)));
        }
        if !excluded.is_match(fields[2]) {
            let figures = fields[KEYS..].iter().map(|field| number(field, line)).collect::<Result<_>>()?;
            devices.push(Device { major: fields[0], minor: fields[1], name: fields[2], figures });
        }
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DISKSTATS_DEVICES_EXCLUDED;

    const DISKSTATS: &str = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 73322 9421 5144074 27262 16994 71928 25314264 120395 3 14136 148359 5076 7 429952 671 766 30
 254       1 vda1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
   8      16 sdb 10 2 16 500 20 4 32 1500 0 2000 2500
";

    fn read() -> Families {
        families(DISKSTATS, &Regex::new(DISKSTATS_DEVICES_EXCLUDED).unwrap()).unwrap()
    }

    #[test]
    fn sectors_become_bytes_and_milliseconds_seconds() {
        let families = read();
        assert_eq!(families.find("node_disk_reads_completed_total", &["vda"]), Some(73_322.0));
        assert_eq!(families.find("node_disk_read_bytes_total", &["vda"]), Some(5_144_074.0 * 512.0));
        assert_eq!(families.find("node_disk_write_time_seconds_total", &["sdb"]), Some(1.5));
        assert_eq!(families.find("node_disk_discarded_sectors_total", &["vda"]), Some(429_952.0));
        assert_eq!(families.find("node_disk_flush_requests_time_seconds_total", &["vda"]), Some(0.03));
        assert_eq!(families.find("node_disk_info", &["sdb", "8", "16"]), Some(1.0));
    }

    #[test]
    fn what_is_in_progress_is_the_only_gauge_of_the_figures() {
        use vigie_plugin::Kind;
        let families = read();
        let gauges: Vec<_> =
            families.as_slice().iter().filter(|family| family.kind == Kind::Gauge).map(|family| family.name.as_str()).collect();
        assert_eq!(gauges, ["node_disk_info", "node_disk_io_now"]);
        assert_eq!(families.find("node_disk_io_now", &["vda"]), Some(3.0));
    }

    #[test]
    fn an_older_kernels_device_lacks_the_newer_figures() {
        assert_eq!(read().find("node_disk_discards_completed_total", &["sdb"]), None);
    }

    #[test]
    fn partitions_and_loops_are_left_out_by_default() {
        let families = read();
        assert_eq!(families.find("node_disk_io_now", &["loop0"]), None);
        assert_eq!(families.find("node_disk_io_now", &["vda1"]), None);
    }

    #[test]
    fn a_line_cut_short_is_named() {
        let message = families("8 0 sda 1 2\n", &Regex::new("^$").unwrap()).unwrap_err().message;
        assert_eq!(message, "unexpected line `8 0 sda 1 2`: at least 14 columns were expected");
    }
}
