//! `system`: this machine's CPU, memory, disks, file systems and network, under node_exporter's names.
//!
//! | Module | What it is |
//! |---|---|
//! | `config` | the operator's settings, and node_exporter's default ones |
//! | `text` | numbers and complaints about lines |
//! | `parts` | pure: the text of the kernel's files in, families out |
//! | `machine` | each file read once a collection, through the capabilities |
//! | this | which parts run, and what becomes of one that fails |
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod config;
mod machine;
mod parts;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::time::Instant;

use vigie_plugin::{Collector, Error, Families, Plugin, Result, Target, clock, log};

pub use crate::config::Settings;
use crate::config::{Choice, Part};
use crate::machine::Machine;
use crate::parts::cpu::Cpus;

/// The collector. It keeps only what makes the next collection better: which files were refused, what was last told of each
/// CPU, and what was last complained about.
#[derive(Debug)]
pub struct System {
    choice: Choice,
    machine: Machine,
    cpus: Cpus,
    complaints: BTreeMap<Part, String>,
}

vigie_plugin::plugin! {
    plugin: System,
    roles: [Collector],
    name: "system",
    interval: "15s",
    timeout: "5s",
    memory: "16MiB",
    requests: [
        files("/proc/stat", "CPU time, interrupts, context switches, forks, boot time"),
        files("/proc/loadavg", "load averages"),
        files("/proc/meminfo", "memory"),
        files("/proc/vmstat", "paging, swapping, faults; the size of a page"),
        files("/proc/diskstats", "input and output of block devices"),
        files("/proc/net/dev", "bytes, packets and errors of network devices"),
        files("/proc/net/netstat", "statistics of TCP and IP"),
        files("/proc/net/snmp", "statistics of TCP, UDP, IP and ICMP"),
        files("/proc/net/snmp6", "the same for IPv6"),
        files("/proc/net/sockstat", "sockets in use"),
        files("/proc/net/sockstat6", "the same for IPv6"),
        files("/proc/pressure/cpu", "how long processes waited for CPU time"),
        files("/proc/pressure/io", "how long processes waited for input and output"),
        files("/proc/pressure/memory", "how long processes waited for memory"),
        files("/proc/pressure/irq", "how long processes waited for interrupts"),
        files("/proc/sys/kernel/ostype", "the kernel's name, for node_uname_info"),
        files("/proc/sys/kernel/osrelease", "the kernel's release, for node_uname_info"),
        files("/proc/sys/kernel/version", "the kernel's build, for node_uname_info"),
        files("/proc/sys/kernel/arch", "the machine's architecture, for node_uname_info"),
        files("/proc/sys/kernel/hostname", "the machine's name, for node_uname_info"),
        files("/proc/sys/kernel/domainname", "the machine's NIS domain, for node_uname_info"),
        system("what is mounted, and how full it is"),
    ],
}

impl Plugin for System {
    type Config = Settings;

    fn new(config: Settings) -> Result<Self> {
        let choice = config.compile()?;
        Ok(Self { choice, machine: Machine::default(), cpus: Cpus::default(), complaints: BTreeMap::new() })
    }
}

impl Collector for System {
    /// A part that fails costs itself only; an error of all of them is an error of the collection.
    fn collect(&mut self, _target: &Target) -> Result<Families> {
        self.machine.forget();
        let mut all = Families::new();
        let (mut told, mut failed) = (Vec::new(), None);
        for part in self.choice.parts.clone() {
            let began = Instant::now();
            let outcome = self.families(part);
            let seconds = began.elapsed().as_secs_f64();
            told.push((part, seconds, outcome.is_ok()));
            match outcome.and_then(Families::into_wire) {
                Ok(families) => {
                    self.complaints.remove(&part);
                    families.into_iter().for_each(|family| all.push(family));
                }
                Err(error) => {
                    self.complain(part, &error);
                    failed.get_or_insert(error.context(part.name()));
                }
            }
        }
        match failed {
            Some(error) if told.iter().all(|(_, _, worked)| !worked) => Err(error),
            _ => {
                scrapes(&told, &mut all);
                Ok(all)
            }
        }
    }
}

