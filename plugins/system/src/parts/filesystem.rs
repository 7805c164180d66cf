//! Space and file nodes of mounted file systems.

use std::collections::BTreeSet;

use regex_lite::Regex;
use vigie_plugin::{Families, system::Mount};

type Value = fn(&Mount) -> f64;

/// Name, help, unit and value of each family.
const FIGURES: [(&str, &str, &str, Value); 6] = [
    ("node_filesystem_size_bytes", "Filesystem size in bytes.", "bytes", |mount| mount.size_bytes),
    ("node_filesystem_free_bytes", "Filesystem free space in bytes.", "bytes", |mount| mount.free_bytes),
    ("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.", "bytes", |mount| {
        mount.available_bytes
    }),
    ("node_filesystem_files", "Filesystem total file nodes.", "", |mount| mount.files),
    ("node_filesystem_files_free", "Filesystem total free file nodes.", "", |mount| mount.files_free),
    ("node_filesystem_readonly", "Filesystem read-only status.", "", |mount| f64::from(u8::from(mount.read_only))),
];

/// The families of what is mounted, without what is excluded. Mounts that lie over each other under one path are told once.
/// The host leaves out what it cannot ask (a network file system that hangs), so what is told has no error.
pub(crate) fn families(mounts: &[Mount], points_excluded: &Regex, types_excluded: &Regex) -> Families {
    let mut seen = BTreeSet::new();
    let told: Vec<&Mount> = mounts
        .iter()
        .filter(|mount| !points_excluded.is_match(&mount.path) && !types_excluded.is_match(&mount.filesystem))
        .filter(|mount| seen.insert(labels(mount)))
        .collect();
    let mut families = Families::new();
    for (name, help, unit, value) in FIGURES {
        let mut family = families.gauge(name, help).unit(unit).labels(["device", "fstype", "mountpoint"]);
        for mount in &told {
            family.point(labels(mount), value(mount));
        }
    }
    let help = "Whether an error occurred while getting statistics for the given device.";
    let mut errors = families.gauge("node_filesystem_device_error", help).labels(["device", "fstype", "mountpoint"]);
    for mount in told {
        errors.point(labels(mount), 0.0);
    }
    families
}

fn labels(mount: &Mount) -> [&str; 3] {
    [&mount.device, &mount.filesystem, &mount.path]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FILESYSTEM_POINTS_EXCLUDED, FILESYSTEM_TYPES_EXCLUDED};

    fn mount(device: &str, path: &str, filesystem: &str) -> Mount {
        Mount {
            device: device.into(),
            path: path.into(),
            filesystem: filesystem.into(),
            read_only: false,
            size_bytes: 1000.0,
            free_bytes: 500.0,
            available_bytes: 400.0,
            files: 100.0,
            files_free: 60.0,
        }
    }

    fn read(mounts: &[Mount]) -> Families {
        let (points, types) = (Regex::new(FILESYSTEM_POINTS_EXCLUDED).unwrap(), Regex::new(FILESYSTEM_TYPES_EXCLUDED).unwrap());
        families(mounts, &points, &types)
    }

    #[test]
    fn a_mount_has_its_space_nodes_and_flags() {
        let families = read(&[mount("/dev/vda", "/", "ext4")]);
        let labels = ["/dev/vda", "ext4", "/"];
        let found = |name: &str| families.find(&format!("node_filesystem_{name}"), &labels).unwrap();
        assert_eq!(["size_bytes", "free_bytes", "avail_bytes"].map(found), [1000.0, 500.0, 400.0]);
        assert_eq!(["files", "files_free", "readonly", "device_error"].map(found), [100.0, 60.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_no_storage_is_left_out_by_default() {
        let excluded = [
            mount("proc", "/proc", "proc"),
            mount("udev", "/dev", "devtmpfs"),
            mount("tmpfs", "/dev/shm", "tmpfs"),
            mount("overlay", "/var/lib/docker/overlay2/x/merged", "overlay"),
            mount("cgroup2", "/mnt/cg", "cgroup2"),
        ];
        assert_eq!(read(&excluded).into_wire().unwrap(), []);
        assert!(read(&[mount("tmpfs", "/run", "tmpfs")]).find("node_filesystem_files", &["tmpfs", "tmpfs", "/run"]).is_some());
        assert!(read(&[mount("/dev/b", "/development", "xfs")]).named("node_filesystem_files").is_some());
    }

    #[test]
    fn one_mount_told_twice_is_one() {
        let families = read(&[mount("/dev/vda", "/", "ext4"), mount("/dev/vda", "/", "ext4")]);
        let family = families.named("node_filesystem_device_error").unwrap();
        assert!(matches!(&family.points, vigie_plugin::Points::Numbers(points) if points.len() == 1));
    }
}
