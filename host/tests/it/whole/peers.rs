//! Against the programs that people have: node_exporter's values, Prometheus scraping us, promtool's opinion.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::with_system;
use crate::support::client::{Api, PATIENCE, is};
use crate::support::host::Home;

/// A peer that is ended with the test.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a peer is installed; where all must be, one that is missing fails the test.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("VIGIE_REQUIRE_PEERS").is_none(), "`{program}` is not installed");
    if !found {
        eprintln!("skipped: `{program}` is not installed");
    }
    found
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until the peer answers with something that is accepted; each answer is a round trip, so this does not spin.
async fn until<T>(api: &Api, path: &str, accept: impl Fn(&str) -> Option<T>) -> T {
    let begun = tokio::time::Instant::now();
    loop {
        if let Some((200, body)) = api.try_get(path).await
            && let Some(accepted) = accept(&body)
        {
            return accepted;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} gave nothing acceptable");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Samples of a page by series, without the labels that Vigie adds.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| line.starts_with("node_"));
    let parsed = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels.trim_end_matches('}')));
        let mut kept: Vec<&str> =
            split(labels).into_iter().filter(|l| !l.starts_with("job=") && !l.starts_with("instance=")).collect();
        kept.sort_unstable();
        Some((format!("{name}{{{}}}", kept.join(",")), value.parse().ok()?))
    });
    parsed.collect()
}

/// Labels at their commas, but for those within quotes.
fn split(labels: &str) -> Vec<&str> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in labels.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                parts.push(&labels[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&labels[from..]);
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_agree_with_node_exporter_at_the_same_moment() {
    if !has("prometheus-node-exporter") {
        return;
    }
    let port = free_port();
    let exporter = Command::new("prometheus-node-exporter")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)"])
        .args(["--collector.netdev.device-exclude=^lo$", "--collector.diskstats.device-exclude=^(z?ram|loop|fd)\\d+$"])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _exporter = Peer(exporter);
    let home = Home::new();
    with_system(&home);
    let host = home.start();
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    let theirs = Api::new(&format!("127.0.0.1:{port}"));
    let theirs = until(&theirs, "/metrics", |page| Some(samples(page))).await;
    let ours = samples(&host.api.metrics().await);
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (series, value) in &theirs {
        let steady = [
            "node_memory_MemTotal_bytes",
            "node_memory_SwapTotal_bytes",
            "node_boot_time_seconds",
            "node_uname_info",
            "node_filesystem_size_bytes",
            "node_filesystem_readonly",
            "node_filesystem_files{",
        ];
        let moving = [
            "node_cpu_seconds_total",
            "node_load1{",
            "node_memory_MemFree_bytes",
            "node_network_receive_bytes_total",
            "node_disk_reads_completed_total",
            "node_forks_total",
            "node_context_switches_total",
            "node_filesystem_avail_bytes",
        ];
        let is_one_of = |names: &[&str]| names.iter().any(|name| series.starts_with(name));
        if !is_one_of(&steady) && !is_one_of(&moving) {
            continue;
        }
        compared += 1;
        match ours.get(series) {
            // Collections are up to a second apart, on a machine that is busy with tests.
            Some(own) if is_one_of(&moving) && (own - value).abs() <= 0.25 * value.abs().max(own.abs()).max(400.0) => {}
            Some(own) if (own - value).abs() <= 1e-9 * value.abs() => {}
            own => wrong.push(format!("{series}: node_exporter has {value}, vigie has {own:?}")),
        }
    }
    assert!(compared > 20, "only {compared} series were compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_us() {
    if !has("prometheus") {
        return;
    }
    let home = Home::new();
    with_system(&home);
    let host = home.start();
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    let port = free_port();
    let config = home.path().join("prometheus.yml");
    let text = format!(
        "scrape_configs:\n- job_name: vigie\n  honor_labels: true\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  \
         static_configs:\n  - targets: ['{}']\n",
        host.address
    );
    std::fs::write(&config, text).unwrap();
    let prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", home.path().join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _prometheus = Peer(prometheus);
    let api = Api::new(&format!("127.0.0.1:{port}"));
    let load = until(&api, "/api/v1/query?query=node_load1", |body| {
        let answer: serde_json::Value = serde_json::from_str(body).ok()?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    });
    assert!(load.await.parse::<f64>().is_ok());
    let up = until(&api, "/api/v1/query?query=up", |body| body.contains("\"1\"]").then_some(()));
    up.await;
    let metadata =
        until(&api, "/api/v1/metadata?metric=node_cpu_seconds", |body| body.contains("\"type\":\"counter\"").then_some(()));
    metadata.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_no_complaint_but_about_the_names_that_are_node_exporters() {
    if !has("promtool") {
        return;
    }
    let home = Home::new();
    with_system(&home);
    let host = home.start();
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    let page = host.api.metrics().await;
    let mut promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let judged = promtool.wait_with_output().unwrap();
    let said = String::from_utf8(judged.stderr).unwrap();
    // node_exporter's own names, `node_memory_MemTotal_bytes` among them, are not in snake_case; promtool says the same of its page.
    let is_theirs = |line: &&str| line.starts_with("node_") && line.ends_with("'snake_case' not 'camelCase'");
    let complaints: Vec<&str> = said.lines().filter(|line| !line.is_empty() && !is_theirs(line)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
