//! Guests that are not Rust. `cargo xtask test` builds them from `examples/`; where their toolchains are missing there are none,
//! and these tests have nothing to do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vigie::event::Fault;
use vigie::model::{Input, Labels, Target, Timestamp, Watched};
use vigie::plugin::{Outcome, Request, Role};

use super::rig::{NOW, Rig, call, engine, target};

fn foreign(name: &str) -> Option<Vec<u8>> {
    let directory = PathBuf::from(std::env::var_os("VIGIE_FOREIGN_DIR")?);
    Some(std::fs::read(directory.join(name)).expect("a component in VIGIE_FOREIGN_DIR"))
}

/// A counter that has not moved for the last five minutes.
fn standing_still(selector: &str) -> Input {
    let labels = [("__name__", "jobs_total"), ("queue", "mail")];
    let labels = Labels::from_trusted(labels.map(|(name, value)| (name.into(), value.into())));
    let times: Vec<Timestamp> = (0..=20).map(|at| NOW - Duration::from_secs(15 * (20 - at))).collect();
    let values = vec![5.0; times.len()];
    Input { selector: selector.into(), series: vec![Watched { labels, times, values, fresh: 1 }] }
}

#[tokio::test]
async fn an_alerter_in_javascript_evaluates() {
    let Some(bytes) = foreign("javascript-alerter.wasm") else { return };
    let mut rig = Rig::new("drift");
    rig.settings.config = r#"{"rules":[{"name":"stuck","find":"standstill","selector":"jobs_total"}]}"#.into();
    let handle = rig.start_component(bytes).await;
    assert_eq!(handle.description().manifest.as_ref().unwrap().name.as_str(), "drift");
    let finished = call(&handle, Request::Rules).await;
    let Outcome::Rules(rules) = &finished.outcome else { panic!("{:?}", finished.outcome) };
    let inputs = vec![standing_still(&rules[0].selectors[0])];
    let rule = rules[0].name.clone();
    finished.settle.committed();
    let finished = call(&handle, Request::Evaluate { now: NOW, rule, inputs }).await;
    let Outcome::Evaluated(findings) = &finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!(findings[0].labels.get("queue"), Some("mail"));
    finished.settle.committed();
}

#[tokio::test]
async fn a_collector_in_python_asks_for_its_file() {
    let Some(bytes) = foreign("python-collector.wasm") else { return };
    let rig = Rig::new("json-file");
    let handle = rig.start_component(bytes).await;
    assert!(handle.has(Role::Collector));
    let numbers = Target { address: "/srv/numbers.json".into(), ..(*target("numbers")).clone() };
    let finished = call(&handle, Request::Collect(Arc::new(numbers))).await;
    let Outcome::Erred { fault, message, .. } = &finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!(*fault, Fault::Denied, "{message}");
    assert!(engine().memory().used() > 0);
    finished.settle.committed();
}
