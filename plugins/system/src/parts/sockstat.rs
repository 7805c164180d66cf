//! Sockets in use by protocol, from `/proc/net/sockstat` and `/proc/net/sockstat6`.

use vigie_plugin::{Families, Result};

use crate::text::{malformed, nothing, number};

/// What the kernel's pages may be, in KiB, on the architectures there are.
const PAGE_KIB: [f64; 3] = [4.0, 16.0, 64.0];
/// The counts of one moment and of the next differ; pages of other sizes differ by a factor of four.
const PAGE_TOLERANCE: f64 = 1.5;

/// Adds the families of one text. `page_bytes` is what the kernel counts socket memory in.
pub(crate) fn add(text: &str, page_bytes: f64, families: &mut Families) -> Result<()> {
    if text.trim().is_empty() {
        return Err(nothing("protocol"));
    }
    for line in text.lines() {
        let (protocol, rest) = line.split_once(':').ok_or_else(|| malformed(line, "`protocol:` was expected"))?;
        let mut fields = rest.split_ascii_whitespace();
        while let (Some(state), Some(figure)) = (fields.next(), fields.next()) {
            let value = number(figure, line)?;
            let name = format!("node_sockstat_{protocol}_{state}");
            if protocol == "sockets" {
                families.gauge(&name, "Number of IPv4 sockets in use.").value(value);
                continue;
            }
            families.gauge(&name, &format!("Number of {protocol} sockets in state {state}.")).value(value);
            if state == "mem" {
                let help = format!("Number of {protocol} sockets in state mem_bytes.");
                families.gauge(&format!("{name}_bytes"), &help).unit("bytes").value(value * page_bytes);
            }
        }
    }
    Ok(())
}

/// The size of a page in bytes: what the same memory is in KiB (`/proc/meminfo`) and in pages (`/proc/vmstat`). 4096 where
/// the two do not tell, as where a container's view of memory is not the kernel's.
pub(crate) fn page_bytes(free_kib: Option<f64>, free_pages: Option<f64>) -> f64 {
    let ratio = free_kib.zip(free_pages).map_or(f64::NAN, |(kib, pages)| kib / pages);
    let fits = |page: &&f64| ratio < **page * PAGE_TOLERANCE && ratio > **page / PAGE_TOLERANCE;
    PAGE_KIB.iter().find(fits).unwrap_or(&PAGE_KIB[0]) * 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_each_protocol_is_a_gauge() {
        let mut families = Families::new();
        add("sockets: used 22\nTCP: inuse 4 orphan 0 tw 2 alloc 5 mem 116\nFRAG: inuse 0 memory 0\n", 4096.0, &mut families)
            .unwrap();
        add("TCP6: inuse 7\n", 4096.0, &mut families).unwrap();
        assert_eq!(families.find("node_sockstat_sockets_used", &[]), Some(22.0));
        assert_eq!(families.find("node_sockstat_TCP_alloc", &[]), Some(5.0));
        assert_eq!(families.find("node_sockstat_TCP_mem", &[]), Some(116.0));
        assert_eq!(families.find("node_sockstat_TCP_mem_bytes", &[]), Some(475_136.0));
        assert_eq!(families.find("node_sockstat_FRAG_memory", &[]), Some(0.0));
        assert_eq!(families.find("node_sockstat_TCP6_inuse", &[]), Some(7.0));
        assert_eq!(families.named("node_sockstat_TCP_tw").unwrap().help, "Number of TCP sockets in state tw.");
    }

    #[test]
    fn the_page_size_follows_from_free_memory_told_twice() {
        assert_eq!(page_bytes(Some(4_000_000.0), Some(1_010_000.0)), 4096.0);
        assert_eq!(page_bytes(Some(16_000_000.0), Some(990_000.0)), 16_384.0);
        assert_eq!(page_bytes(Some(64_000_000.0), Some(1_200_000.0)), 65_536.0);
        for unknown in [(None, Some(1.0)), (Some(1.0), Some(0.0)), (Some(1e9), Some(1.0)), (Some(0.0), Some(0.0))] {
            assert_eq!(page_bytes(unknown.0, unknown.1), 4096.0);
        }
    }
}
