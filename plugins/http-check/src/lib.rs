//! `http-check`: asks a URL and judges the answer.
//!
//! | Module | What it is |
//! |---|---|
//! | `config` | the operator's settings: what is asked, what a good answer looks like |
//! | `condition` | pure: one module a kind of condition |
//! | `verdict` | pure: what the conditions found, and the report made of it |
//! | `measured` | pure: what an answer yields as series |
//! | this | the request, and what becomes of one that gets no answer |
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod condition;
mod config;
mod measured;
mod verdict;

use vigie_plugin::{Error, Families, Fault, HealthCheck, Plugin, Report, Result, Status, Target, clock, http};

use crate::condition::certificate::{days_left, first_to_end};
pub use crate::config::Settings;
use crate::config::{Auth, Expectation, Question};
use crate::verdict::Verdict;

/// The schemes that the host's `http` capability knows.
const SCHEMES: [&str; 3] = ["http://", "https://", "http+unix:"];

/// The health check. It keeps nothing from call to call.
#[derive(Debug)]
pub struct HttpCheck {
    question: Question,
    expectation: Expectation,
}

vigie_plugin::plugin! {
    plugin: HttpCheck,
    roles: [HealthCheck],
    name: "http-check",
    interval: "15s",
    timeout: "10s",
    memory: "32MiB",
    requests: [
        http("*", "asks the targets' URLs, and where they redirect to"),
        secrets("proves who asks, where `auth` is configured; the plugin never sees the secret"),
    ],
}

impl Plugin for HttpCheck {
    type Config = Settings;

    fn new(config: Settings) -> Result<Self> {
        let (question, expectation) = config.compile()?;
        Ok(Self { question, expectation })
    }
}

impl HealthCheck for HttpCheck {
    fn check(&mut self, target: &Target) -> Result<Report> {
        let request = self.request(&target.address)?;
        let began = clock::now();
        match request.send() {
            Ok(response) => self.answered(&response),
            Err(error) => unanswered(error, (clock::now() - began).max(0.0)),
        }
    }
}

impl HttpCheck {
    fn request(&self, url: &str) -> Result<http::Request> {
        if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Error::config(format!("the address `{url}` is no URL: write `https://{url}` or `http://{url}`")));
        }
        let question = &self.question;
        let mut request = http::Request::new(question.method.as_str(), url)
            .redirects(question.redirects_max)
            .body_bytes_max(question.body_bytes_max);
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &question.body {
            request = request.body(body.as_str());
        }
        if let Some(profile) = &question.tls_profile {
            request = request.tls_profile(profile);
        }
        if let Some(wait) = self.expectation.latency.wait_max() {
            request = request.timeout(*wait);
        }
        Ok(match &question.auth {
            None => request,
            Some(Auth::Bearer(secret)) => request.bearer(secret),
            Some(Auth::Basic { user, secret }) => request.basic(user, secret),
            Some(Auth::Header { name, secret }) => request.secret_header(name, secret),
        })
    }

    fn answered(&self, response: &http::Response) -> Result<Report> {
        let Expectation { codes, body, headers, latency, validity } = &self.expectation;
        let took_ms = response.timing.total_ms;
        let mut verdict = Verdict::default();
        codes.judge(response.status, &mut verdict);
        headers.iter().for_each(|header| header.judge(response, &mut verdict));
        body.judge(response, &mut verdict);
        latency.judge(took_ms, &mut verdict);
        validity.judge(&response.certificates, clock::now(), &mut verdict);
        let mut families = Families::new();
        measured::always(verdict.status(), took_ms, &mut families);
        measured::of_answer(response, &mut families);
        let report = verdict.report(format!("answered {} in {took_ms:.0} ms", response.status));
        detailed(report.latency_ms(took_ms), response).families(families)
    }
}

/// What helps a person to see what happened.
fn detailed(mut report: Report, response: &http::Response) -> Report {
    report = report.detail("status", response.status.to_string());
    for (name, value) in [("url", &response.url), ("remote-address", &response.remote_address)] {
        if !value.is_empty() {
            report = report.detail(name, value);
        }
    }
    if let Some(certificate) = first_to_end(&response.certificates) {
        let days = days_left(certificate, clock::now());
        report = report.detail("certificate", &certificate.subject).detail("certificate-days-left", format!("{days:.1}"));
    }
    report
}

/// A target that gives no answer is down; a question that could not be asked, because nobody allowed it or because the
/// configuration is wrong, says nothing about the target.
fn unanswered(error: Error, took_ms: f64) -> Result<Report> {
    if matches!(error.fault, Fault::Denied | Fault::Config) {
        return Err(error);
    }
    let mut families = Families::new();
    measured::always(Status::Down, took_ms, &mut families);
    Report::down(error.message).families(families)
}

#[cfg(test)]
mod tests {
    use vigie_plugin::testing::{Fakes, Request};
    use vigie_plugin::{Certificate, Points};

    use super::*;

    fn check(config: &str, answer: impl FnMut(&Request) -> Result<http::Response> + 'static) -> (Result<Report>, Vec<Request>) {
        let fakes = Fakes::new().http(answer).install();
        let settings: Settings = serde_json::from_str(config).unwrap();
        let mut plugin = HttpCheck::new(settings).unwrap();
        let report = plugin.check(&Target::new("shop", "https://shop.example/health"));
        (report, fakes.requests())
    }

