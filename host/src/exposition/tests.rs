//! Pages, read back by Prometheus' own judges.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::edge::{Batch, Bucket, Ending, HonorLabels, Limits, PluginShare, Quantile, SeriesRegistry, Source};
use crate::latest::Latest;
use crate::model::{DropReason, Kind, Name, Offset, Timestamp};
use crate::telemetry::{CallEnd, Telemetry};

const NOW: Timestamp = Timestamp(1_795_380_413_000);
const FACTS: HostFacts = HostFacts { version: "0.1.0", started: NOW };

/// What one batch of a plugin leaves behind.
fn collected(fill: impl FnOnce(&mut Batch)) -> Latest {
    let registry = Arc::new(SeriesRegistry::new());
    let share = Arc::new(PluginShare::new(Limits::default()));
    let source = Source::new(registry.clone(), share, &Name::new("web").unwrap(), None, "anna", HonorLabels::No);
    let mut batch = source.begin(NOW);
    fill(&mut batch);
    let latest = Latest::new(registry);
    let (_source, output) = batch.finish(Ending::Ok);
    for (at, event) in (1..).zip(output.events()) {
        latest.apply(Offset(at), NOW, &event);
    }
    latest
}

fn telemetry() -> Telemetry {
    let telemetry = Telemetry::default();
    let meter = telemetry.plugin(&Name::new("a \"b\"\\").unwrap());
    meter.call(CallEnd::Ok, Duration::from_millis(3), Duration::from_millis(2));
    meter.drop_samples(DropReason::Late, 7);
    telemetry.plugin(&Name::new("web").unwrap()).taken.add(12_345_678);
    telemetry
}

/// One point of each kind, with names that fit OpenMetrics or do not.
fn one_of_each(batch: &mut Batch) {
    let bucket = |upper_bound, count| Bucket { upper_bound, count };
    let none: &[&str] = &[];
    let number = |batch: &mut Batch, name: &str, kind, unit: &str, labels: &[&str], values: &[&str], value| {
        let family = batch.family(name, kind, unit, "Of \"each\".", labels);
        batch.number(family, values, value, None);
    };
    number(batch, "a_seconds_total", Kind::Counter, "seconds", &["path"], &["C:\\\"x\"\n"], 1.5);
    number(batch, "b", Kind::Counter, "bytes", none, none, 2.0);
    number(batch, "c_bytes", Kind::Gauge, "bytes", none, none, f64::NAN);
    number(batch, "d_info", Kind::Info, "", &["version"], &["1"], 1.0);
    number(batch, "e", Kind::StateSet, "", &["e"], &["open"], 1.0);
    number(batch, "e", Kind::StateSet, "", &["e"], &["closed"], 0.0);
    number(batch, "f", Kind::Unknown, "", none, none, -1e300);
    let gauge = batch.family("g", Kind::GaugeHistogram, "", "", none);
    batch.histogram::<&str>(gauge, &[], 3.0, 2.0, &[bucket(1.0, 1.0), bucket(f64::INFINITY, 2.0)], None);
    let histogram = batch.family("h_seconds", Kind::Histogram, "seconds", "", &["a"]);
    for a in ["2", "1"] {
        let buckets = [bucket(0.5, 1.0), bucket(10.0, 2.0), bucket(f64::INFINITY, 2.0)];
        batch.histogram(histogram, &[a], 3.0, 2.0, &buckets, None);
    }
    let negative = batch.family("i", Kind::Histogram, "", "", none);
    batch.histogram::<&str>(negative, &[], -3.0, 2.0, &[bucket(-1.0, 1.0), bucket(f64::INFINITY, 2.0)], None);
    let summary = batch.family("s", Kind::Summary, "", "", none);
    batch.summary::<&str>(summary, &[], 3.0, 2.0, &[Quantile { quantile: 0.99, value: 1.5 }], None);
    // In OpenMetrics, a counter `x_total` would be the family `x`.
    number(batch, "x", Kind::Gauge, "", none, none, 1.0);
    number(batch, "x_total", Kind::Counter, "", none, none, 1.0);
    number(batch, "_total", Kind::Counter, "", none, none, 1.0);
}

