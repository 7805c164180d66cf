//! HTTP and HTTPS to granted origins. Request it as `http("target", "why")` (the origins of the targets), `http("https://host",
//! "why")`, or `http("why")` for whatever the operator grants; and `secrets("why")` where a secret is to be filled in.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::backend::http as backend;
use crate::bindings::imports::vigie::plugin::http as wire;
use crate::error::{Context, Error, Fault, Result, from_wire};

pub use wire::{Encoding, Response, Timing};

/// A request under construction.
///
/// ```
/// # use vigie_plugin::{http, testing};
/// # let fakes = testing::Fakes::new().http(|_| Ok(http::Response::new(200).body("{\"ok\":true}"))).install();
/// let answer: serde_json::Value = http::get("https://shop.example/api").bearer("shop-token").send()?.json()?;
/// assert_eq!(answer["ok"], true);
/// # Ok::<(), vigie_plugin::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    wire: wire::Request,
    secrets: Vec<Secret>,
}

#[derive(Debug, Clone)]
struct Secret {
    header: String,
    before: &'static str,
    fill: wire::Fill,
}

/// A `GET`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A `POST`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl Request {
    /// A request without headers and body, which follows no redirect and takes what remains of the call's time.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let wire = wire::Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            fills: None,
            timeout_ms: None,
            redirects_max: None,
            body_bytes_max: None,
            tls_profile: None,
        };
        Self { wire, secrets: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wire.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.wire.body = Some(body.into());
        self
    }

    /// Sets the body and `Content-Type: application/json`.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// How long it may take, from the first lookup to the last byte.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.wire.timeout_ms = Some(millis(timeout));
        self
    }

    /// How many redirects are followed. Each must be granted, too; secrets do not follow to another origin.
    #[must_use]
    pub fn redirects(mut self, max: u8) -> Self {
        self.wire.redirects_max = Some(max);
        self
    }

    /// How much of the answer's body is read (else 1 MiB).
    #[must_use]
    pub fn body_bytes_max(mut self, max: u32) -> Self {
        self.wire.body_bytes_max = Some(max);
        self
    }

    /// The operator's named TLS settings.
    #[must_use]
    pub fn tls_profile(mut self, name: impl Into<String>) -> Self {
        self.wire.tls_profile = Some(name.into());
        self
    }

    /// `Authorization: Bearer`, with a secret that the host fills in and the plugin never sees.
    #[must_use]
    pub fn bearer(self, secret: impl Into<String>) -> Self {
        self.secret("Authorization", "Bearer ", secret.into(), Encoding::Plain, String::new())
    }

    /// `Authorization: Basic`, with a password that the host fills in and the plugin never sees.
    #[must_use]
    pub fn basic(self, user: impl Into<String>, secret: impl Into<String>) -> Self {
        self.secret("Authorization", "Basic ", secret.into(), Encoding::Basic, user.into())
    }

    /// A header whose whole value is a secret.
    #[must_use]
    pub fn secret_header(self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.secret(name, "", secret.into(), Encoding::Plain, String::new())
    }

    /// Lets the host put a secret where `placeholder` stands in url, headers and body. Take a placeholder that no other text
    /// can contain; the methods for headers choose theirs so.
    #[must_use]
    pub fn fill(mut self, placeholder: impl Into<String>, secret: impl Into<String>, encoding: Encoding) -> Self {
        let (placeholder, secret) = (placeholder.into(), secret.into());
        self.wire.fills.get_or_insert_default().push(wire::Fill { placeholder, secret, encoding, user: String::new() });
        self
    }

    /// Sends it. An answer with any status is `Ok`.
    pub fn send(self) -> Result<Response> {
        backend::send(&self.into_wire()).map_err(from_wire)
    }

    fn secret(
        mut self,
        header: impl Into<String>,
        before: &'static str,
        secret: String,
        encoding: Encoding,
        user: String,
    ) -> Self {
        let fill = wire::Fill { placeholder: String::new(), secret, encoding, user };
        self.secrets.push(Secret { header: header.into(), before, fill });
        self
    }

    /// Gives each secret a placeholder that nothing else in the request contains: else a body that somebody else wrote could
    /// ask for the secret.
    fn into_wire(mut self) -> wire::Request {
        let mut number = 0_u32;
        for Secret { header, before, mut fill } in std::mem::take(&mut self.secrets) {
            fill.placeholder = loop {
                let candidate = format!("vigie-secret-{number}-");
                number += 1;
                if !contains(&self.wire, &candidate) {
                    break candidate;
                }
            };
            self.wire.headers.push((header, format!("{before}{}", fill.placeholder)));
            self.wire.fills.get_or_insert_default().push(fill);
        }
        self.wire
    }
}

fn contains(request: &wire::Request, text: &str) -> bool {
    let in_body = |body: &Vec<u8>| body.windows(text.len()).any(|window| window == text.as_bytes());
    request.url.contains(text)
        || request.headers.iter().any(|(name, value)| name.contains(text) || value.contains(text))
        || request.body.as_ref().is_some_and(in_body)
}

impl Response {
    /// An answer without headers and body, for tests.
    pub fn new(status: u16) -> Self {
        let timing = Timing { resolve_ms: None, connect_ms: None, tls_ms: None, first_byte_ms: None, total_ms: 0.0 };
        let (headers, body, certificates) = (Vec::new(), Vec::new(), Vec::new());
        let (url, remote_address) = (String::new(), String::new());
        Self { status, headers, body, truncated: false, url, remote_address, certificates, timing }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header; names are compared without regard to case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 becomes `U+FFFD`.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body, parsed.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if self.truncated {
            return Err(Error::permanent(format!("`{}`: the body is longer than the bound", self.url)));
        }
        serde_json::from_slice(&self.body)
            .fault(Fault::Transient, format_args!("`{}`: the body is not the expected JSON", self.url))
    }

    /// The answer, or an error where the status is not 200 to 299: transient for 429 and 5xx, else permanent.
    pub fn success(self) -> Result<Self> {
        match self.status {
            200..300 => Ok(self),
            status @ (429 | 500..) => Err(Error::transient(format!("`{}` answered {status}", self.url))),
            status => Err(Error::permanent(format!("`{}` answered {status}", self.url))),
        }
    }
}
