//! From a page that goes down to a notified alert, and through a kill.

use serde_json::Value;

use super::with_watched_page;
use crate::support::client::is;
use crate::support::host::Home;
use crate::support::receiver::Server;

/// What a command of the real binary says on standard output, with its exit code.
fn command(arguments: &[&str]) -> (i32, String) {
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_vigie")).args(arguments).output().unwrap();
    (ended.status.code().unwrap(), String::from_utf8(ended.stdout).unwrap())
}

fn offset(event: &Value) -> u64 {
    event["offset"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_goes_down_is_pending_firing_notified_and_resolved_when_it_is_back() {
    let (home, server) = (Home::new(), Server::start().await);
    with_watched_page(&home, &server.address, "2s");
    let host = home.start();
    host.api.wait("the page is up", |event| event["kind"] == "check-completed" && event["data"]["status"] == "up").await;
    server.page(500);
    let pended = host.api.wait("the alert is pending", |event| is(event, "alert-pended", "threshold")).await;
    let fired = host.api.wait("the alert fires", |event| is(event, "alert-fired", "threshold")).await;
    assert!(offset(&fired) > offset(&pended));
    assert_eq!(fired["data"]["labels"]["target"], "shop");
    assert_eq!(fired["data"]["labels"]["team"], "web");
    assert!(fired["data"]["annotations"]["message"].as_str().unwrap().contains("500"), "{fired}");
    let body = server.received().await;
    assert_eq!((&body["version"], &body["status"]), (&"4".into(), &"firing".into()));
    assert_eq!(body["alerts"][0]["labels"]["alertname"], "ShopDown");
    let alerts = host.api.json("/api/vigie/v1/alerts").await;
    assert_eq!(alerts["alerts"][0]["state"], "firing", "{alerts}");
    let (code, told) = command(&["status", "--url", &format!("http://{}", host.address)]);
    assert!(code == 1 && told.contains("ShopDown") && told.contains("firing"), "{code}: {told}");
    let (code, told) = command(&["status", "--json", "--url", &format!("http://{}", host.address)]);
    assert!(code == 1 && serde_json::from_str::<Value>(&told).is_ok(), "{code}: {told}");
    server.page(200);
    host.api.wait("the alert is resolved", |event| is(event, "alert-resolved", "threshold")).await;
    assert_eq!(server.received().await["status"], "resolved");
    let sent =
        host.api.wait_from(offset(&fired), "the delivery is recorded", |event| is(event, "notification-sent", "webhook")).await;
    assert_eq!(sent["data"]["attempt"], 1);
    assert!(host.terminate().success());
    let (code, told) = command(&["events", "--data-dir", home.data().to_str().unwrap()]);
    assert!(code == 0 && told.contains("alert-fired") && told.contains("notification-sent"), "{code}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_in_the_middle_of_for_the_alert_fires_on_time() {
    let (home, server) = (Home::new(), Server::start().await);
    with_watched_page(&home, &server.address, "6s");
    server.page(500);
    let host = home.start();
    let pended = host.api.wait("the alert is pending", |event| is(event, "alert-pended", "threshold")).await;
    host.kill();
    let host = home.start();
    let fired = host.api.wait("the alert fires", |event| is(event, "alert-fired", "threshold")).await;
    assert_eq!(fired["data"]["active_since"], pended["data"]["active_since"], "the timer went on");
    let events = host.api.json("/api/vigie/v1/events?from=1&limit=1000&kind=alert-pended,alert-dismissed,host-started").await;
    let kinds: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["host-started", "alert-pended", "host-started"], "pending once, never dismissed");
    assert_eq!(server.received().await["status"], "firing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_delivered_before_a_kill_is_delivered_after_it_under_the_same_id() {
    let (home, server) = (Home::new(), Server::start().await);
    with_watched_page(&home, &server.address, "0s");
    server.page(500);
    server.hook(503);
    let host = home.start();
    let failed = host.api.wait("a delivery fails", |event| is(event, "notification-failed", "webhook")).await;
    assert!(failed["data"]["retry_at"].is_string(), "{failed}");
    host.kill();
    server.hook(200);
    let host = home.start();
    let sent = host.api.wait("the delivery is made", |event| is(event, "notification-sent", "webhook")).await;
    assert_eq!(sent["data"]["notification"], failed["data"]["notification"]);
    assert!(sent["data"]["attempt"].as_u64().unwrap() > 1);
}
