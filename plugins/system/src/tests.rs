//! The collector as the host drives it: parts that fail, what is said about them, and this machine's own files.

use vigie_plugin::log::Level;
use vigie_plugin::system::Mount;
use vigie_plugin::testing::Fakes;
use vigie_plugin::{Collector, Error, Families, Fault, Plugin, Result, Target};

use crate::{MANIFEST, Settings, System};

fn collector(config: &str) -> System {
    System::new(serde_json::from_str::<Settings>(config).unwrap()).unwrap()
}

fn collect(system: &mut System) -> Result<Families> {
    system.collect(&Target::new("machine", ""))
}

/// A machine that has all that this plugin may ask for.
fn machine() -> Fakes {
    let mount = Mount {
        device: "/dev/vda".into(),
        path: "/".into(),
        filesystem: "ext4".into(),
        read_only: false,
        size_bytes: 1e9,
        free_bytes: 5e8,
        available_bytes: 4e8,
        files: 1e6,
        files_free: 9e5,
    };
    let pressure = "some avg10=0 avg60=0 avg300=0 total=2000000\nfull avg10=0 avg60=0 avg300=0 total=1000000\n";
    Fakes::new()
        .file("/proc/stat", "cpu  100 0 50 1000\ncpu0 100 0 50 1000\nintr 5 1\nctxt 6\nbtime 1767225600\n")
        .file("/proc/loadavg", "0.50 0.25 0.10 1/100 4242\n")
        .file("/proc/meminfo", "MemTotal: 4000000 kB\nMemFree: 1000000 kB\n")
        .file("/proc/vmstat", "nr_free_pages 62500\npgfault 10\n")
        .file("/proc/diskstats", " 254 0 vda 1 2 3 4 5 6 7 8 9 10 11\n")
        .file("/proc/net/dev", "Inter-| Receive\n face |bytes\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")
        .file("/proc/net/netstat", "TcpExt: ListenDrops\nTcpExt: 3\n")
        .file("/proc/net/snmp", "Tcp: CurrEstab\nTcp: 4\n")
        .file("/proc/net/snmp6", "Ip6InOctets 5\n")
        .file("/proc/net/sockstat", "sockets: used 7\nTCP: inuse 1 mem 2\n")
        .file("/proc/net/sockstat6", "TCP6: inuse 3\n")
        .file("/proc/pressure/cpu", pressure)
        .file("/proc/pressure/io", pressure)
        .file("/proc/pressure/memory", pressure)
        .file("/proc/pressure/irq", pressure)
        .file("/proc/sys/kernel/ostype", "Linux\n")
        .file("/proc/sys/kernel/osrelease", "6.18.0\n")
        .file("/proc/sys/kernel/version", "#1 SMP\n")
        .file("/proc/sys/kernel/arch", "aarch64\n")
        .file("/proc/sys/kernel/hostname", "machine\n")
        .file("/proc/sys/kernel/domainname", "(none)\n")
        .mounts(vec![mount])
}

fn success(families: &Families, part: &str) -> Option<f64> {
    families.find("node_scrape_collector_success", &[part])
}

#[test]
fn every_part_is_told_and_nothing_is_complained_about() {
    let fakes = machine().install();
    let families = collect(&mut collector("{}")).unwrap();
    for (name, labels, value) in [
        ("node_cpu_seconds_total", &["0", "idle"][..], 10.0),
        ("node_load1", &[], 0.5),
        ("node_memory_MemTotal_bytes", &[], 4_096_000_000.0),
        ("node_vmstat_pgfault", &[], 10.0),
        ("node_disk_io_now", &["vda"], 9.0),
        ("node_filesystem_avail_bytes", &["/dev/vda", "ext4", "/"], 4e8),
        ("node_network_transmit_bytes_total", &["eth0"], 9.0),
        ("node_netstat_TcpExt_ListenDrops", &[], 3.0),
        ("node_netstat_Tcp_CurrEstab", &[], 4.0),
        ("node_netstat_Ip6_InOctets", &[], 5.0),
        ("node_sockstat_TCP_mem_bytes", &[], 32_768.0),
        ("node_sockstat_TCP6_inuse", &[], 3.0),
        ("node_pressure_irq_stalled_seconds_total", &[], 1.0),
        ("node_boot_time_seconds", &[], 1_767_225_600.0),
        ("node_time_seconds", &[], 1_767_225_600.0),
        ("node_uname_info", &["Linux", "6.18.0", "#1 SMP", "aarch64", "machine", "(none)"], 1.0),
    ] {
        assert_eq!(families.find(name, labels), Some(value), "{name}");
    }
    assert_eq!(fakes.logs(), []);
}

