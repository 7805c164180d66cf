//! The operator's settings. Names and default values are those of node_exporter's flags, so that what works there can be
//! copied.

use regex_lite::Regex;
use serde::Deserialize;
use vigie_plugin::{Config, Error, Result};

pub(crate) const DISKSTATS_DEVICES_EXCLUDED: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
pub(crate) const FILESYSTEM_POINTS_EXCLUDED: &str =
    r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
pub(crate) const FILESYSTEM_TYPES_EXCLUDED: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|\
    fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$";
pub(crate) const NETSTAT_FIELDS: &str = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|\
    Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|\
    Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
    Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";
pub(crate) const VMSTAT_FIELDS: &str = "^(oom_kill|pgpg|pswp|pg.*fault).*";

/// A part of what the machine tells, named as node_exporter's collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Config)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// Seconds of each CPU by mode.
    Cpu,
    /// Input and output of block devices.
    Diskstats,
    /// Space and file nodes of mounted file systems.
    Filesystem,
    /// Load averages.
    Loadavg,
    /// Memory.
    Meminfo,
    /// Bytes, packets and errors of network devices.
    Netdev,
    /// Statistics of the network protocols.
    Netstat,
    /// How long processes waited for CPU time, memory, input and output.
    Pressure,
    /// Sockets in use.
    Sockstat,
    /// Interrupts, context switches, forks, processes, boot time.
    Stat,
    /// The machine's clock.
    Time,
    /// Names and versions of kernel and machine.
    Uname,
    /// Paging, swapping, faults.
    Vmstat,
}

impl Part {
    pub(crate) const ALL: [Self; 13] = [
        Self::Cpu,
        Self::Diskstats,
        Self::Filesystem,
        Self::Loadavg,
        Self::Meminfo,
        Self::Netdev,
        Self::Netstat,
        Self::Pressure,
        Self::Sockstat,
        Self::Stat,
        Self::Time,
        Self::Uname,
        Self::Vmstat,
    ];

    /// The value of the label `collector`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Diskstats => "diskstats",
            Self::Filesystem => "filesystem",
            Self::Loadavg => "loadavg",
            Self::Meminfo => "meminfo",
            Self::Netdev => "netdev",
            Self::Netstat => "netstat",
            Self::Pressure => "pressure",
            Self::Sockstat => "sockstat",
            Self::Stat => "stat",
            Self::Time => "time",
            Self::Uname => "uname",
            Self::Vmstat => "vmstat",
        }
    }
}

/// Which parts are told, and what of them.
#[derive(Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The parts to tell; all where this is absent.
    #[serde(default)]
    parts: Option<Vec<Part>>,
    /// Parts not to tell, taken from those above.
    #[serde(default)]
    without: Vec<Part>,
    /// Block devices to leave out, as a regular expression. Default: partitions, loop devices and RAM disks.
    #[serde(default)]
    diskstats_device_exclude: Option<String>,
    /// Mount points to leave out, as a regular expression. Default: those of the system and of containers.
    #[serde(default)]
    filesystem_mount_points_exclude: Option<String>,
    /// Types of file systems to leave out, as a regular expression. Default: those that store nothing.
    #[serde(default)]
    filesystem_fs_types_exclude: Option<String>,
    /// Network devices to leave out, as a regular expression. Default: none.
    #[serde(default)]
    netdev_device_exclude: Option<String>,
    /// Which fields of /proc/net/netstat, snmp and snmp6 to tell, as a regular expression over `Protocol_Field`.
    #[serde(default)]
    netstat_fields: Option<String>,
    /// Which fields of /proc/vmstat to tell, as a regular expression.
    #[serde(default)]
    vmstat_fields: Option<String>,
}

/// The settings with their expressions compiled.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) parts: Vec<Part>,
    pub(crate) diskstats_devices_excluded: Regex,
    pub(crate) filesystem_points_excluded: Regex,
    pub(crate) filesystem_types_excluded: Regex,
    pub(crate) netdev_devices_excluded: Option<Regex>,
    pub(crate) netstat_fields: Regex,
    pub(crate) vmstat_fields: Regex,
}

impl Settings {
    /// Compiles the expressions; an error names the setting.
    pub(crate) fn compile(self) -> Result<Choice> {
        let mut parts = self.parts.unwrap_or_else(|| Part::ALL.to_vec());
        parts.sort_unstable();
        parts.dedup();
        parts.retain(|part| !self.without.contains(part));
        if parts.is_empty() {
            return Err(Error::config("no part is left to tell: take one out of `without` or add one to `parts`"));
        }
        // Where nothing is excluded, nothing needs to be matched.
        let netdev = self.netdev_device_exclude.filter(|pattern| !pattern.is_empty());
        Ok(Choice {
            parts,
            diskstats_devices_excluded: regex(
                "diskstats-device-exclude",
                self.diskstats_device_exclude,
                DISKSTATS_DEVICES_EXCLUDED,
            )?,
            filesystem_points_excluded: regex(
                "filesystem-mount-points-exclude",
                self.filesystem_mount_points_exclude,
                FILESYSTEM_POINTS_EXCLUDED,
            )?,
            filesystem_types_excluded: regex(
                "filesystem-fs-types-exclude",
                self.filesystem_fs_types_exclude,
                FILESYSTEM_TYPES_EXCLUDED,
            )?,
            netdev_devices_excluded: netdev.map(|pattern| regex("netdev-device-exclude", Some(pattern), "")).transpose()?,
            netstat_fields: regex("netstat-fields", self.netstat_fields, NETSTAT_FIELDS)?,
            vmstat_fields: regex("vmstat-fields", self.vmstat_fields, VMSTAT_FIELDS)?,
        })
    }
}

fn regex(setting: &str, pattern: Option<String>, default: &str) -> Result<Regex> {
    let pattern = pattern.as_deref().unwrap_or(default);
    Regex::new(pattern).map_err(|error| Error::config(format!("`{setting}`: `{pattern}` is no regular expression: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(json: &str) -> Result<Choice> {
        serde_json::from_str::<Settings>(json).unwrap().compile()
    }

    #[test]
    fn without_settings_every_part_is_told() {
        assert_eq!(compile("{}").unwrap().parts, Part::ALL);
    }

    #[test]
    fn parts_are_named_as_node_exporters_collectors() {
        for part in Part::ALL {
            let parsed: Part = serde_json::from_value(part.name().into()).unwrap();
            assert_eq!(parsed, part);
        }
    }

    #[test]
    fn parts_are_chosen_and_taken_away() {
        let choice = compile(r#"{"parts": ["vmstat", "cpu", "cpu", "stat"], "without": ["stat"]}"#).unwrap();
        assert_eq!(choice.parts, [Part::Cpu, Part::Vmstat]);
        let message = compile(r#"{"parts": ["cpu"], "without": ["cpu"]}"#).unwrap_err().message;
        assert!(message.starts_with("no part is left to tell"), "{message}");
    }

    #[test]
    fn a_wrong_expression_is_named_with_its_setting() {
        let message = compile(r#"{"netstat-fields": "("}"#).unwrap_err().message;
        assert!(message.starts_with("`netstat-fields`: `(` is no regular expression: "), "{message}");
    }

    #[test]
    fn an_empty_exclusion_excludes_nothing() {
        assert!(compile(r#"{"netdev-device-exclude": ""}"#).unwrap().netdev_devices_excluded.is_none());
        let choice = compile(r#"{"netdev-device-exclude": "^lo$"}"#).unwrap();
        assert!(choice.netdev_devices_excluded.unwrap().is_match("lo"));
    }
}
