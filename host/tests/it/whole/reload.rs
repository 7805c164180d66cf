//! The plugin directory changes while the host runs.

use super::with_system;
use crate::support::client::is;
use crate::support::host::{Home, shipped};

fn offset(event: &serde_json::Value) -> u64 {
    event["offset"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_added_changed_and_removed_are_taken_up() {
    let home = Home::new();
    let host = home.start();
    with_system(&home);
    let loaded = host.api.wait("the new plugin is loaded", |event| is(event, "plugin-loaded", "system")).await;
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    let config = std::fs::read_to_string(home.plugins().join("system.toml")).unwrap();
    home.config("system", &config.replace("interval = \"1s\"", "interval = \"2s\""));
    let changed = host.api.wait("the old one is stopped", |event| is(event, "plugin-stopped", "system")).await;
    assert_eq!(changed["data"]["reason"], "changed");
    let again = host.api.wait_from(offset(&loaded) + 1, "the new one runs", |event| is(event, "plugin-loaded", "system")).await;
    home.remove("system");
    let removed = host.api.wait_from(offset(&again), "it is removed", |event| is(event, "plugin-stopped", "system")).await;
    assert_eq!(removed["data"]["reason"], "removed");
    let page = host.api.metrics().await;
    assert!(!page.lines().any(|line| line.starts_with("node_")), "its series ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_does_not_replace_what_runs() {
    let home = Home::new();
    with_system(&home);
    let host = home.start();
    host.api.wait("it collects", |event| is(event, "samples-collected", "system")).await;
    let whole = std::fs::read(shipped("system")).unwrap();
    std::fs::write(home.plugins().join("system.wasm"), &whole[..whole.len() / 2]).unwrap();
    let refused = host.api.wait("the half file is refused", |event| is(event, "plugin-refused", "system")).await;
    host.api.wait_from(offset(&refused), "the old one goes on", |event| is(event, "samples-collected", "system")).await;
    let plugins = host.api.json("/api/vigie/v1/plugins").await;
    assert_eq!(plugins["plugins"][0]["state"], "running");
    assert!(plugins["plugins"][0]["error"].is_string());
    home.config("system", "intervall = \"5s\"\n");
    let refused =
        host.api.wait_from(offset(&refused) + 1, "the setting is refused", |event| is(event, "plugin-refused", "system")).await;
    let error = refused["data"]["error"].as_str().unwrap();
    assert!(error.contains("system.toml:1:1") && error.contains("`interval`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_capability_is_an_event_with_the_line_to_add() {
    let home = Home::new();
    home.component("system", &shipped("system")).config("system", "interval = \"1s\"\n[grants]\nfiles = [\"/proc/loadavg\"]\n");
    let host = home.start();
    let denied = host
        .api
        .wait("a file is denied", |event| is(event, "capability-denied", "system") && event["data"]["scope"] == "/proc/stat");
    let denied = denied.await;
    assert!(denied["data"]["hint"].as_str().unwrap().contains("files = [\"/proc/loadavg\", \"/proc/stat\"]"), "{denied}");
    host.api.wait("what is granted is collected", |event| is(event, "samples-collected", "system")).await;
    assert!(host.api.metrics().await.contains("node_load1{"));
}
