//! The load averages, from `/proc/loadavg`.

use vigie_plugin::{Families, Result};

use crate::text::{malformed, number};

/// The families of the text of `/proc/loadavg`.
pub(crate) fn families(loadavg: &str) -> Result<Families> {
    let fields: Vec<&str> = loadavg.split_ascii_whitespace().collect();
    let [one, five, fifteen, ..] = fields[..] else {
        return Err(malformed(loadavg, "three averages were expected"));
    };
    let mut families = Families::new();
    families.gauge("node_load1", "1m load average.").value(number(one, loadavg)?);
    families.gauge("node_load5", "5m load average.").value(number(five, loadavg)?);
    families.gauge("node_load15", "15m load average.").value(number(fifteen, loadavg)?);
    Ok(families)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_averages() {
        let families = families("0.27 0.89 0.86 2/170 15628\n").unwrap();
        assert_eq!(families.find("node_load1", &[]), Some(0.27));
        assert_eq!(families.find("node_load5", &[]), Some(0.89));
        assert_eq!(families.find("node_load15", &[]), Some(0.86));
    }

    #[test]
    fn two_averages_are_too_few() {
        let message = families("0.27 0.89").unwrap_err().message;
        assert_eq!(message, "unexpected line `0.27 0.89`: three averages were expected");
    }
}
