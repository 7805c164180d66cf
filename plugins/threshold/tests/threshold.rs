//! The plugin as the host drives it: settings in, rules out, inputs in, findings out.
#![allow(clippy::unwrap_used, reason = "tests")]

use vigie_plugin::testing::{Fakes, Instance};
use vigie_plugin::{Fault, Finding, Input, Series, Watched, label};
use vigie_threshold::Threshold;

fn config(rules: &str) -> String {
    let table: toml::Table = rules.parse().unwrap();
    serde_json::to_string(&table).unwrap()
}

fn instance(rules: &str) -> Instance<Threshold> {
    let instance = Instance::new();
    instance.init(&config(rules)).unwrap();
    instance
}

fn series(labels: &str, samples: &[(f64, f64)]) -> Watched {
    let labels =
        labels.split(',').map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let (times, values) = samples.iter().copied().unzip();
    Watched { series: Series { labels, times, values }, fresh: 1 }
}

/// What holds at `now` for series of one sample each.
fn evaluate(instance: &Instance<Threshold>, rule: &str, values: &[(&str, f64)]) -> Vec<Finding> {
    let series = values.iter().map(|(labels, value)| series(&format!("__name__=m,{labels}"), &[(0.0, *value)])).collect();
    instance.evaluate(0.0, rule, &[Input { selector: "m".into(), series }]).unwrap()
}

fn instances(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| label(&finding.labels, "instance").unwrap()).collect()
}

const LOAD: &str = r#"
    [[rules]]
    name = "Load"
    series = 'm{job="x"}'
    op = ">"
    value = 4.0
    clear = 3
    for = "1m30s"
    keep-firing-for = "5m"
    interval = "30s"
    group = "host"
    severity = "warning"
    labels = { team = "a" }
    annotations = { summary = "load of {{ $labels.instance }} is {{ $value }}", runbook = "https://r" }
"#;