    fn value(report: &Report, name: &str) -> Option<f64> {
        let family = report.families.iter().find(|family| family.name == name)?;
        match &family.points {
            Points::Numbers(points) => points.first().map(|point| point.value),
            _ => None,
        }
    }

    fn answering(status: u16, total_ms: f64) -> http::Response {
        let mut response = http::Response::new(status).body("all well");
        response.timing.total_ms = total_ms;
        response
    }

    #[test]
    fn a_good_answer_is_up_with_its_latency() {
        let (report, requests) = check("{}", |_| Ok(answering(200, 12.4)));
        let report = report.unwrap();
        assert_eq!((report.status, report.message.as_str()), (Status::Up, "answered 200 in 12 ms"));
        assert_eq!(report.latency_ms, Some(12.4));
        assert_eq!((value(&report, "probe_success"), value(&report, "probe_http_status_code")), (Some(1.0), Some(200.0)));
        let request = &requests[0];
        assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "https://shop.example/health"));
        assert_eq!((request.redirects_max, request.body_bytes_max, request.timeout_ms), (Some(5), Some(1 << 20), None));
    }

    #[test]
    fn everything_that_is_wrong_is_said_the_worst_first() {
        let config = r#"{"body-contains": ["welcome"], "latency-degraded-above": "100ms"}"#;
        let report = check(config, |_| Ok(answering(503, 250.0))).0.unwrap();
        assert_eq!(report.status, Status::Down);
        assert_eq!(report.message, "answered 503, expected 2xx; the body lacks `welcome`; took 250 ms, above 100ms");
        assert_eq!(value(&report, "probe_success"), Some(0.0));
    }

    #[test]
    fn a_slow_answer_is_degraded_and_still_a_success() {
        let report = check(r#"{"latency-degraded-above": "100ms"}"#, |_| Ok(answering(200, 250.0))).0.unwrap();
        assert_eq!(report.status, Status::Degraded);
        assert_eq!(value(&report, "probe_success"), Some(1.0));
    }

    #[test]
    fn a_target_that_gives_no_answer_is_down_with_the_hosts_words() {
        for error in
            [Error::transient("connection refused"), Error::timeout("no answer within 9.9 s"), Error::permanent("no such host")]
        {
            let message = error.message.clone();
            let report = check("{}", move |_| Err(error.clone())).0.unwrap();
            assert_eq!((report.status, &report.message), (Status::Down, &message));
            assert_eq!(value(&report, "probe_success"), Some(0.0));
            assert_eq!(value(&report, "probe_http_status_code"), None);
        }
    }

    #[test]
    fn what_nobody_granted_says_nothing_about_the_target() {
        for error in [Error::denied("no grant for `https://shop.example`"), Error::config("no TLS profile `x`")] {
            let expected = error.clone();
            assert_eq!(check("{}", move |_| Err(error.clone())).0.unwrap_err(), expected);
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_an_error_that_shows_one() {
        let mut plugin = HttpCheck::new(serde_json::from_str("{}").unwrap()).unwrap();
        let error = plugin.check(&Target::new("shop", "shop.example")).unwrap_err();
        assert_eq!(error.fault, Fault::Config);
        assert!(error.message.contains("write `https://shop.example`"), "{}", error.message);
    }

    #[test]
    fn the_question_is_as_configured_and_the_secret_is_the_hosts_to_fill_in() {
        let config = r#"{"method": "POST", "body": "ping", "headers": {"Accept": "text/plain"}, "tls-profile": "inside",
            "redirects-max": 0, "latency-down-above": "2s", "auth": {"basic": {"user": "vigie", "secret": "shop-password"}}}"#;
        let (_, requests) = check(config, |_| Ok(answering(200, 1.0)));
        let request = &requests[0];
        assert_eq!((request.method.as_str(), request.body.as_deref()), ("POST", Some(&b"ping"[..])));
        assert_eq!(
            (request.timeout_ms, request.redirects_max, request.tls_profile.as_deref()),
            (Some(2000), Some(0), Some("inside"))
        );
        let fill = &request.fills.as_ref().unwrap()[0];
        assert_eq!((fill.secret.as_str(), fill.user.as_str()), ("shop-password", "vigie"));
        assert!(request.headers.contains(&("Accept".into(), "text/plain".into())));
    }

    #[test]
    fn a_certificate_near_its_end_degrades_and_is_a_series() {
        let days = 86_400_000.0;
        let certificate = Certificate {
            subject: "CN=shop.example".into(),
            issuer: "CN=Test CA".into(),
            names: vec!["shop.example".into()],
            not_before: 0.0,
            not_after: vigie_plugin::testing::START + 3.0 * days,
            sha256: String::new(),
        };
        let report =
            check("{}", move |_| Ok(http::Response { certificates: vec![certificate.clone()], ..answering(200, 1.0) }))
                .0
                .unwrap();
        assert_eq!(report.status, Status::Degraded);
        assert_eq!(report.message, "the certificate of `CN=shop.example` ends in 3.0 days");
        let expected = vigie_plugin::testing::START / 1e3 + 3.0 * 86_400.0;
        assert_eq!(value(&report, "probe_ssl_earliest_cert_expiry"), Some(expected));
        assert!(report.details.contains(&("certificate-days-left".into(), "3.0".into())));
    }
}