#[test]
fn a_part_that_fails_costs_only_itself_and_is_complained_about_once() {
    let missing = || Error::permanent("`/proc/pressure/cpu`: no such file");
    let fakes = machine().file_error("/proc/pressure/cpu", missing()).file("/proc/loadavg", "").install();
    let mut system = collector("{}");
    for _ in 0..3 {
        let families = collect(&mut system).unwrap();
        assert_eq!(success(&families, "pressure"), Some(0.0));
        assert_eq!(success(&families, "loadavg"), Some(0.0));
        assert_eq!(success(&families, "cpu"), Some(1.0));
        assert!(families.named("node_pressure_io_waiting_seconds_total").is_none());
        assert!(families.named("node_memory_MemFree_bytes").is_some());
    }
    let logs = fakes.logs();
    assert_eq!(logs.len(), 2);
    assert_eq!((logs[1].level, logs[1].message.as_str()), (Level::Warn, "left out: `/proc/pressure/cpu`: no such file"));
    assert_eq!(logs[1].fields, [("collector".to_owned(), "pressure".to_owned())]);

    fakes.set_file("/proc/loadavg", "1 2 3\n");
    assert_eq!(success(&collect(&mut system).unwrap(), "loadavg"), Some(1.0));
    fakes.set_file("/proc/loadavg", "");
    collect(&mut system).unwrap();
    assert_eq!(fakes.logs().len(), 3, "what was well in between is said again");
}

#[test]
fn files_that_some_kernels_lack_are_not_missed() {
    let mut fakes = machine();
    for path in ["/proc/net/snmp6", "/proc/net/sockstat6", "/proc/pressure/irq", "/proc/sys/kernel/arch"] {
        fakes = fakes.file_error(path, Error::permanent("no such file"));
    }
    let _fakes = fakes.install();
    let families = collect(&mut collector("{}")).unwrap();
    for part in ["netstat", "sockstat", "pressure", "uname"] {
        assert_eq!(success(&families, part), Some(1.0), "{part}");
    }
    assert_eq!(families.find("node_uname_info", &["Linux", "6.18.0", "#1 SMP", "", "machine", "(none)"]), Some(1.0));
}

#[test]
fn what_may_be_left_out_is_asked_for_once_when_it_is_refused() {
    let irq = "/proc/pressure/irq";
    let fakes = machine().file_error(irq, Error::denied("no grant")).install();
    let mut system = collector("{}");
    let families = collect(&mut system).unwrap();
    assert_eq!(success(&families, "pressure"), Some(1.0));
    fakes.set_file(irq, "full avg10=0 avg60=0 avg300=0 total=1\n");
    assert!(collect(&mut system).unwrap().named("node_pressure_irq_stalled_seconds_total").is_none(), "it was asked for again");
}

#[test]
fn each_collection_sees_the_machine_anew() {
    let fakes = machine().install();
    let mut system = collector("{}");
    collect(&mut system).unwrap();
    fakes.set_file("/proc/loadavg", "9 8 7\n");
    assert_eq!(collect(&mut system).unwrap().find("node_load1", &[]), Some(9.0));
}

#[test]
fn when_nothing_can_be_read_the_collection_is_an_error_that_says_what_to_grant() {
    let _fakes = Fakes::new().install();
    let error = collect(&mut collector(r#"{"without": ["time"]}"#)).unwrap_err();
    assert_eq!(error.fault, Fault::Denied);
    assert!(error.message.starts_with("cpu: "), "{}", error.message);
}

#[test]
fn parts_that_are_off_ask_for_nothing() {
    let _fakes = Fakes::new().file("/proc/loadavg", "1 2 3 4/5 6\n").install();
    let families = collect(&mut collector(r#"{"parts": ["loadavg"]}"#)).unwrap();
    assert_eq!(families.find("node_load15", &[]), Some(3.0));
    assert_eq!(families.len(), 5, "three averages, and how the scrape went");
}

#[test]
fn every_file_that_is_read_is_requested() {
    let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
    let requests = manifest["requests"].as_array().unwrap();
    let requested: Vec<&str> = requests.iter().filter_map(|request| request["scope"].as_str()).collect();
    for path in std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap().split('"') {
        if path.starts_with("/proc/") {
            assert!(requested.contains(&path), "`{path}` is not requested");
        }
    }
    let elsewhere = crate::parts::uname::FACTS.map(|(_, path)| path);
    let elsewhere = elsewhere.into_iter().chain(crate::parts::pressure::RESOURCES.iter().map(|resource| resource.path));
    elsewhere.for_each(|path| assert!(requested.contains(&path), "`{path}` is not requested"));
}

/// Fixtures are what we think the kernel writes; this is what it writes. A file that the machine lacks is left out.
#[cfg(target_os = "linux")]
#[test]
fn this_machines_own_files_are_understood() {
    let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
    let mut fakes = Fakes::new().mounts(vec![]);
    for path in manifest["requests"].as_array().unwrap().iter().filter_map(|request| request["scope"].as_str()) {
        fakes = match std::fs::read(path) {
            Ok(content) => fakes.file(path, content),
            Err(error) => fakes.file_error(path, Error::permanent(error.to_string())),
        };
    }
    let fakes = fakes.install();
    let families = collect(&mut collector("{}")).unwrap();
    let complaints: Vec<String> = fakes.logs().into_iter().map(|line| line.message).collect();
    assert!(complaints.iter().all(|complaint| !complaint.contains("unexpected line")), "{complaints:?}");
    for part in ["cpu", "loadavg", "meminfo", "stat", "vmstat", "netdev"] {
        assert_eq!(success(&families, part), Some(1.0), "{part}: {complaints:?}");
    }
}
