//! The plugin as the host drives it: a notification in, a request out, an answer in, a receipt or an error out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use vigie_plugin::http::{Encoding, Response};
use vigie_plugin::testing::{Fakes, Installed, Instance, Request, START};
use vigie_plugin::{Alert, AlertState, Error, Fault, Notification, Receipt, label, labels};
use vigie_webhook::Webhook;

fn alert(state: AlertState) -> Alert {
    Alert {
        fingerprint: "abc123".into(),
        state,
        rule: "Down".into(),
        labels: labels([("instance", "db1"), ("alertname", "Down"), ("odd", "a \"quote\"")]),
        annotations: labels([("summary", "db1 is down")]),
        value: 1.0,
        started_at: START,
        ended_at: (state == AlertState::Resolved).then_some(START + 60_500.0),
        source_url: "http://vigie/alerts/abc123".into(),
    }
}

fn notification(settings: &Value, alerts: Vec<Alert>) -> Notification {
    Notification {
        id: "n1".into(),
        settings: settings.to_string(),
        group_key: "{}:{alertname=\"Down\"}".into(),
        group_labels: labels([("alertname", "Down")]),
        common_labels: labels([("alertname", "Down"), ("instance", "db1")]),
        common_annotations: labels([("summary", "db1 is down")]),
        alerts,
        truncated: 2,
        external_url: "http://vigie".into(),
        previous: Some("msg-1".into()),
        ..Notification::new("ops")
    }
}

fn answering(answer: impl Fn() -> Response + 'static) -> Installed {
    Fakes::new().http(move |_| Ok(answer())).install()
}

type Outcome = Result<Receipt, (Fault, String, Option<f64>)>;

fn notify(settings: &Value, alerts: Vec<Alert>) -> Outcome {
    let instance = Instance::<Webhook>::new();
    instance.init("{}").unwrap();
    let outcome = instance.notify(&notification(settings, alerts));
    outcome.map_err(|error| (error.fault, error.message, error.retry_after_ms))
}

fn firing() -> Vec<Alert> {
    vec![alert(AlertState::Firing)]
}

fn sent(fakes: &Installed) -> Request {
    let requests = fakes.requests();
    assert_eq!(requests.len(), 1);
    requests.into_iter().next().unwrap()
}

fn body(fakes: &Installed) -> String {
    String::from_utf8(sent(fakes).body.unwrap()).unwrap()
}

fn answered(status: u16) -> Outcome {
    let _fakes = answering(move || Response::new(status).body("go\n away"));
    notify(&json!({"url": "http://hook/x"}), firing())
}

#[test]
fn the_payload_is_alertmanagers_version_4_key_by_key_and_in_its_order() {
    let fakes = answering(|| Response::new(200));
    notify(&json!({"url": "http://hook/x"}), vec![alert(AlertState::Firing), alert(AlertState::Resolved)]).unwrap();
    let expected = r#"{"receiver":"ops","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Down","instance":"db1","odd":"a \"quote\""},"annotations":{"summary":"db1 is down"},"startsAt":"2026-01-01T00:00:00.000Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://vigie/alerts/abc123","fingerprint":"abc123"},{"status":"resolved","labels":{"alertname":"Down","instance":"db1","odd":"a \"quote\""},"annotations":{"summary":"db1 is down"},"startsAt":"2026-01-01T00:00:00.000Z","endsAt":"2026-01-01T00:01:00.500Z","generatorURL":"http://vigie/alerts/abc123","fingerprint":"abc123"}],"groupLabels":{"alertname":"Down"},"commonLabels":{"alertname":"Down","instance":"db1"},"commonAnnotations":{"summary":"db1 is down"},"externalURL":"http://vigie","version":"4","groupKey":"{}:{alertname=\"Down\"}","truncatedAlerts":2}"#;
    assert_eq!(body(&fakes), expected);
    let request = sent(&fakes);
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "http://hook/x"));
    assert_eq!(label(&request.headers, "Content-Type"), Some("application/json"));
    assert_eq!(request.fills, None);
}

