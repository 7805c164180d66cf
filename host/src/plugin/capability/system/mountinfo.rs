//! The kernel's table of mounts, `/proc/self/mountinfo`, read line by line. Pure.

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// What is mounted.
    pub(super) device: String,
    /// Where.
    pub(super) path: String,
    /// Its kind.
    pub(super) filesystem: String,
    /// Whether the mount or the file system is read-only.
    pub(super) read_only: bool,
}

/// The entries in the table's order; what lies hidden under a later mount at the same place is left out, because it cannot be
/// asked. Lines that are none are skipped.
pub(super) fn parse(table: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for entry in table.lines().filter_map(line) {
        match places.get(&entry.path) {
            Some(&index) => entries[index] = entry,
            None => {
                places.insert(entry.path.clone(), entries.len());
                entries.push(entry);
            }
        }
    }
    entries
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
fn line(line: &str) -> Option<Entry> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(4);
    let (path, options) = (mount.next()?, mount.next()?);
    let mut system = system.split(' ');
    let (filesystem, device, super_options) = (system.next()?, system.next()?, system.next().unwrap_or_default());
    let read_only = options.split(',').chain(super_options.split(',')).any(|option| option == "ro");
    Some(Entry { device: unescape(device), path: unescape(path), filesystem: unescape(filesystem), read_only })
}

/// The kernel writes blank, tab, line feed, backslash and `#` as a backslash with three octal digits.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'\\').then(|| tail.get(..3)).flatten().and_then(octal);
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &tail[3..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?, 8).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(device: &str, path: &str, filesystem: &str, read_only: bool) -> Entry {
        Entry { device: device.into(), path: path.into(), filesystem: filesystem.into(), read_only }
    }

    #[test]
    fn the_table_is_read_as_node_exporter_reads_it() {
        let table = "\
            22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw,errors=remount-ro\n\
            36 22 98:0 /mnt1 /mnt/with\\040blank\\011tab ro,noatime master:1 propagate_from:2 - nfs server:/a\\134b rw\n\
            37 22 0:30 / /boot rw - autofs systemd-1 rw\n\
            no line at all\n\
            38 37 8:1 / /boot rw - vfat /dev/sda1 ro\n\
            39 22 0:31 / /odd\\9 rw - tmpfs  rw\n";
        assert_eq!(
            parse(table),
            [
                entry("/dev/nvme0n1p1", "/", "ext4", false),
                entry("server:/a\\b", "/mnt/with blank\ttab", "nfs", true),
                entry("/dev/sda1", "/boot", "vfat", true),
                entry("", "/odd\\9", "tmpfs", false),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "[0-9a-z \\\\/-]{0,80}(\\PC{0,20} - [a-z\\\\0-9]{0,10} \\PC{0,10}\n?)?") {
            parse(&table);
        }
    }
}
