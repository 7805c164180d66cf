//! The real binary with the real plugins.

mod alerts;
mod foreign;
mod http;
mod peers;
mod reload;

use crate::support::host::{Home, shipped};

/// A home with the `system` collector, granted what it reads.
fn with_system(home: &Home) {
    let grants = r#"
        interval = "1s"
        [grants]
        system = true
        files = ["/proc/stat", "/proc/loadavg", "/proc/meminfo", "/proc/vmstat", "/proc/diskstats", "/proc/net/dev",
          "/proc/net/netstat", "/proc/net/snmp", "/proc/net/snmp6", "/proc/net/sockstat", "/proc/net/sockstat6",
          "/proc/pressure/*", "/proc/sys/kernel/*"]
        [config]
        netdev-device-exclude = "^lo$"
    "#;
    home.component("system", &shipped("system")).config("system", grants);
}

/// A home with a page that is checked every second, a rule on it, and a receiver.
fn with_watched_page(home: &Home, address: &str, hold_for: &str) {
    home.component("http-check", &shipped("http-check")).config(
        "http-check",
        &format!(
            "interval = \"1s\"\n[[targets]]\nname = \"shop\"\naddress = \"http://{address}/page\"\nlabels = {{ team = \"web\" }}\n\
             [grants]\nhttp = [\"targets\"]\n"
        ),
    );
    home.component("threshold", &shipped("threshold")).config(
        "threshold",
        &format!(
            "interval = \"1s\"\nmin-interval = \"100ms\"\n[[config.rules]]\nname = \"ShopDown\"\ncheck = \"http-check\"\n\
             for = \"{hold_for}\"\nseverity = \"critical\"\n"
        ),
    );
    home.component("webhook", &shipped("webhook"))
        .config("webhook", &format!("[config]\nurl = \"http://{address}/hook\"\n[grants]\nhttp = [\"http://{address}\"]\n"));
}