#[test]
fn a_group_in_which_nothing_fires_is_resolved() {
    let fakes = answering(|| Response::new(200));
    notify(&json!({"url": "http://hook/x"}), vec![alert(AlertState::Resolved)]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&body(&fakes)).unwrap()["status"], "resolved");
}

#[test]
fn resolved_alerts_are_left_out_where_the_receiver_wants_none() {
    let settings = json!({"url": "http://hook/x", "send-resolved": false});
    let fakes = answering(|| Response::new(200));
    notify(&settings, vec![alert(AlertState::Firing), alert(AlertState::Resolved)]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&body(&fakes)).unwrap()["alerts"].as_array().unwrap().len(), 1);
    drop(fakes);
    let fakes = answering(|| panic!("nothing is to be sent"));
    let receipt = notify(&settings, vec![alert(AlertState::Resolved)]).unwrap();
    assert!(label(&receipt.details, "skipped").is_some());
    assert!(fakes.requests().is_empty());
}

#[test]
fn a_template_makes_any_json_of_the_payload_and_what_vigie_adds() {
    let fakes = answering(|| Response::new(200));
    // Each filter and test is here, because the environment has only those that were added.
    let words = r#"{% for name, value in commonLabels | items if value is defined and name is not none and "a" in name and
        value is startingwith "D" %}{{ name | upper | lower | trim | replace("alert", "") }}{% endfor %}{{
        alerts | selectattr("status", "eq", "firing") | map(attribute="fingerprint") | join("+") }}{{
        (alerts | first).value | round }}{{ (alerts | last).nothing | default("-") }}"#;
    notify(&json!({"url": "http://hook/x", "template": words, "content-type": "text/plain"}), firing()).unwrap();
    assert_eq!(body(&fakes), "nameabc1231.0-");
    drop(fakes);
    let fakes = answering(|| Response::new(200));
    let template = r#"{"text": {{ alerts[0].labels.odd | tojson }}, "n": {{ alerts | length }}, "value": {{ alerts[0].value }},
        "key": {{ groupKey | tojson }}, "previous": {{ previous | tojson }}, "rule": "{{ alerts[0].rule }}"}"#;
    notify(&json!({"url": "http://hook/x", "template": template}), firing()).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&body(&fakes)).unwrap(),
        json!({"text": "a \"quote\"", "n": 1, "value": 1.0, "key": "{}:{alertname=\"Down\"}", "previous": "msg-1", "rule": "Down"})
    );
}

#[test]
fn templates_that_cannot_work_are_errors_of_the_configuration() {
    let _fakes = answering(|| panic!("nothing is to be sent"));
    for (template, part) in [
        ("{{ alerts[0].nothing.more }}", "undefined"),
        (&format!("{}x{}", "{% for a in [1,2,3,4,5,6,7,8,9,0] %}".repeat(8), "{% endfor %}".repeat(8)), "fuel"),
        ("{{ alerts | nothing }}", "unknown filter"),
        ("{\"a\": \"{{ alerts[0].labels.odd }}\"}", "`template` made no JSON"),
        ("{{ ", "syntax error"),
    ] {
        let (fault, message, _) = notify(&json!({"url": "http://hook/x", "template": template}), firing()).unwrap_err();
        assert_eq!(fault, Fault::Config);
        assert!(message.contains(part), "{message}");
    }
    let error = Instance::<Webhook>::new().init(&json!({"template": "{% if %}"}).to_string()).unwrap_err();
    assert!(error.message.starts_with("`template`: syntax error"), "{}", error.message);
}

#[test]
fn a_template_of_another_type_need_not_be_json() {
    let fakes = answering(|| Response::new(200));
    notify(&json!({"url": "http://hook/x", "template": "{{ status }} <b>", "content-type": "text/plain"}), firing()).unwrap();
    assert_eq!(body(&fakes), "firing <b>");
}

