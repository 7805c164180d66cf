//! Who may ask: requests whose `Host` is ours and whose `Origin` is the same or absent, so that no web page that a user
//! happens to visit can read the host (DNS rebinding, cross-site requests).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem;

/// The names under which this host may be asked, besides loopback's.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Arc<[String]>);

impl AllowedHosts {
    /// Loopback's names and these.
    #[must_use]
    pub fn new(configured: &[String]) -> Self {
        Self(configured.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    fn allows(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        loopback || self.0.contains(&host)
    }
}

/// Refuses what comes under another name or from another origin; adds the headers that keep a browser strict.
pub async fn check(State(hosts): State<AllowedHosts>, request: Request, next: Next) -> Response {
    if let Err(refusal) = admit(&hosts, request.headers()) {
        return problem(StatusCode::FORBIDDEN, refusal).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Why a request is refused, if it is.
fn admit(hosts: &AllowedHosts, headers: &HeaderMap) -> Result<(), String> {
    let mut named = headers.get_all(header::HOST).iter();
    let host = named.next().and_then(|value| value.to_str().ok()).filter(|_| named.next().is_none());
    let Some(host) = host.filter(|host| hosts.allows(host)) else {
        let shown = host.unwrap_or_default().escape_default();
        return Err(format!("host `{shown}` is not served, add it to `allowed-hosts` in vigie.toml"));
    };
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let same = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(scheme, authority)| matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host));
    if same { Ok(()) } else { Err("requests from other origins are refused".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(host: &str, origin: Option<&str>) -> bool {
        let hosts = AllowedHosts::new(&["vigie.example".into()]);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        admit(&hosts, &headers).is_ok()
    }

    #[test]
    fn loopback_and_configured_names_are_served() {
        for host in ["127.0.0.1:7979", "localhost:7979", "LOCALHOST", "[::1]:7979", "vigie.example", "Vigie.Example:443"] {
            assert!(admitted(host, None), "{host}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "192.0.2.1", "user@localhost", "", "a b"] {
            assert!(!admitted(host, None), "{host}");
        }
        assert!(admit(&AllowedHosts::default(), &HeaderMap::new()).is_err());
    }

    #[test]
    fn only_the_same_origin_is_served() {
        assert!(admitted("localhost:7979", Some("http://localhost:7979")));
        for origin in ["http://evil.example", "http://localhost:80", "null", "file://", "http://localhost:7979.evil"] {
            assert!(!admitted("localhost:7979", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn two_host_headers_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, "localhost".parse().unwrap());
        headers.append(header::HOST, "evil.example".parse().unwrap());
        assert!(admit(&AllowedHosts::default(), &headers).is_err());
    }
}
