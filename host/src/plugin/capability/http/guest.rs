//! The contract's `http` in terms of this module's own.

use tokio::time::Instant;

use super::{Certificate, Encoding, Fill, Request, Response, Timing, send};
use crate::plugin::bindings::http::{self as guest, Host};
use crate::plugin::bindings::types::{self, Error};
use crate::plugin::data::Data;
use crate::plugin::grants::Origin;

impl Host for Data {
    async fn send(&mut self, request: guest::Request) -> Result<guest::Response, Error> {
        self.outside("http", &scope(&request.url))?;
        let (shared, deadline, began) = (self.shared.clone(), self.capability_deadline(), Instant::now());
        let response = send(&shared.reach, &shared.grants, deadline, &from_guest(request)).await;
        self.waited(began.elapsed());
        response.map(to_guest).map_err(|refusal| self.refuse(refusal))
    }
}

/// What of a URL a denial shows: it may hold a token.
fn scope(url: &str) -> String {
    Origin::parse(url).map_or_else(|_| "a url".to_owned(), |origin| origin.to_string())
}

fn from_guest(request: guest::Request) -> Request {
    Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        fills: request.fills.unwrap_or_default().into_iter().map(fill).collect(),
        timeout_ms: request.timeout_ms,
        redirects_max: request.redirects_max.unwrap_or(0),
        body_bytes_max: request.body_bytes_max,
        tls_profile: request.tls_profile,
    }
}

fn fill(fill: guest::Fill) -> Fill {
    let encoding = match fill.encoding {
        guest::Encoding::Plain => Encoding::Plain,
        guest::Encoding::Json => Encoding::Json,
        guest::Encoding::Url => Encoding::Url,
        guest::Encoding::Basic => Encoding::Basic,
    };
    Fill { placeholder: fill.placeholder, secret: fill.secret, encoding, user: fill.user }
}

fn to_guest(response: Response) -> guest::Response {
    let Timing { resolve_ms, connect_ms, tls_ms, first_byte_ms, total_ms } = response.timing;
    guest::Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
        truncated: response.truncated,
        url: response.url,
        remote_address: response.remote_address,
        certificates: response.certificates.into_iter().map(certificate).collect(),
        timing: guest::Timing { resolve_ms, connect_ms, tls_ms, first_byte_ms, total_ms },
    }
}

fn certificate(certificate: Certificate) -> types::Certificate {
    let Certificate { subject, issuer, names, not_before_ms, not_after_ms, sha256 } = certificate;
    types::Certificate { subject, issuer, names, not_before: not_before_ms, not_after: not_after_ms, sha256 }
}
