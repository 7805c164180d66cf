//! What the kernel calls itself and the machine, from `/proc/sys/kernel/*`.

use vigie_plugin::Families;

/// The label and the file that fills it. Kernels before 6.1 do not tell the machine in a file; the label is absent then.
pub(crate) const FACTS: [(&str, &str); 6] = [
    ("sysname", "/proc/sys/kernel/ostype"),
    ("release", "/proc/sys/kernel/osrelease"),
    ("version", "/proc/sys/kernel/version"),
    ("machine", "/proc/sys/kernel/arch"),
    ("nodename", "/proc/sys/kernel/hostname"),
    ("domainname", "/proc/sys/kernel/domainname"),
];

/// The family of the texts of those files, in their order.
pub(crate) fn families(texts: [&str; FACTS.len()]) -> Families {
    let mut families = Families::new();
    families
        .gauge("node_uname_info", "Labeled system information as provided by the uname system call.")
        .labels(FACTS.map(|(label, _)| label))
        .point(texts.map(str::trim_end), 1.0);
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_labels_without_their_line_ends() {
        let families = families(["Linux\n", "6.18.44\n", "#1 SMP\n", "x86_64\n", "vm\n", "(none)\n"]);
        let values = ["Linux", "6.18.44", "#1 SMP", "x86_64", "vm", "(none)"];
        assert_eq!(families.find("node_uname_info", &values), Some(1.0));
    }
}
