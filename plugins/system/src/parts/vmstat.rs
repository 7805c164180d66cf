//! The kernel's memory management counters, from `/proc/vmstat`: those whose names the configuration selects.

use regex_lite::Regex;
use vigie_plugin::{Families, Result};

use crate::text::{nothing, number};

/// The families of the text of `/proc/vmstat`.
pub(crate) fn families(vmstat: &str, wanted: &Regex) -> Result<Families> {
    let mut families = Families::new();
    for line in vmstat.lines() {
        let Some((name, value)) = line.split_once(' ') else { continue };
        if wanted.is_match(name) {
            let help = format!("/proc/vmstat information field {name}.");
            families.unknown(&format!("node_vmstat_{name}"), &help).value(number(value.trim(), line)?);
        }
    }
    if vmstat.trim().is_empty() { Err(nothing("field")) } else { Ok(families) }
}

/// The value of a field.
pub(crate) fn field(vmstat: &str, field: &str) -> Option<f64> {
    vmstat.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::VMSTAT_FIELDS;

    #[test]
    fn the_default_fields_are_paging_swapping_faults_and_kills() {
        let wanted = Regex::new(VMSTAT_FIELDS).unwrap();
        let text =
            "nr_free_pages 1\npgpgin 2\npswpout 3\npgfault 4\npgmajfault 5\npgalloc_dma 6\noom_kill 7\nthp_fault_alloc 8\n";
        let families = families(text, &wanted).unwrap();
        let names: Vec<_> = families.as_slice().iter().map(|family| family.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "node_vmstat_pgpgin",
                "node_vmstat_pswpout",
                "node_vmstat_pgfault",
                "node_vmstat_pgmajfault",
                "node_vmstat_oom_kill"
            ]
        );
        assert_eq!(families.find("node_vmstat_pgmajfault", &[]), Some(5.0));
    }

    #[test]
    fn a_field_by_its_whole_name() {
        assert_eq!(field("nr_free_pages_blocks 1\nnr_free_pages 42\n", "nr_free_pages"), Some(42.0));
    }
}
