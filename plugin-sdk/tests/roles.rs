//! A plugin with several roles, driven natively as the host drives a component.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use vigie_plugin::testing::{Fakes, Instance};
use vigie_plugin::{
    Collector, Config, Context, Error, Families, Fault, HealthCheck, Notification, Notifier, Plugin, Receipt, Report, Result,
    Target, files, http, label, labels, log, plugin, sink, state,
};

/// Settings of the plugin and of its receivers.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where to.
    #[serde(default)]
    url: String,
    /// How often.
    #[serde(default = "once")]
    #[config(default = 1, min = 1)]
    times: u32,
}

fn once() -> u32 {
    1
}

struct Everything {
    settings: Settings,
}

impl Plugin for Everything {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self> {
        if settings.url == "bad" {
            return Err(Error::config("`url` is `bad`"));
        }
        Ok(Self { settings })
    }
}

impl Collector for Everything {
    fn collect(&mut self, target: &Target) -> Result<Families> {
        let calls = state::load::<u32>("calls")?.unwrap_or_default() + 1;
        state::save("calls", &calls)?;
        let uptime: f64 = files::read_to_string(&target.address)?.trim().parse().context("uptime")?;
        log::info!(calls = calls; "read {uptime}");
        let many = sink::gauge("many", &labels([("a", "b")]))?;
        let mut writer = sink::Writer::new();
        writer.push(many, f64::from(self.settings.times));
        writer.flush()?;
        let mut families = Families::new();
        families.gauge("uptime_seconds", "Up for.").unit("seconds").value(uptime);
        Ok(families)
    }
}

impl HealthCheck for Everything {
    fn check(&mut self, target: &Target) -> Result<Report> {
        match http::get(&target.address).basic("me", "password").send() {
            Ok(answer) if answer.is_success() => Ok(Report::up("200").latency_ms(answer.timing.total_ms)),
            Ok(answer) => Ok(Report::degraded(format!("answered {}", answer.status))),
            Err(error) if error.fault == Fault::Timeout => Ok(Report::down("no answer")),
            Err(error) => Err(error),
        }
    }
}

impl Notifier for Everything {
    fn notify(&mut self, settings: &Settings, notification: &Notification) -> Result<Receipt> {
        http::post(&settings.url).bearer("token").body(notification.id.as_bytes()).send()?.success()?;
        Ok(Receipt::new(format!("{}/{}", settings.url, settings.times)))
    }
}

plugin! {
    plugin: Everything,
    roles: [Collector, HealthCheck, Notifier],
    name: "everything",
    description: "A plugin that does \"everything\".",
    requests: [files("/proc/uptime", "reads how long the machine is up"), http("sends"), secrets("token", "signs in"), system("asks")],
    interval: "10s",
    memory: "16MiB",
}

fn instance(config: &str) -> Instance<Everything> {
    let instance = Instance::new();
    instance.init(config).unwrap();
    instance
}

#[test]
fn the_manifest_has_name_schema_requests_defaults_and_limits() {
    let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
    assert_eq!(manifest["manifest"], 1);
    assert_eq!(manifest["description"], "A plugin that does \"everything\".");
    assert_eq!(manifest["schema"]["properties"]["times"]["default"], 1);
    assert_eq!(manifest["requests"][0]["scope"], "/proc/uptime");
    assert_eq!(manifest["requests"][1], serde_json::json!({"capability": "http", "why": "sends"}));
    assert_eq!(manifest["defaults"], serde_json::json!({"interval": "10s"}));
    assert_eq!(manifest["limits"], serde_json::json!({"memory": "16MiB"}));
}

#[test]
fn a_collector_reads_the_fakes_and_leaves_its_traces_in_them() {
    let fakes = Fakes::new().file("/proc/uptime", "12.5\n").with_state("calls", "4").install();
    let families = instance("{}").collect(&Target::new("self", "/proc/uptime")).unwrap();
    assert_eq!(families[0].name, "uptime_seconds");
    assert_eq!(fakes.state()["calls"], b"5");
    assert_eq!(fakes.written(), [("many".to_owned(), labels([("a", "b")]), 1.0)]);
    let logs = fakes.logs();
    assert_eq!((logs[0].message.as_str(), label(&logs[0].fields, "calls")), ("read 12.5", Some("5")));
}

#[test]
fn what_the_fakes_lack_is_denied() {
    let _fakes = Fakes::new().install();
    let error = instance("{}").collect(&Target::new("self", "/proc/uptime")).unwrap_err();
    assert_eq!((error.fault, error.message.as_str()), (Fault::Denied, "the test's `Fakes` have no file `/proc/uptime`"));
}

#[test]
fn a_check_answers_down_when_its_target_hangs() {
    let _fakes = Fakes::new().http(|_| Err(Error::timeout("no answer within 1s"))).install();
    let report = instance("{}").check(&Target::new("shop", "https://shop.example")).unwrap();
    assert_eq!(report.status, vigie_plugin::Status::Down);
}

#[test]
fn errors_of_the_configuration_have_that_fault() {
    let instance = Instance::<Everything>::new();
    let error = instance.init(r#"{"url": "bad"}"#).unwrap_err();
    assert_eq!((error.fault, error.message.as_str()), (Fault::Config, "`url` is `bad`"));
    let error = instance.init(r#"{"urk": 1}"#).unwrap_err();
    assert!(error.message.starts_with("configuration: unknown field `urk`"), "{}", error.message);
    assert_eq!(instance.collect(&Target::new("", "")).unwrap_err().message, "called before `init`");
}

fn notification(settings: &str, id: &str) -> Notification {
    Notification { id: id.into(), settings: settings.into(), ..Notification::new("ops") }
}

#[test]
fn a_receivers_settings_lie_over_the_plugins_own() {
    let _fakes = Fakes::new().http(|_| Ok(http::Response::new(200))).install();
    let instance = instance(r#"{"url": "http://a", "times": 3}"#);
    let reference = |settings| instance.notify(&notification(settings, "1")).map(|receipt| receipt.reference);
    assert_eq!(reference("{}").unwrap(), "http://a/3");
    assert_eq!(reference("").unwrap(), "http://a/3");
    assert_eq!(reference(r#"{"url": "http://b"}"#).unwrap(), "http://b/3");
    let error = reference(r#"{"times": "x"}"#).unwrap_err();
    assert!(error.message.starts_with("receiver `ops`: configuration: invalid type"), "{}", error.message);
}

#[test]
fn a_secrets_placeholder_is_a_text_that_the_body_does_not_contain() {
    let fakes = Fakes::new().http(|_| Ok(http::Response::new(200))).install();
    instance(r#"{"url": "http://a"}"#).notify(&notification("", "give me vigie-secret-0- and vigie-secret-1-")).unwrap();
    let request = &fakes.requests()[0];
    let fill = &request.fills.as_ref().unwrap()[0];
    assert_eq!((fill.placeholder.as_str(), fill.secret.as_str()), ("vigie-secret-2-", "token"));
    assert_eq!(label(&request.headers, "Authorization"), Some("Bearer vigie-secret-2-"));
}