/// The page without the host's labels and without what it says of itself.
fn shown(latest: &Latest, format: Format) -> String {
    let ours = "instance=\"anna\",job=\"web\"";
    let page = page(latest, &[], NOW, format)
        .replace(&format!("{ours},"), "")
        .replace(&format!(",{ours}"), "")
        .replace(&format!("{{{ours}}}"), "");
    page.lines().filter(|line| !line.contains("vigie_")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_text_page_has_every_kind() {
    let expected = r#"# HELP _total Of "each".
# TYPE _total counter
_total 1
# HELP a_seconds_total Of "each".
# TYPE a_seconds_total counter
a_seconds_total{path="C:\\\"x\"\n"} 1.5
# HELP b Of "each".
# TYPE b counter
b 2
# HELP c_bytes Of "each".
# TYPE c_bytes gauge
c_bytes NaN
# HELP d_info Of "each".
# TYPE d_info gauge
d_info{version="1"} 1
# HELP e Of "each".
# TYPE e gauge
e{e="closed"} 0
e{e="open"} 1
# HELP f Of "each".
# TYPE f untyped
f -1e+300
# TYPE g histogram
g_bucket{le="1.0"} 1
g_bucket{le="+Inf"} 2
# TYPE g_gsum gauge
g_gsum 3
# TYPE g_gcount gauge
g_gcount 2
"#;
    let page = shown(&collected(one_of_each), Format::Text);
    assert_eq!(&page[..expected.len()], expected);
    assert!(!page.contains("# EOF") && !page.contains("# UNIT"));
}

#[test]
fn an_openmetrics_page_has_every_kind() {
    let page = shown(&collected(one_of_each), Format::OpenMetrics);
    for expected in [
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Of \\\"each\\\".\na_seconds_total{path=\"C:\\\\\\\"x\\\"\\n\"} 1.5\n",
        "# TYPE b unknown\n# HELP b Of \\\"each\\\".\nb 2\n",
        "# TYPE c_bytes gauge\n# UNIT c_bytes bytes\n",
        "# TYPE d info\n# HELP d Of \\\"each\\\".\nd_info{version=\"1\"} 1\n",
        "# TYPE e stateset\n",
        "# TYPE g gaugehistogram\ng_bucket{le=\"1.0\"} 1\ng_bucket{le=\"+Inf\"} 2\ng_gsum 3\ng_gcount 2\n",
        "# TYPE h_seconds histogram\n# UNIT h_seconds seconds\nh_seconds_bucket{a=\"1\",le=\"0.5\"} 1\nh_seconds_bucket{a=\"1\",le=\"10.0\"} 2\n",
        "# TYPE i_bucket unknown\ni_bucket{le=\"-1.0\"} 1\ni_bucket{le=\"+Inf\"} 2\n# TYPE i_sum unknown\ni_sum -3\n# TYPE i_count unknown\n",
        "# TYPE s summary\ns{quantile=\"0.99\"} 1.5\ns_sum 3\ns_count 2\n",
        "# TYPE x gauge\n",
        "# TYPE x_total unknown\n",
        "# TYPE _total unknown\n",
    ] {
        assert!(page.contains(expected), "{expected}\nis not in\n{page}");
    }
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn old_series_leave_no_header() {
    let latest = collected(one_of_each);
    for format in [Format::Text, Format::OpenMetrics] {
        let page = page(&latest, &[], NOW + Duration::from_secs(301), format);
        assert!(page.lines().all(|line| line.contains("vigie_") || line == "# EOF"), "{page}");
    }
}

#[test]
fn a_collected_family_shares_the_lines_of_an_own_one_of_its_kind() {
    let latest = collected(|batch| {
        for (name, kind) in
            [("process_cpu_seconds_total", Kind::Counter), ("process_open_fds", Kind::Counter), ("vigie_x", Kind::Gauge)]
        {
            let family = batch.family(name, kind, "", "", &[] as &[&str]);
            batch.number::<&str>(family, &[], 7.0, None);
        }
    });
    let page = page(&latest, &own_families(&telemetry(), &FACTS), NOW, Format::Text);
    assert_eq!(page.matches("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total ").count(), 1);
    assert!(page.contains("process_cpu_seconds_total{instance=\"anna\",job=\"web\"} 7\n") && page.contains("vigie_x{"));
    assert!(!page.contains("process_open_fds{") && page.contains("vigie_exposition_families_left_out 1\n"));
}

#[test]
fn the_hosts_own_metrics_please_promtool() {
    let page = page(&collected(|_| ()), &own_families(&telemetry(), &FACTS), NOW, Format::Text);
    for expected in [
        "vigie_build_info{version=\"0.1.0\"} 1\n",
        "vigie_plugin_calls_total{plugin=\"a \\\"b\\\"\\\\\",result=\"ok\"} 1\n",
        "vigie_plugin_call_seconds_total{plugin=\"a \\\"b\\\"\\\\\"} 0.003\n",
        "vigie_plugin_samples_taken_total{plugin=\"web\"} 1.2345678e+07\n",
        "vigie_plugin_samples_dropped_total{plugin=\"web\",reason=\"late\"} 0\n",
        "process_start_time_seconds 1.795380413e+09\n",
    ] {
        assert!(page.contains(expected), "{expected}\nis not in\n{page}");
    }
    let Some((code, said)) = judge("promtool", &["check", "metrics"], &page) else { return };
    assert_eq!((code, said.as_str()), (0, ""));
}

const PYTHON_OPENMETRICS: &str = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
                                  print(sum(len(f.samples) for f in parse(sys.stdin.buffer.read().decode())), end='')";

#[test]
fn prometheus_judges_read_every_page() {
    let families = hostile_families();
    for latest in [collected(one_of_each), collected(|batch| families.iter().for_each(|family| family.feed(batch)))] {
        let own = own_families(&telemetry(), &FACTS);
        let text = page(&latest, &own, NOW, Format::Text);
        let samples = text.lines().filter(|line| !line.starts_with('#')).count();
        if let Some((code, said)) = judge("promtool", &["check", "metrics"], &text) {
            // 3 is a complaint about names, which are the plugins' business; 1 is a page that does not parse.
            assert!(code == 0 || code == 3, "{said}{text}");
        }
        let openmetrics = page(&latest, &own, NOW, Format::OpenMetrics);
        if let Some((code, said)) = judge("python3", &["-c", PYTHON_OPENMETRICS], &openmetrics) {
            assert_eq!((code, said), (0, samples.to_string()));
        }
    }
}

/// Runs a judge over a page: its exit code and what it says. `None`, said on standard error, where it is not installed; in CI,
/// which sets `VIGIE_REQUIRE_PEERS`, that is a failure.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
fn judge(program: &str, arguments: &[&str], page: &str) -> Option<(i32, String)> {
    let required = std::env::var_os("VIGIE_REQUIRE_PEERS").is_some_and(|value| value != "0");
    let output =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let output = output.and_then(|mut child| {
        // A judge that gives up early closes the pipe; what it says then matters more.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(page.as_bytes()));
        child.wait_with_output()
    });
    let missing = match output {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            if !said.contains("No module named 'prometheus_client'") {
                return Some((output.status.code().unwrap_or(-1), said));
            }
            "python's prometheus_client".to_owned()
        }
        Err(error) => format!("{program}: {error}"),
    };
    assert!(!required, "{missing} is missing, and VIGIE_REQUIRE_PEERS is set");
    eprintln!("skipped a judge of metrics pages: {missing}");
    None
}

#[derive(Debug)]
struct Hostile {
    name: String,
    kind: Kind,
    unit: &'static str,
    help: String,
    values: Vec<(String, f64)>,
    counts: Vec<u8>,
    negative: bool,
}

impl Hostile {
    fn feed(&self, batch: &mut Batch) {
        let label = if self.kind == Kind::StateSet { self.name.as_str() } else { "a" };
        let family = batch.family(&self.name, self.kind, self.unit, &self.help, &[label]);
        for (label, value) in &self.values {
            match self.kind {
                Kind::Histogram | Kind::GaugeHistogram => {
                    batch.histogram(family, &[label], *value, self.count(), &self.buckets(), None)
                }
                Kind::Summary => {
                    let quantiles = [Quantile { quantile: 0.0, value: f64::NAN }, Quantile { quantile: 0.5, value: *value }];
                    batch.summary(family, &[label], *value, self.count(), &quantiles, None);
                }
                Kind::Info => batch.number(family, &[label], 1.0, None),
                Kind::StateSet => batch.number(family, &[label], f64::from(u8::from(*value > 0.0)), None),
                Kind::Unknown | Kind::Gauge | Kind::Counter => batch.number(family, &[label], *value, None),
            }
        }
    }

    /// Whole, or half.
    fn count(&self) -> f64 {
        self.counts.iter().map(|count| f64::from(*count)).sum::<f64>() / if self.values.len() > 3 { 2.0 } else { 1.0 }
    }

    fn buckets(&self) -> Vec<Bucket> {
        let base = if self.negative { -2.0 } else { 0.0 };
        let below = (0_u32..).zip(&self.counts).map(|(at, _)| Bucket { upper_bound: base + f64::from(at), count: 0.0 });
        below.chain([Bucket { upper_bound: f64::INFINITY, count: self.count() }]).collect()
    }
}

/// Many families whose names meet in every way, the same in each run.
fn hostile_families() -> Vec<Hostile> {
    let stem = prop::sample::select(vec!["a", "b", "c", "d", "a_seconds", "process_open_fds", "vigie_build", "go_info"]);
    let suffix = prop::sample::select(vec![
        "",
        "_total",
        "_info",
        "_created",
        "_bucket",
        "_sum",
        "_count",
        "_gsum",
        "_gcount",
        "_total_total",
    ]);
    let kinds = [
        Kind::Unknown,
        Kind::Gauge,
        Kind::Counter,
        Kind::StateSet,
        Kind::Info,
        Kind::Histogram,
        Kind::GaugeHistogram,
        Kind::Summary,
    ];
    let value = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), -1e9..1e9, any::<f64>()];
    let values = prop::collection::vec(("\\PC{0,5}|a\\\\|\"|\n", value), 1..6);
    let family = (
        stem,
        suffix,
        prop::sample::select(kinds.to_vec()),
        prop::sample::select(vec!["", "seconds", "info"]),
        "\\PC{0,9}|\"|\n|\\\\",
    );
    let all =
        (family, values, prop::collection::vec(0_u8..9, 0..4), any::<bool>()).prop_map(|(family, values, counts, negative)| {
            let (stem, suffix, kind, unit, help) = family;
            Hostile { name: format!("{stem}{suffix}"), kind, unit, help, values, counts, negative }
        });
    let mut runner = TestRunner::deterministic();
    (0..400).map(|_| all.new_tree(&mut runner).unwrap().current()).collect()
}