impl System {
    fn families(&mut self, part: Part) -> Result<Families> {
        let (choice, machine) = (&self.choice, &self.machine);
        match part {
            Part::Cpu => self.cpus.families(&machine.text("/proc/stat")?),
            Part::Diskstats => {
                parts::diskstats::families(&machine.text("/proc/diskstats")?, &choice.diskstats_devices_excluded)
            }
            Part::Filesystem => Ok(parts::filesystem::families(
                &machine.mounts()?,
                &choice.filesystem_points_excluded,
                &choice.filesystem_types_excluded,
            )),
            Part::Loadavg => parts::loadavg::families(&machine.text("/proc/loadavg")?),
            Part::Meminfo => parts::meminfo::families(&machine.text("/proc/meminfo")?),
            Part::Netdev => parts::netdev::families(&machine.text("/proc/net/dev")?, choice.netdev_devices_excluded.as_ref()),
            Part::Netstat => netstat(machine, choice),
            Part::Pressure => pressure(machine),
            Part::Sockstat => sockstat(machine),
            Part::Stat => parts::stat::families(&machine.text("/proc/stat")?),
            Part::Time => Ok(time()),
            Part::Uname => uname(machine),
            Part::Vmstat => parts::vmstat::families(&machine.text("/proc/vmstat")?, &choice.vmstat_fields),
        }
    }

    /// Says it once, and again when it changes: a kernel without pressure support would otherwise say so four times a minute.
    fn complain(&mut self, part: Part, error: &Error) {
        if self.complaints.get(&part) != Some(&error.message) {
            log::warn!(collector = part.name(); "left out: {error}");
            self.complaints.insert(part, error.message.clone());
        }
    }
}

/// The statistics of IPv4 must be there; those of IPv6 are where it is.
fn netstat(machine: &Machine, choice: &Choice) -> Result<Families> {
    let mut families = Families::new();
    for path in ["/proc/net/netstat", "/proc/net/snmp"] {
        parts::netstat::paired(&machine.text(path)?, &choice.netstat_fields, &mut families)
            .map_err(|error| error.context(path))?;
    }
    if let Some(text) = machine.text_if_there("/proc/net/snmp6")? {
        parts::netstat::single(&text, &choice.netstat_fields, &mut families)?;
    }
    Ok(families)
}

fn sockstat(machine: &Machine) -> Result<Families> {
    let free_kib = machine.text("/proc/meminfo").ok().and_then(|text| parts::meminfo::kib(&text, "MemFree"));
    let free_pages = machine.text("/proc/vmstat").ok().and_then(|text| parts::vmstat::field(&text, "nr_free_pages"));
    let page_bytes = parts::sockstat::page_bytes(free_kib, free_pages);
    let mut families = Families::new();
    parts::sockstat::add(&machine.text("/proc/net/sockstat")?, page_bytes, &mut families)?;
    if let Some(text) = machine.text_if_there("/proc/net/sockstat6")? {
        parts::sockstat::add(&text, page_bytes, &mut families)?;
    }
    Ok(families)
}

fn pressure(machine: &Machine) -> Result<Families> {
    let mut families = Families::new();
    for resource in &parts::pressure::RESOURCES {
        let text = if resource.always { Some(machine.text(resource.path)?) } else { machine.text_if_there(resource.path)? };
        if let Some(text) = text {
            parts::pressure::add(resource, &text, &mut families)?;
        }
    }
    Ok(families)
}

fn uname(machine: &Machine) -> Result<Families> {
    let texts = parts::uname::FACTS.map(|(label, path)| match label {
        "machine" => Ok(machine.text_if_there(path)?.unwrap_or_default()),
        _ => machine.text(path),
    });
    let [sysname, release, version, arch, nodename, domainname] = texts;
    Ok(parts::uname::families([&*sysname?, &*release?, &*version?, &*arch?, &*nodename?, &*domainname?]))
}

fn time() -> Families {
    let mut families = Families::new();
    let help = "System time in seconds since epoch (1970).";
    families.gauge("node_time_seconds", help).unit("seconds").value(clock::now() / 1e3);
    families
}

/// Which parts worked, and how long each took.
fn scrapes(told: &[(Part, f64, bool)], families: &mut Families) {
    let help = "node_exporter: Duration of a collector scrape.";
    let mut durations = families.gauge("node_scrape_collector_duration_seconds", help).unit("seconds").labels(["collector"]);
    for (part, seconds, _) in told {
        durations.point([part.name()], *seconds);
    }
    let help = "node_exporter: Whether a collector succeeded.";
    let mut successes = families.gauge("node_scrape_collector_success", help).labels(["collector"]);
    for (part, _, worked) in told {
        successes.point([part.name()], f64::from(u8::from(*worked)));
    }
}
