//! Checks, alerters and notifiers.

use std::time::Duration;

use vigie::model::{Fingerprint, Input, Labels, Notification, NotifiedAlert, NotifiedState, Status, Timestamp, Watched};
use vigie::plugin::{Handle, Outcome, Request};

use super::rig::{NOW, Rig, call, name, target};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_trusted(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

#[tokio::test]
async fn a_checks_answer_becomes_a_report_and_series() {
    let rig = Rig::new("checker");
    let handle = rig.start().await;
    let finished = call(&handle, Request::Check(target("degraded"))).await;
    let Outcome::Checked(report) = &finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!((report.status, report.latency), (Status::Degraded, Some(Duration::from_micros(12_500))));
    assert_eq!(report.details, labels(&[("name", "degraded")]), "what is no label name is left out");
    let samples = rig.samples(finished.status.as_ref());
    assert!(samples.contains(&r#"check_up{check="checker",target="degraded"} 1"#.to_owned()), "{samples:?}");
    assert!(
        samples.contains(&r#"check_status{check="checker",status="degraded",target="degraded"} 1"#.to_owned()),
        "{samples:?}"
    );
    assert!(samples.contains(&r#"check_latency_seconds{check="checker",target="degraded"} 0.0125"#.to_owned()), "{samples:?}");
    finished.settle.committed();
}

#[tokio::test]
async fn a_check_that_cannot_ask_is_unknown_and_ends_check_up() {
    let rig = Rig::new("checker");
    let handle = rig.start().await;
    let at = |address: &str| {
        let mut target = (*target("t")).clone();
        target.address = address.into();
        Request::Check(std::sync::Arc::new(target))
    };
    for address in ["panic", "nowhere"] {
        call(&handle, at("up")).await.settle.committed();
        let finished = call(&handle, at(address)).await;
        assert_eq!(finished.outcome.report().status, Status::Unknown);
        let samples = rig.samples(finished.status.as_ref());
        assert!(samples.contains(&r#"check_status{check="checker",status="unknown",target="t"} 1"#.to_owned()), "{samples:?}");
        assert!(rig.ended(finished.status.as_ref()).contains(&r#"check_up{check="checker",target="t"}"#.to_owned()));
        finished.settle.committed();
    }
}

async fn evaluate(handle: &Handle, now: Timestamp, rule: &str, inputs: Vec<Input>) -> Outcome {
    let finished = call(handle, Request::Evaluate { now, rule: rule.into(), inputs }).await;
    finished.settle.committed();
    finished.outcome
}

#[tokio::test]
async fn rules_are_read_and_checked() {
    let handle = Rig::new("alerter").start().await;
    let finished = call(&handle, Request::Rules).await;
    let Outcome::Rules(rules) = &finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!(rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["above", "repeatable", "bad-labels", "panic"]);
    assert_eq!((rules[0].hold_for, rules[0].labels.clone()), (Duration::from_secs(60), labels(&[("severity", "page")])));
    finished.settle.committed();
}

#[tokio::test]
async fn an_evaluation_says_what_holds() {
    let handle = Rig::new("alerter").start().await;
    let series = |job: &str, value: f64| Watched {
        labels: labels(&[("__name__", "up"), ("job", job)]),
        times: vec![NOW],
        values: vec![value],
        fresh: 1,
    };
    let inputs = vec![Input { selector: "up".into(), series: vec![series("a", 1.0), series("b", 2.0)] }];
    let Outcome::Evaluated(findings) = evaluate(&handle, NOW, "above", inputs).await else { panic!("no findings") };
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].labels.clone(), findings[0].value), (labels(&[("job", "b")]), 2.0));
}

#[tokio::test]
async fn the_same_inputs_give_the_same_answer_in_any_instance() {
    let rig = Rig::new("alerter");
    let (one, two) = (rig.start().await, rig.start().await);
    let answer = evaluate(&one, NOW, "repeatable", Vec::new()).await;
    assert_eq!(evaluate(&two, NOW, "repeatable", Vec::new()).await, answer);
    let Outcome::Evaluated(findings) = &answer else { panic!("{answer:?}") };
    assert_eq!(findings[0].labels.get("wall"), Some(NOW.0.to_string().as_str()));
    assert_eq!(findings[0].labels.get("passed"), Some("0"));
}

#[tokio::test]
async fn findings_with_bad_labels_are_an_error_of_the_rule() {
    let handle = Rig::new("alerter").start().await;
    let Outcome::Erred { message, .. } = evaluate(&handle, NOW, "bad-labels", Vec::new()).await else {
        panic!("they were taken")
    };
    assert!(message.starts_with("finding: `9` is no label name"), "{message}");
}

#[tokio::test]
async fn samples_of_an_evaluation_have_its_time() {
    let handle = Rig::new("alerter").start().await;
    let finished = call(&handle, Request::Evaluate { now: NOW, rule: "emit".into(), inputs: Vec::new() }).await;
    let samples: Vec<_> =
        finished.output.as_ref().unwrap().collected.samples.iter().map(|(_, at, value)| (at, value)).collect();
    assert_eq!(samples, [(NOW, 1.0)]);
    finished.settle.committed();
}

#[tokio::test]
async fn a_notification_is_delivered_and_answered() {
    let handle = Rig::new("notifier").start().await;
    let alert = NotifiedAlert {
        fingerprint: Fingerprint(7),
        state: NotifiedState::Firing,
        rule: "hot".into(),
        labels: labels(&[("alertname", "hot")]),
        annotations: Labels::default(),
        value: 3.0,
        started_at: NOW,
        ended_at: None,
        source_url: String::new(),
    };
    let notification = Notification {
        id: "1-9-pager".into(),
        attempt: 2,
        receiver: name("notifier"),
        settings: "{}".into(),
        group_key: "g".into(),
        group_labels: Labels::default(),
        common_labels: Labels::default(),
        common_annotations: Labels::default(),
        alerts: vec![alert],
        truncated: 0,
        external_url: String::new(),
        previous: None,
    };
    let finished = call(&handle, Request::Notify(Box::new(notification))).await;
    let Outcome::Notified(receipt) = &finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!(
        (receipt.reference.as_str(), receipt.details.get("attempt"), receipt.details.get("rules")),
        ("sent-1-9-pager", Some("2"), Some("hot"))
    );
    finished.settle.committed();
}