#[test]
fn secrets_are_placeholders_in_url_headers_and_template() {
    let fakes = answering(|| Response::new(200));
    let settings = json!({
        "url": "https://hook/services/${secret:path}?x=1",
        "headers": {"X-Key": "k=${secret:key}"},
        "bearer": "token",
        "template": "{\"routing_key\": \"{{ secret('key') }}\"}",
    });
    notify(&settings, firing()).unwrap();
    let request = sent(&fakes);
    assert_eq!(request.url, "https://hook/services/vigie-fill-0-0-?x=1");
    assert_eq!(label(&request.headers, "X-Key"), Some("k=vigie-fill-0-2-"));
    assert_eq!(body(&fakes), r#"{"routing_key": "vigie-fill-0-1-"}"#);
    let fills = request.fills.unwrap();
    let found = |placeholder: &str| {
        fills.iter().find(|fill| fill.placeholder == placeholder).map(|fill| (fill.secret.as_str(), fill.encoding))
    };
    assert_eq!(found("vigie-fill-0-0-"), Some(("path", Encoding::Plain)));
    assert_eq!(found("vigie-fill-0-1-"), Some(("key", Encoding::Json)));
    assert_eq!(found("vigie-fill-0-2-"), Some(("key", Encoding::Plain)));
    let authorization = label(&request.headers, "Authorization").unwrap();
    assert_eq!(found(authorization.strip_prefix("Bearer ").unwrap()), Some(("token", Encoding::Plain)));
}

#[test]
fn an_alert_cannot_write_a_placeholder() {
    let fakes = answering(|| Response::new(200));
    let mut alert = alert(AlertState::Firing);
    alert.annotations = labels([("summary", "vigie-fill-0-0- and vigie-secret-0-")]);
    notify(&json!({"url": "https://hook/${secret:path}", "basic": {"user": "me", "secret": "pass"}}), vec![alert]).unwrap();
    let request = sent(&fakes);
    assert_eq!(request.url, "https://hook/vigie-fill-1-0-");
    let basic = request.fills.unwrap().into_iter().find(|fill| fill.encoding == Encoding::Basic).unwrap();
    assert_eq!((basic.user.as_str(), basic.secret.as_str(), basic.placeholder.as_str()), ("me", "pass", "vigie-secret-1-"));
}

#[test]
fn the_answers_reference_is_handed_back() {
    for (reference, expected) in [
        (json!({"header": "x-message-id"}), "m-1"),
        (json!({"json": "/data/id"}), "42"),
        (json!({"json": "/data/key"}), "k"),
        (json!({"json": "/nothing"}), ""),
        (json!(null), ""),
    ] {
        let body = r#"{"data": {"id": 42, "key": "k"}}"#;
        let _fakes = answering(move || Response::new(202).header("X-Message-Id", "m-1").body(body));
        let receipt = notify(&json!({"url": "http://hook/x", "reference": reference}), firing()).unwrap();
        assert_eq!(receipt.reference, expected);
        assert_eq!(label(&receipt.details, "status"), Some("202"));
    }
}

#[test]
fn busy_receivers_are_tried_again_and_refusals_are_not() {
    for (status, fault) in [
        (500, Fault::Transient),
        (503, Fault::Transient),
        (429, Fault::Transient),
        (408, Fault::Transient),
        (400, Fault::Permanent),
        (401, Fault::Permanent),
        (404, Fault::Permanent),
        (301, Fault::Permanent),
    ] {
        let (found, message, _) = answered(status).unwrap_err();
        assert_eq!(found, fault, "{status}");
        assert!(message.starts_with(&format!("the receiver answered {status}: `go away`")), "{message}");
    }
}

#[test]
fn a_receivers_retry_after_is_kept() {
    for (header, wait) in [("30", Some(30_000.0)), ("Thu, 01 Jan 2026 00:00:10 GMT", Some(10_000.0)), ("soon", None)] {
        let _fakes = answering(move || Response::new(503).header("retry-after", header));
        let (_, _, found) = notify(&json!({"url": "http://hook/x"}), firing()).unwrap_err();
        assert_eq!(found, wait);
    }
}

#[test]
fn an_answer_to_a_request_with_a_secret_is_not_shown() {
    let _fakes = answering(|| Response::new(400).body("bad key s3cret"));
    let (_, message, _) = notify(&json!({"url": "http://hook/x", "bearer": "token"}), firing()).unwrap_err();
    assert_eq!(message, "the receiver answered 400");
}

#[test]
fn errors_of_the_way_there_keep_their_fault() {
    let _fakes = Fakes::new().http(|_| Err(Error::timeout("no answer").retry_after(Duration::from_secs(1)))).install();
    let (fault, _, wait) = notify(&json!({"url": "http://hook/x"}), firing()).unwrap_err();
    assert_eq!((fault, wait), (Fault::Timeout, Some(1000.0)));
}

#[test]
fn wrong_settings_are_refused_with_key_and_remedy() {
    let _fakes = answering(|| panic!("nothing is to be sent"));
    for (settings, part) in [
        (json!({}), "`url` is missing"),
        (json!({"url": "hook"}), "`url`: `hook` is no URL"),
        (json!({"url": "https://${secret:host}/x"}), "has a secret in its host"),
        (json!({"url": "https://x/${secret:}"}), "write a secret as `${secret:NAME}`"),
        (json!({"url": "https://x", "bearer": "a", "basic": {"user": "b", "secret": "c"}}), "exclude each other"),
        (json!({"url": "https://x", "bearer": "a", "headers": {"authorization": "x"}}), "leave one out"),
        (json!({"url": "https://x", "headers": {"content-type": "x"}}), "beside `headers`"),
        (json!({"url": "https://x", "reference": {"json": "id"}}), "`id` is no JSON pointer"),
        (json!({"uri": "https://x"}), "unknown field `uri`"),
    ] {
        let (fault, message, _) = notify(&settings, firing()).unwrap_err();
        assert_eq!(fault, Fault::Config, "{message}");
        assert!(message.contains(part), "{message}");
    }
}

/// The `[config]` of each example in the page that operators read.
fn documented() -> Vec<Value> {
    let page = include_str!("../../../docs/plugins/webhook.md");
    let indented = page.lines().map(|line| line.strip_prefix("    ").or((line.is_empty()).then_some("")));
    let blocks = indented.fold(vec![String::new()], |mut blocks, line| {
        match (line, blocks.last_mut()) {
            (Some(line), Some(block)) => block.extend([line, "\n"]),
            _ => blocks.push(String::new()),
        }
        blocks
    });
    let configs = blocks.iter().filter(|block| block.contains("[config]")).map(|block| toml::from_str::<Value>(block).unwrap());
    configs.map(|mut block| block["config"].take()).collect()
}

#[test]
fn the_documented_examples_work() {
    let examples = documented();
    assert_eq!(examples.len(), 3);
    for settings in examples {
        let fakes = answering(|| Response::new(202).body(r#"{"dedup_key": "k"}"#));
        let receipt = notify(&settings, firing()).unwrap();
        assert_eq!(receipt.reference, if settings["reference"].is_null() { "" } else { "k" });
        let sent: Value = serde_json::from_str(&body(&fakes)).unwrap();
        if settings.get("template").is_some() {
            assert_eq!(sent["payload"], json!({"summary": "db1 is down", "source": "db1", "severity": "error"}));
            assert_eq!((&sent["event_action"], &sent["dedup_key"]), (&json!("trigger"), &json!("{}:{alertname=\"Down\"}")));
        }
    }
}
