//! The guests that are not Rust, in the same host.

use crate::support::client::is;
use crate::support::host::{Home, foreign};

#[tokio::test(flavor = "multi_thread")]
async fn a_python_collector_and_a_javascript_alerter_run_side_by_side() {
    let (Some(python), Some(javascript)) = (foreign("python-collector"), foreign("javascript-alerter")) else {
        assert!(std::env::var_os("VIGIE_REQUIRE_PEERS").is_none(), "VIGIE_FOREIGN_DIR is not set, run `cargo xtask test`");
        eprintln!("skipped: the guests in other languages are not built");
        return;
    };
    let home = Home::new();
    let file = home.path().join("queue.json");
    std::fs::write(&file, r#"{"jobs": {"waiting": 7}, "served": 100}"#).unwrap();
    let shown = file.display();
    home.component("json-file", &python).config(
        "json-file",
        &format!(
            "interval = \"1s\"\n[[targets]]\nname = \"queue\"\naddress = \"{shown}\"\n[grants]\nfiles = [\"{shown}\"]\n\
             [limits]\nmemory = \"128MiB\"\n\
             [[config.values]]\nname = \"jobs_waiting\"\npath = \"jobs.waiting\"\n\
             [[config.values]]\nname = \"served_total\"\npath = \"served\"\nkind = \"counter\"\n"
        ),
    );
    home.component("drift", &javascript).config(
        "drift",
        "interval = \"1s\"\n[[config.rules]]\nname = \"NothingServed\"\nfind = \"standstill\"\nselector = \"served_total\"\nwindow = \"8s\"\nsamples-min = 2\n",
    );
    let host = home.start();
    host.api.wait("python collects", |event| is(event, "samples-collected", "json-file")).await;
    let page = host.api.metrics().await;
    assert!(page.contains("jobs_waiting{") && page.contains(" 7\n"), "{page}");
    let declared = host.api.wait("javascript has rules", |event| is(event, "rules-declared", "drift")).await;
    assert!(!declared["data"]["rules"].as_array().unwrap().is_empty(), "{declared}");
    host.api.wait("javascript finds that the counter stands still", |event| is(event, "alert-fired", "drift")).await;
}
