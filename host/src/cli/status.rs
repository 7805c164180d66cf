//! `vigie status`: plugins, targets and alerts of a running host, and whether all is well.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::Api;
use super::output::{Output, Tone, rendered};
use super::run::HostArgs;
use super::{EXIT_WRONG, Failure};

const AFTER_HELP: &str = "\
Something is wrong when an alert fires, a rule cannot be evaluated, a target is
down, or a plugin is refused, quarantined, or its newest files were not taken.

Examples:
  vigie status || notify-send 'vigie: something is wrong'
  vigie status --json | jq '.wrong'

Exit codes:
  0  all is well
  1  something is wrong
  2  wrong usage, or the host cannot be reached";

/// Flags of `vigie status`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct StatusArgs {
    /// Print one JSON object: what is wrong, and the answers of the API
    #[arg(long)]
    json: bool,
    /// Where the host is; without it, where `vigie run` here would listen
    #[arg(long, value_name = "URL", env = "VIGIE_URL")]
    url: Option<String>,
    #[command(flatten)]
    host: HostArgs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Plugin {
    name: String,
    state: String,
    version: String,
    roles: Vec<String>,
    error: Option<String>,
    calls: BTreeMap<String, u64>,
    memory_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    plugin: String,
    target: String,
    address: Option<String>,
    status: String,
    since: String,
    message: String,
    latency_ms: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alert {
    rule: String,
    state: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    active_since: String,
    /// Why its rule is not evaluated.
    unevaluated: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    name: String,
    error: Option<String>,
}

/// The parts of the API's answers that are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    plugins: Vec<Plugin>,
    targets: Vec<Target>,
    alerts: Vec<Alert>,
    rules: Vec<Rule>,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Wrong {
    what: &'static str,
    name: String,
    reason: String,
}

impl Status {
    fn wrong(&self) -> Vec<Wrong> {
        let wrong = |what, name: &str, reason: String| Wrong { what, name: name.to_owned(), reason };
        let plugins = self.plugins.iter().filter_map(|plugin| {
            let bad = matches!(plugin.state.as_str(), "refused" | "quarantined") || plugin.error.is_some();
            let reason = || plugin.error.clone().unwrap_or_else(|| plugin.state.clone());
            bad.then(|| wrong("plugin", &plugin.name, reason()))
        });
        let down = self.targets.iter().filter(|target| target.status == "down");
        let targets = down.map(|target| wrong("target", &target.target, target.message.clone()));
        let firing = self.alerts.iter().filter(|alert| alert.state == "firing");
        let alerts = firing.map(|alert| wrong("alert", &alert.rule, alert.description()));
        let rules = self.rules.iter().filter_map(|rule| Some(wrong("rule", &rule.name, rule.error.clone()?)));
        plugins.chain(targets).chain(alerts).chain(rules).collect()
    }
}

impl Alert {
    /// What the author wrote for people, else the labels.
    fn description(&self) -> String {
        let written = ["summary", "description", "message"].into_iter().find_map(|name| self.annotations.get(name));
        written.cloned().unwrap_or_else(|| self.shown_labels())
    }

    fn shown_labels(&self) -> String {
        let labels = self.labels.iter().filter(|(name, _)| *name != "alertname");
        labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }
}

pub(super) async fn perform(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let api = Api::new(args.url.as_deref(), &args.host).map_err(Failure::usage)?;
    let mut answers = serde_json::Map::new();
    for path in ["/plugins", "/targets", "/alerts"] {
        let answer: serde_json::Map<String, Value> = api.get(path).await.map_err(Failure::usage)?;
        answers.extend(answer);
    }
    let status: Status = serde_json::from_value(Value::Object(answers.clone())).map_err(Failure::usage)?;
    let wrong = status.wrong();
    let output = Output::new();
    if args.json {
        answers.insert("wrong".into(), json!(wrong));
        output.line(Value::Object(answers).to_string()).map_err(Failure::wrong)?;
    } else {
        show(&output, api.base(), &status, &wrong).map_err(Failure::wrong)?;
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_WRONG) })
}

fn show(output: &Output, base: &str, status: &Status, wrong: &[Wrong]) -> std::io::Result<()> {
    let verdict = match wrong.len() {
        0 => output.toned("all is well", Tone::Good),
        1 => output.toned("something is wrong", Tone::Bad),
        more => output.toned(&format!("{more} things are wrong"), Tone::Bad),
    };
    output.line(format!("{base}: {verdict}"))?;
    for Wrong { what, name, reason } in wrong {
        output.line(format!("  {what} {}", output.toned(&format!("{name}: {reason}"), Tone::Plain)))?;
    }
    let tables = [plugins(output, &status.plugins), targets(output, &status.targets), alerts(output, &status.alerts)];
    for table in tables.into_iter().flatten() {
        output.line("")?;
        output.line(table)?;
    }
    if status.plugins.is_empty() {
        output.line("\nno plugins: lay NAME.wasm into a plugin directory, `vigie run --help` says where")?;
    }
    Ok(())
}

