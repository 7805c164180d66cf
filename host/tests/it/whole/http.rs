//! What the host serves, and to whom.

use super::with_system;
use crate::support::client::is;
use crate::support::host::Home;

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_name_and_origin_are_served() {
    let host = Home::new().start();
    let status = async |headers: &[(&str, &str)]| host.api.get("/metrics", headers).await.0;
    assert_eq!(status(&[]).await, 200);
    assert_eq!(status(&[("host", "evil.example")]).await, 403);
    assert_eq!(status(&[("origin", "http://evil.example")]).await, 403);
    assert_eq!(host.api.get("/nothing", &[]).await.0, 404);
    assert_eq!(host.api.get("/api/vigie/v1/events?frm=1", &[]).await.0, 400);
    assert_eq!(host.api.get("/api/vigie/v1/plugins/none", &[]).await.0, 404);
    assert_eq!(host.api.get("/-/healthy", &[]).await.0, 200);
    let (status, kind, page) = host.api.get("/", &[]).await;
    assert!(status == 200 && kind.starts_with("text/html") && page.contains("<main>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_conserved() {
    let home = Home::new();
    with_system(&home);
    let host = home.start();
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    // The meters are read one after the other while the plugin runs: stopped, they must agree.
    std::fs::remove_file(home.plugins().join("system.toml")).unwrap();
    home.config("system", "interval = \"1h\"\n");
    host.api.wait("it stands still", |event| is(event, "plugin-stopped", "system")).await;
    let plugins = host.api.json("/api/vigie/v1/plugins").await;
    let samples = &plugins["plugins"][0]["samples"];
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let dropped: u64 = samples["dropped"].as_object().unwrap().values().map(number).sum();
    assert!(number(&samples["taken"]) > 100, "{samples}");
    assert_eq!(number(&samples["taken"]), number(&samples["applied"]) + dropped + number(&samples["queued"]), "{samples}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_are_served_by_negotiation() {
    let home = Home::new();
    with_system(&home);
    let host = home.start();
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    let (_, kind, text) = host.api.get("/metrics", &[]).await;
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    assert!(text.contains("# TYPE node_cpu_seconds_total counter"));
    let (_, kind, open) = host.api.get("/metrics", &[("accept", "application/openmetrics-text; version=1.0.0")]).await;
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(open.contains("# TYPE node_cpu_seconds counter") && open.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_host_and_an_address_beyond_loopback_is_refused() {
    let home = Home::new();
    let host = home.start();
    let second = home.command().output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains(&format!("in use by process {}", host.pid())), "{said}");
    let beyond = home.command().args(["--listen", "0.0.0.0:7979"]).output().unwrap();
    assert_eq!(beyond.status.code(), Some(2), "{}", String::from_utf8_lossy(&beyond.stderr));
}
