//! What an answer yields as series, under blackbox_exporter's names where the meaning is the same.

use vigie_plugin::http::{Response, Timing};
use vigie_plugin::{Families, Status};

use crate::condition::certificate::first_to_end;

/// Success and duration, which every check yields.
pub(crate) fn always(status: Status, took_ms: f64, families: &mut Families) {
    let success = f64::from(u8::from(status != Status::Down));
    families.gauge("probe_success", "Displays whether or not the probe was a success").value(success);
    let help = "Returns how long the probe took to complete in seconds";
    families.gauge("probe_duration_seconds", help).unit("seconds").value(took_ms / 1e3);
}

/// What only an answer tells.
pub(crate) fn of_answer(response: &Response, families: &mut Families) {
    families.gauge("probe_http_status_code", "Response HTTP status code").value(f64::from(response.status));
    let help = "Duration of http request by phase, summed over all redirects";
    let mut durations = families.gauge("probe_http_duration_seconds", help).unit("seconds").labels(["phase"]);
    for (phase, ms) in phases(&response.timing) {
        durations.point([phase], ms / 1e3);
    }
    let length = response.header_value("content-length").and_then(|length| length.trim().parse::<f64>().ok());
    families.gauge("probe_http_content_length", "Length of http content response").value(length.unwrap_or(-1.0));
    if !response.truncated {
        let length = response.body.len() as f64;
        families.gauge("probe_http_uncompressed_body_length", "Length of uncompressed response body").value(length);
    }
    let ssl = f64::from(u8::from(!response.certificates.is_empty()));
    families.gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect").value(ssl);
    if let Some(certificate) = first_to_end(&response.certificates) {
        let help = "Returns earliest SSL cert expiry in unixtime";
        families.gauge("probe_ssl_earliest_cert_expiry", help).value(certificate.not_after / 1e3);
    }
}

/// A phase that did not happen took no time; what no phase claims was spent on the body.
fn phases(timing: &Timing) -> [(&'static str, f64); 5] {
    let [resolve, connect, tls, processing] =
        [timing.resolve_ms, timing.connect_ms, timing.tls_ms, timing.first_byte_ms].map(Option::unwrap_or_default);
    let transfer = (timing.total_ms - resolve - connect - tls - processing).max(0.0);
    [("connect", connect), ("processing", processing), ("resolve", resolve), ("tls", tls), ("transfer", transfer)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(resolve_ms: Option<f64>, total_ms: f64) -> Timing {
        Timing { resolve_ms, connect_ms: Some(10.0), tls_ms: None, first_byte_ms: Some(20.0), total_ms }
    }

    #[test]
    fn what_no_phase_claims_is_transfer() {
        let response = Response { timing: timed(Some(5.0), 40.0), ..Response::new(200) };
        let mut families = Families::new();
        of_answer(&response, &mut families);
        let phase = |name| families.find("probe_http_duration_seconds", &[name]).unwrap();
        assert_eq!(["resolve", "connect", "tls", "processing", "transfer"].map(phase), [0.005, 0.01, 0.0, 0.02, 0.005]);
    }

    #[test]
    fn phases_that_overlap_make_no_negative_transfer() {
        assert_eq!(phases(&timed(Some(50.0), 40.0))[4], ("transfer", 0.0));
    }

    #[test]
    fn an_unknown_length_is_minus_one_and_a_cut_body_has_none() {
        let mut families = Families::new();
        of_answer(&Response { truncated: true, ..Response::new(200).body("half") }, &mut families);
        assert_eq!(families.find("probe_http_content_length", &[]), Some(-1.0));
        assert_eq!(families.find("probe_http_uncompressed_body_length", &[]), None);
        let mut families = Families::new();
        of_answer(&Response::new(200).header("Content-Length", "4").body("full"), &mut families);
        assert_eq!(families.find("probe_http_content_length", &[]), Some(4.0));
        assert_eq!(families.find("probe_http_uncompressed_body_length", &[]), Some(4.0));
    }
}
