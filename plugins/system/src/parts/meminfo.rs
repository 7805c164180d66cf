//! Memory, from `/proc/meminfo`: every field that the kernel knows, under the kernel's name.

use vigie_plugin::{Families, Result};

use crate::text::{malformed, nothing, number};

const BYTES_PER_KIB: f64 = 1024.0;

/// The families of the text of `/proc/meminfo`.
pub(crate) fn families(meminfo: &str) -> Result<Families> {
    let mut families = Families::new();
    for Field { line, name, value, unit } in fields(meminfo) {
        // `Active(anon)` becomes `Active_anon`.
        let name = name.replace('(', "_").replace(')', "");
        let (name, factor, base) = match unit {
            None => (name, 1.0, ""),
            Some("kB") => (format!("{name}_bytes"), BYTES_PER_KIB, "bytes"),
            Some(unit) => return Err(malformed(line, &format!("the unit `{unit}` is unknown"))),
        };
        let help = format!("Memory information field {name}.");
        families.gauge(&format!("node_memory_{name}"), &help).unit(base).value(number(value, line)? * factor);
    }
    if families.is_empty() { Err(nothing("field")) } else { Ok(families) }
}

/// The value of a field in KiB.
pub(crate) fn kib(meminfo: &str, name: &str) -> Option<f64> {
    fields(meminfo).find(|field| field.name == name && field.unit == Some("kB"))?.value.parse().ok()
}

struct Field<'a> {
    line: &'a str,
    name: &'a str,
    value: &'a str,
    unit: Option<&'a str>,
}

fn fields(meminfo: &str) -> impl Iterator<Item = Field<'_>> {
    meminfo.lines().filter_map(|line| {
        let (name, rest) = line.split_once(':')?;
        let mut rest = rest.split_ascii_whitespace();
        Some(Field { line, name, value: rest.next()?, unit: rest.next() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "\
MemTotal:       24684092 kB
Active(anon):       1024 kB
HugePages_Total:       3
Hugepagesize:       2048 kB
SomethingOfTomorrow:   1 kB
";

    #[test]
    fn kibibytes_become_bytes_and_counts_stay() {
        let families = families(MEMINFO).unwrap();
        assert_eq!(families.find("node_memory_MemTotal_bytes", &[]), Some(24_684_092.0 * 1024.0));
        assert_eq!(families.find("node_memory_Active_anon_bytes", &[]), Some(1_048_576.0));
        assert_eq!(families.find("node_memory_HugePages_Total", &[]), Some(3.0));
        assert_eq!(families.named("node_memory_HugePages_Total").unwrap().unit, "");
        assert_eq!(families.named("node_memory_MemTotal_bytes").unwrap().unit, "bytes");
    }

    #[test]
    fn a_field_that_this_code_has_never_heard_of_is_there() {
        let families = families(MEMINFO).unwrap();
        let family = families.named("node_memory_SomethingOfTomorrow_bytes").unwrap();
        assert_eq!(family.help, "Memory information field SomethingOfTomorrow_bytes.");
    }

    #[test]
    fn an_unknown_unit_is_not_guessed() {
        let message = families("MemTotal: 3 MB\n").unwrap_err().message;
        assert_eq!(message, "unexpected line `MemTotal: 3 MB`: the unit `MB` is unknown");
    }
}