fn plugins(output: &Output, plugins: &[Plugin]) -> Option<String> {
    let mut table = output.table(&["plugin", "state", "version", "roles", "calls", "failed", "memory"]);
    for plugin in plugins {
        let tone = match plugin.state.as_str() {
            "running" => Tone::Good,
            "refused" | "quarantined" => Tone::Bad,
            _ => Tone::Warning,
        };
        let calls: u64 = plugin.calls.values().sum();
        let failed = calls - plugin.calls.get("ok").copied().unwrap_or(0);
        table.add_row([
            output.cell(&plugin.name, Tone::Plain),
            output.cell(&plugin.state, tone),
            output.cell(&plugin.version, Tone::Plain),
            output.cell(&plugin.roles.join(", "), Tone::Plain),
            output.cell(&calls.to_string(), Tone::Plain),
            output.cell(&failed.to_string(), if failed > 0 { Tone::Warning } else { Tone::Plain }),
            output.cell(&format!("{} KiB", plugin.memory_bytes >> 10), Tone::Plain),
        ]);
    }
    (!plugins.is_empty()).then(|| rendered(&table))
}

fn targets(output: &Output, targets: &[Target]) -> Option<String> {
    let mut table = output.table(&["target", "check", "status", "since", "latency", "address", "message"]);
    for target in targets {
        let tone = match target.status.as_str() {
            "up" => Tone::Good,
            "down" => Tone::Bad,
            _ => Tone::Warning,
        };
        table.add_row([
            output.cell(&target.target, Tone::Plain),
            output.cell(&target.plugin, Tone::Plain),
            output.cell(&target.status, tone),
            output.cell(&seconds(&target.since), Tone::Plain),
            output.cell(&target.latency_ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default(), Tone::Plain),
            output.cell(target.address.as_deref().unwrap_or_default(), Tone::Plain),
            output.cell(&target.message, Tone::Plain),
        ]);
    }
    (!targets.is_empty()).then(|| rendered(&table))
}

fn alerts(output: &Output, alerts: &[Alert]) -> Option<String> {
    let mut table = output.table(&["alert", "state", "since", "labels", "description"]);
    for alert in alerts {
        let tone = match alert.state.as_str() {
            "firing" => Tone::Bad,
            "pending" => Tone::Warning,
            _ => Tone::Plain,
        };
        let state = if alert.unevaluated.is_some() { format!("{} (not evaluated)", alert.state) } else { alert.state.clone() };
        table.add_row([
            output.cell(&alert.rule, Tone::Plain),
            output.cell(&state, tone),
            output.cell(&seconds(&alert.active_since), Tone::Plain),
            output.cell(&alert.shown_labels(), Tone::Plain),
            output.cell(&alert.description(), Tone::Plain),
        ]);
    }
    (!alerts.is_empty()).then(|| rendered(&table))
}

/// A time of the API without its milliseconds.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_found() {
        let status: Status = serde_json::from_value(json!({
            "plugins": [
                {"name": "a", "state": "running"}, {"name": "b", "state": "quarantined"},
                {"name": "c", "state": "running", "error": "c.toml:1:1: x"}, {"name": "d", "state": "starting"},
            ],
            "targets": [{"target": "x", "status": "down", "message": "refused"}, {"target": "y", "status": "degraded"}],
            "alerts": [
                {"rule": "r", "state": "firing", "labels": {"alertname": "r", "job": "a"}, "value": "NaN"},
                {"rule": "s", "state": "pending"},
            ],
            "rules": [{"name": "r", "error": "too many samples"}, {"name": "s", "error": null}],
        }))
        .unwrap();
        let wrong: Vec<_> =
            status.wrong().into_iter().map(|wrong| format!("{} {}: {}", wrong.what, wrong.name, wrong.reason)).collect();
        let expected = [
            "plugin b: quarantined",
            "plugin c: c.toml:1:1: x",
            "target x: refused",
            "alert r: job=a",
            "rule r: too many samples",
        ];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(seconds("2026-11-22T20:46:53.123Z"), "2026-11-22 20:46:53Z");
        assert_eq!(seconds(""), "");
    }
}
