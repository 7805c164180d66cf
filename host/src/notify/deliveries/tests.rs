//! Deliveries from an alert to their result, by tables and properties.

use proptest::prelude::*;

use super::*;
use crate::model::{Epoch, Labels, Offset};

fn id(offset: u64) -> EventId {
    EventId { epoch: Epoch(1), offset: Offset(offset) }
}

fn seconds(s: u64) -> Timestamp {
    Timestamp(0) + Duration::from_secs(s)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn loaded(plugin: &str, role: &str) -> Event {
    let (version, digest, roles) = (String::new(), String::new(), vec![role.into()]);
    Event::PluginLoaded(PluginFacts { plugin: name(plugin), version, digest, roles })
}

fn stopped(plugin: &str, reason: &str) -> Event {
    Event::PluginStopped { plugin: name(plugin), reason: reason.into() }
}

fn change(alert: &str) -> AlertChange {
    let labels = Labels::new([("alertname", "Down"), ("host", alert)]).unwrap();
    AlertChange {
        plugin: name("threshold"),
        rule: "Down".into(),
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Labels::new([("summary", "it is down")]).unwrap(),
        value: 1.0,
        active_since: seconds(1),
        at: seconds(5),
        reason: None,
    }
}

fn deliveries(receivers: &[&str]) -> Deliveries {
    let mut deliveries = Deliveries::default();
    for receiver in receivers {
        deliveries.apply(id(1), seconds(0), &loaded(receiver, "notifier"));
    }
    deliveries
}

fn ids(deliveries: &Deliveries, now: Timestamp) -> Vec<String> {
    deliveries.due(now).iter().map(|due| due.id.to_string()).collect()
}

fn receipt(reference: &str) -> Receipt {
    Receipt { reference: reference.into(), details: Labels::default() }
}

/// Ends the first due delivery: sent, or failed with this fault.
fn end(deliveries: &mut Deliveries, now: Timestamp, fault: Option<Fault>) -> Event {
    let due = deliveries.due(now);
    let event = match fault {
        None => due[0].sent(Duration::ZERO, &receipt("m-1")),
        Some(fault) => due[0].failed(now, Duration::ZERO, fault, "refused".into(), None),
    };
    deliveries.apply(id(100), now, &event);
    event
}

#[test]
fn a_receiver_that_comes_later_is_told_what_fires_and_not_what_is_over() {
    let mut deliveries = Deliveries::default();
    deliveries.apply(id(2), seconds(5), &Event::AlertFired(change("a")));
    deliveries.apply(id(3), seconds(5), &Event::AlertFired(change("b")));
    deliveries.apply(id(4), seconds(6), &Event::AlertResolved(change("b")));
    deliveries.apply(id(5), seconds(7), &loaded("webhook", "notifier"));
    assert_eq!(ids(&deliveries, seconds(7)), ["1-2/webhook"]);
    deliveries.apply(id(6), seconds(8), &loaded("webhook", "notifier"));
    assert_eq!(ids(&deliveries, seconds(8)), ["1-2/webhook"], "told once, however often it is loaded");
}

#[test]
fn every_receiver_is_told_of_every_alert() {
    let mut deliveries = deliveries(&["mail", "webhook"]);
    deliveries.apply(id(2), seconds(0), &loaded("system", "collector"));
    deliveries.apply(id(7), seconds(5), &Event::AlertFired(change("a")));
    assert_eq!(ids(&deliveries, seconds(5)), ["1-7/mail", "1-7/webhook"]);
    assert_eq!(deliveries.next_due(), Some(seconds(5)));
    end(&mut deliveries, seconds(6), None);
    assert_eq!(ids(&deliveries, seconds(6)), ["1-7/webhook"]);
    end(&mut deliveries, seconds(6), None);
    assert_eq!((deliveries.next_due(), deliveries.given_up()), (None, 0));
    // One that comes later is told of what fires.
    deliveries.apply(id(8), seconds(7), &loaded("pager", "notifier"));
    assert_eq!(ids(&deliveries, seconds(9)), ["1-7/pager"]);
}

#[test]
fn a_failed_attempt_comes_again_with_the_same_id_until_it_is_given_up() {
    let mut deliveries = deliveries(&["webhook"]);
    deliveries.apply(id(7), seconds(5), &Event::AlertFired(change("a")));
    let Event::NotificationFailed { delivery, retry_at: Some(retry_at), .. } =
        end(&mut deliveries, seconds(6), Some(Fault::Transient))
    else {
        panic!("it was not to be tried again")
    };
    assert_eq!((delivery.notification.as_str(), delivery.attempt), ("1-7/webhook", 1));
    assert!(ids(&deliveries, seconds(6)).is_empty());
    assert_eq!(deliveries.next_due(), Some(retry_at));
    let due = deliveries.due(retry_at);
    assert_eq!((due[0].attempt(), due[0].waiting.error.as_deref()), (2, Some("refused")));
    let given_up = end(&mut deliveries, retry_at, Some(Fault::Permanent));
    assert!(matches!(given_up, Event::NotificationFailed { retry_at: None, .. }));
    deliveries.apply(id(101), retry_at, &given_up);
    assert_eq!((deliveries.next_due(), deliveries.given_up()), (None, 1));
}

#[test]
fn the_end_of_an_alert_waits_for_its_beginning_and_for_no_other() {
    let mut deliveries = deliveries(&["webhook"]);
    deliveries.apply(id(7), seconds(5), &Event::AlertFired(change("a")));
    deliveries.apply(id(8), seconds(5), &Event::AlertResolved(change("a")));
    deliveries.apply(id(9), seconds(5), &Event::AlertFired(change("b")));
    assert_eq!(ids(&deliveries, seconds(5)), ["1-7/webhook", "1-9/webhook"]);
    end(&mut deliveries, seconds(5), Some(Fault::Timeout));
    assert_eq!(ids(&deliveries, seconds(5)), ["1-9/webhook"]);
    end(&mut deliveries, seconds(5), None);
    assert_eq!(ids(&deliveries, seconds(60)), ["1-7/webhook"]);
    end(&mut deliveries, seconds(60), None);
    assert_eq!(ids(&deliveries, seconds(60)), ["1-8/webhook"]);
}

#[test]
fn the_content_is_that_of_a_group_of_one() {
    let mut deliveries = deliveries(&["webhook"]);
    deliveries.apply(id(7), seconds(5), &Event::AlertFired(change("a")));
    let fired = deliveries.due(seconds(5))[0].notification("{}", "http://vigie");
    assert_eq!((fired.id.as_str(), fired.attempt, &fired.previous), ("1-7/webhook", 1, &None));
    assert_eq!((fired.alerts[0].state, fired.alerts[0].ended_at), (NotifiedState::Firing, None));
    end(&mut deliveries, seconds(5), None);
    deliveries.apply(id(8), seconds(9), &Event::AlertResolved(change("a")));
    let resolved = deliveries.due(seconds(9))[0].notification("{}", "http://vigie");
    assert_eq!(resolved.previous.as_deref(), Some("m-1"));
    assert_eq!(resolved.group_key, fired.group_key);
    assert_eq!(resolved.group_key, format!("threshold/Down:{}", change("a").fingerprint));
    assert_eq!(resolved.common_labels, change("a").labels);
    let alert = &resolved.alerts[0];
    assert_eq!((alert.started_at, alert.ended_at), (fired.alerts[0].started_at, Some(seconds(5))));
    assert_eq!(alert.source_url, format!("http://vigie/?alert={}", alert.fingerprint));
    end(&mut deliveries, seconds(9), None);
    deliveries.apply(id(10), seconds(10), &Event::AlertFired(change("a")));
    assert_eq!(deliveries.due(seconds(10))[0].previous, None);
}

#[test]
fn a_removed_receiver_gives_up_and_a_changed_one_tries_at_once() {
    let mut deliveries = deliveries(&["mail", "webhook"]);
    deliveries.apply(id(7), seconds(5), &Event::AlertFired(change("a")));
    end(&mut deliveries, seconds(5), Some(Fault::Denied));
    let until = deliveries.next_due();
    deliveries.apply(id(8), seconds(5), &stopped("mail", "changed"));
    deliveries.apply(id(9), seconds(5), &loaded("mail", "notifier"));
    assert!(until < Some(seconds(6)) && deliveries.next_due() == Some(seconds(5)));
    let removed = stopped("mail", "removed");
    let events = deliveries.decide(&removed);
    assert!(
        matches!(&events[..], [Event::NotificationFailed { error, retry_at: None, .. }] if error == "the receiver is removed")
    );
    deliveries.apply(id(10), seconds(5), &removed);
    deliveries.apply(id(11), seconds(5), &events[0]);
    assert_eq!((ids(&deliveries, seconds(9)), deliveries.given_up()), (vec!["1-7/webhook".into()], 1));
}

#[test]
fn what_is_too_much_for_a_receiver_costs_the_oldest_and_says_so() {
    let mut deliveries = deliveries(&["webhook"]);
    let bound = WAITING_MAX as u64;
    for at in 0..bound {
        let fired = Event::AlertFired(change(&format!("h{at}")));
        assert_eq!(deliveries.decide(&fired), []);
        deliveries.apply(id(10 + at), seconds(0), &fired);
    }
    let fired = Event::AlertFired(change("one more"));
    let events = deliveries.decide(&fired);
    let [Event::NotificationFailed { delivery, retry_at: None, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(delivery.notification, "1-10/webhook");
    deliveries.apply(id(10 + bound), seconds(0), &fired);
    deliveries.apply(id(11 + bound), seconds(0), &events[0]);
    assert_eq!((deliveries.waiting()[&name("webhook")], deliveries.given_up()), (WAITING_MAX, 1));
}

#[test]
fn ids_read_and_write() {
    let id: NotificationId = "3-14/my hook".parse().unwrap();
    assert_eq!((id.event.offset, id.to_string().as_str()), (Offset(14), "3-14/my hook"));
    for bad in ["", "3-14", "3/hook", "3-14/", "a-b/hook"] {
        assert!(bad.parse::<NotificationId>().unwrap_err().starts_with(&format!("`{bad}` is no notification id")));
    }
}

proptest! {
    #[test]
    fn after_a_crash_anywhere_every_alert_is_told_at_least_once_in_order(
        alerts in prop::collection::vec((0_u8..4, prop::bool::ANY), 1..40),
        faults in prop::collection::vec(prop::option::weighted(0.4, Just(Fault::Transient)), 200),
        crash in 0_usize..200,
    ) {
        let mut journal = vec![(id(1), seconds(0), loaded("webhook", "notifier"))];
        for (at, (alert, fires)) in (2_u64..).zip(&alerts) {
            let change = change(&alert.to_string());
            let event = if *fires { Event::AlertFired(change) } else { Event::AlertResolved(change) };
            journal.push((id(at), seconds(at), event));
        }
        let rebuild = |journal: &[(EventId, Timestamp, Event)]| {
            let mut deliveries = Deliveries::default();
            for (id, at, event) in journal {
                deliveries.apply(*id, *at, event);
            }
            deliveries
        };
        let mut deliveries = rebuild(&journal);
        let mut told: Vec<EventId> = Vec::new();
        let (mut now, mut offset) = (seconds(100), 1000);
        for (at, fault) in faults.iter().cycle().enumerate() {
            let Some(next) = deliveries.next_due() else { break };
            now = now.max(next);
            let due = deliveries.due(now);
            let event = match fault {
                None => {
                    told.push(due[0].id.event);
                    due[0].sent(Duration::ZERO, &receipt(""))
                }
                Some(fault) => due[0].failed(now, Duration::ZERO, *fault, String::new(), None),
            };
            if at == crash {
                // Killed between the delivery and the record of its result.
                deliveries = rebuild(&journal);
                continue;
            }
            offset += 1;
            deliveries.apply(id(offset), now, &event);
            journal.push((id(offset), now, event));
            prop_assert_eq!(&rebuild(&journal), &deliveries);
            let saved = postcard::to_stdvec(&deliveries).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Deliveries>(&saved).unwrap(), deliveries.clone());
        }
        prop_assume!(deliveries.given_up() == 0);
        for alert in 0..4 {
            let of_alert = |event: &EventId| alerts[event.offset.0 as usize - 2].0 == alert;
            let mut heard: Vec<_> = told.iter().filter(|event| of_alert(event)).collect();
            prop_assert!(heard.is_sorted());
            heard.dedup();
            prop_assert_eq!(heard.len(), alerts.iter().filter(|(of, _)| *of == alert).count());
        }
        prop_assert!(told.len() <= alerts.len() + 1);
    }
}