#[test]
fn a_rule_is_declared_as_it_was_written() {
    let rule = &instance(LOAD).rules().unwrap()[0];
    assert_eq!((rule.name.as_str(), rule.group.as_str()), ("Load", "host"));
    assert_eq!(rule.selectors, [r#"m{job="x"}"#]);
    assert_eq!(rule.expression, r#"m{job="x"} > 4, until not > 3"#);
    assert_eq!((rule.for_ms, rule.keep_firing_for_ms, rule.interval_ms), (90_000.0, 300_000.0, Some(30_000.0)));
    assert_eq!((label(&rule.labels, "severity"), label(&rule.labels, "team")), (Some("warning"), Some("a")));
    assert_eq!(rule.annotations, [("runbook".to_owned(), "https://r".to_owned())]);
}

#[test]
fn a_finding_has_the_series_labels_without_its_name_and_filled_annotations() {
    let _fakes = Fakes::new().install();
    let findings = evaluate(&instance(LOAD), "Load", &[("instance=a", 4.5), ("instance=b", 4.0), ("instance=c", f64::NAN)]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].labels, [("instance".to_owned(), "a".to_owned())]);
    assert_eq!(label(&findings[0].annotations, "summary"), Some("load of a is 4.5"));
}

#[test]
fn hysteresis_holds_until_the_clear_value_and_survives_a_restart() {
    let fakes = Fakes::new().install();
    let first = instance(LOAD);
    assert_eq!(instances(&evaluate(&first, "Load", &[("instance=a", 3.5), ("instance=b", 5.0)])), ["b"]);
    assert_eq!(instances(&evaluate(&first, "Load", &[("instance=a", 3.5), ("instance=b", 3.5)])), ["b"]);
    drop(first);
    let second = instance(LOAD);
    assert_eq!(instances(&evaluate(&second, "Load", &[("instance=a", 3.5), ("instance=b", 3.1)])), ["b"]);
    assert_eq!(evaluate(&second, "Load", &[("instance=a", 3.5), ("instance=b", 3.0)]), []);
    assert!(fakes.state().is_empty());
    assert_eq!(evaluate(&second, "Load", &[("instance=b", 3.5)]), []);
}

#[test]
fn a_series_that_went_away_is_no_longer_held() {
    let _fakes = Fakes::new().install();
    let instance = instance(LOAD);
    assert_eq!(evaluate(&instance, "Load", &[("instance=b", 5.0)]).len(), 1);
    assert_eq!(evaluate(&instance, "Load", &[]), []);
    assert_eq!(evaluate(&instance, "Load", &[("instance=b", 3.5)]), []);
}

#[test]
fn a_rate_compares_the_increase_per_second_over_its_window() {
    let instance = instance("[[rules]]\nname = \"E\"\nseries = \"errors_total\"\nop = \">=\"\nvalue = 5\nrate = \"1m\"");
    let rule = &instance.rules().unwrap()[0];
    assert_eq!((rule.selectors[0].as_str(), rule.expression.as_str()), ("errors_total[1m]", "rate(errors_total[1m]) >= 5"));
    let samples: Vec<_> = (0..7).map(|at| (f64::from(at) * 10e3, 1000.0 + f64::from(at) * 50.0)).collect();
    let slow: Vec<_> = (0..7).map(|at| (f64::from(at) * 10e3, 1000.0 + f64::from(at) * 49.0)).collect();
    let series = vec![series("__name__=errors_total,instance=a", &samples), series("__name__=errors_total,instance=b", &slow)];
    let findings = instance.evaluate(60e3, "E", &[Input { selector: String::new(), series }]).unwrap();
    assert_eq!(instances(&findings), ["a"]);
    assert!((findings[0].value - 5.0).abs() < 1e-9);
}

#[test]
fn absence_is_a_finding_with_the_labels_that_the_selector_fixes() {
    let instance = instance("[[rules]]\nname = \"Gone\"\nabsent = 'up{job=\"x\",env=~\"a|b\"}'\nfor = \"1m\"");
    let findings = evaluate(&instance, "Gone", &[]);
    assert_eq!(findings, [Finding::new(vec![("job".into(), "x".into())], 1.0)]);
    assert_eq!(evaluate(&instance, "Gone", &[("instance=a", 0.0)]), []);
    assert_eq!(instance.rules().unwrap()[0].expression, "absent(up{job=\"x\",env=~\"a|b\"})");
}

#[test]
fn a_checks_status_is_watched_by_patterns_and_the_alert_stays_the_same_as_it_worsens() {
    let instance = instance("[[rules]]\nname = \"S\"\ncheck = \"web-*\"\ntarget = \"shop\"\nstatus = [\"down\", \"degraded\"]");
    let selector = &instance.rules().unwrap()[0].selectors[0];
    assert_eq!(selector, "check_status{check=~\"web-.*\",target=\"shop\",status=~\"down|degraded\"}");
    let at = |down, degraded| {
        evaluate(
            &instance,
            "S",
            &[("check=web-1,target=shop,status=down", down), ("check=web-1,target=shop,status=degraded", degraded)],
        )
    };
    assert_eq!(at(0.0, 0.0), []);
    let (degraded, down) = (at(0.0, 1.0), at(1.0, 0.0));
    assert_eq!(degraded[0].labels, down[0].labels);
    assert_eq!(label(&down[0].labels, "target"), Some("shop"));
    assert_eq!(label(&down[0].annotations, "status"), Some("down"));
}

#[test]
fn wrong_rules_are_refused_with_rule_key_and_remedy() {
    for (rule, message) in [
        ("", "rule `R`: watches nothing: write one of `series`, `check` and `absent`"),
        ("series = 'a'\nabsent = 'b'", "rule `R`: `series`, `check` and `absent` exclude each other: make a rule of each"),
        ("series = 'a'\nvalue = 1", "rule `R`: `op` is missing: write one of `>`, `>=`, `<`, `<=`, `==`, `!=`"),
        ("series = 'a'\nop = '>'", "rule `R`: `value` is missing: what is compared with?"),
        ("series = 'a'\nop = '>'\nvalue = 1\nclear = 2", "rule `R`: `clear` is 2: with `> 1` it must be at most 1"),
        ("series = 'a'\nop = '<='\nvalue = 1\nclear = 0.5", "rule `R`: `clear` is 0.5: with `<= 1` it must be at least 1"),
        ("series = 'a'\nop = '=='\nvalue = 1\nclear = 1", "rule `R`: `clear` has no meaning with `==`"),
        (
            "series = 'a[5m]'\nop = '>'\nvalue = 1",
            "rule `R`: `series` `a[5m]` has a window: leave it out, `rate` is where a window stands",
        ),
        (
            "series = 'a'\nop = '>'\nvalue = 1\nrate = '0'",
            "rule `R`: `rate` is 0: write a time over which to count, such as `5m`",
        ),
        ("absent = 'a'\nvalue = 1", "rule `R`: `value` has no meaning beside `absent`"),
        ("check = '*'\nop = '>'", "rule `R`: `op` has no meaning beside `check`"),
        ("check = ''", "rule `R`: `check` is empty: write a check's name, or `*` for all"),
        ("check = '*'\nstatus = []", "rule `R`: `status` is empty: write the statuses to alert on, such as `down`"),
        ("absent = 'a'\ninterval = '0'", "rule `R`: `interval` is 0: leave it out to evaluate as soon as there are samples"),
        (
            "absent = 'a'\nseverity = 'x'\nlabels = { severity = 'y' }",
            "rule `R`: `severity` and the label `severity` differ: leave one out",
        ),
        (
            "absent = 'a'\nlabels = { a-b = 'y' }",
            "rule `R`: `labels`: `a-b` can be no label: letters, digits and `_`, not `__…`, not `alertname`",
        ),
        (
            "absent = 'a'\nlabels = { a = '{{ $value }}' }",
            "rule `R`: `labels`: nothing is filled into `a`, because labels make the alert's identity; use `annotations`",
        ),
        (
            "absent = 'a'\nannotations = { s = '{{ value }}' }",
            "rule `R`: `annotations`: `s`: `{{ value }}` is unknown: write `{{ $value }}` or `{{ $labels.NAME }}`",
        ),
        ("absent = 'a'\n[[rules]]\nname = 'R'\nabsent = 'b'", "rule `R` is there twice: each needs a name of its own"),
        ("absent = 'a'\n[[rules]]\nname = ' '\nabsent = 'b'", "rule ` `: `name` is empty"),
    ] {
        let error = Instance::<Threshold>::new().init(&config(&format!("[[rules]]\nname = 'R'\n{rule}"))).unwrap_err();
        assert_eq!((error.fault, error.message.as_str()), (Fault::Config, message));
    }
}

#[test]
fn without_settings_there_are_no_rules_and_an_unknown_rule_is_an_error() {
    let instance = Instance::<Threshold>::new();
    instance.init("{}").unwrap();
    assert!(instance.rules().unwrap().is_empty());
    assert_eq!(instance.evaluate(0.0, "x", &[]).unwrap_err().message, "there is no rule `x`");
}

#[test]
fn the_documented_rules_work() {
    let page = include_str!("../../../docs/plugins/threshold.md");
    let indented: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let rules = instance(&indented.join("\n").replace("[[config.", "[[")).rules().unwrap();
    let expressions: Vec<_> = rules.iter().map(|rule| rule.expression.as_str()).collect();
    assert_eq!(
        expressions,
        [
            "node_load1 > 8, until not > 6",
            "rate(node_network_receive_errs_total{device!=\"lo\"}[5m]) > 1",
            "check_status{check=~\".*\",status=~\"down|degraded\"} == 1",
            "absent(node_load1{job=\"system\"})",
        ]
    );
}
