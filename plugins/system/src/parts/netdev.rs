//! Bytes, packets and errors of network devices, from `/proc/net/dev`.

use regex_lite::Regex;
use vigie_plugin::{Families, Result};

use crate::text::{malformed, nothing, number};

/// In the order of the columns.
const FIGURES: [&str; 16] = [
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
];
const HEADER_LINES: usize = 2;

/// The families of the text of `/proc/net/dev`.
pub(crate) fn families(netdev: &str, excluded: Option<&Regex>) -> Result<Families> {
    let devices = devices(netdev, excluded)?;
    let mut families = Families::new();
    for (column, figure) in FIGURES.iter().enumerate() {
        let help = format!("Network device statistic {figure}.");
        let unit = if figure.ends_with("_bytes") { "bytes" } else { "" };
        let mut family = families.counter(&format!("node_network_{figure}_total"), &help).unit(unit).labels(["device"]);
        for (device, values) in &devices {
            family.point([*device], values[column]);
        }
    }
    Ok(families)
}

fn devices<'a>(netdev: &'a str, excluded: Option<&Regex>) -> Result<Vec<(&'a str, Vec<f64>)>> {
    if netdev.lines().count() < HEADER_LINES {
        return Err(nothing("header"));
    }
    let mut devices = Vec::new();
    for line in netdev.lines().skip(HEADER_LINES) {
        // A name may hold colons (aliases), figures do not.
        let (name, rest) = line.rsplit_once(':').ok_or_else(|| malformed(line, "`name:` was expected"))?;
        let values = rest.split_ascii_whitespace().map(|field| number(field, line)).collect::<Result<Vec<_>>>()?;
        if values.len() < FIGURES.len() {
            return Err(malformed(line, &format!("{} columns were expected", FIGURES.len())));
        }
        let name = name.trim();
        if !excluded.is_some_and(|excluded| excluded.is_match(name)) {
            devices.push((name, values));
        }
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETDEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:   45246      57    0    0    0     0          0         0    45246      57    0    0    0     0       0          0
eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
";

    #[test]
    fn columns_become_counters_by_device() {
        let families = families(NETDEV, None).unwrap();
        assert_eq!(families.find("node_network_receive_bytes_total", &["lo"]), Some(45_246.0));
        assert_eq!(families.find("node_network_receive_multicast_total", &["eth0:1"]), Some(8.0));
        assert_eq!(families.find("node_network_transmit_bytes_total", &["eth0:1"]), Some(9.0));
        assert_eq!(families.find("node_network_transmit_compressed_total", &["eth0:1"]), Some(16.0));
        assert_eq!(families.named("node_network_receive_bytes_total").unwrap().help, "Network device statistic receive_bytes.");
    }

    #[test]
    fn an_excluded_device_is_left_out() {
        let families = families(NETDEV, Some(&Regex::new("^lo$").unwrap())).unwrap();
        assert_eq!(families.find("node_network_receive_bytes_total", &["lo"]), None);
        assert!(families.find("node_network_receive_bytes_total", &["eth0:1"]).is_some());
    }

    #[test]
    fn a_line_cut_short_is_named() {
        let message = families("a\nb\n lo: 1 2\n", None).unwrap_err().message;
        assert_eq!(message, "unexpected line ` lo: 1 2`: 16 columns were expected");
    }
}
