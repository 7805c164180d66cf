//! The operator's settings: one question, asked of every target of the plugin. Another question is another `NAME.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use vigie_plugin::{Config, Error, Result, Span};

use crate::condition::body::{Body, JsonSetting};
use crate::condition::certificate::Validity;
use crate::condition::header::{self, Header};
use crate::condition::latency::Latency;
use crate::condition::status::{Codes, Pattern};

const REDIRECTS_MAX: u8 = 5;
const BODY_BYTES_MAX: u32 = 1 << 20;
const CERTIFICATE_DAYS: f64 = 14.0;

/// What is asked, and what a good answer looks like.
#[derive(Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The request's method.
    #[serde(default = "get")]
    #[config(default = "GET", pattern = "^[A-Z]+$")]
    method: String,
    /// The request's headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The request's body.
    #[serde(default)]
    body: Option<String>,
    /// How the request proves who asks.
    #[serde(default)]
    auth: Option<Auth>,
    /// How many redirects are followed. Each origin on the way must be granted.
    #[serde(default = "redirects_max")]
    #[config(default = 5, max = 20)]
    redirects_max: u8,
    /// How much of the answer's body is read, in bytes.
    #[serde(default = "body_bytes_max")]
    #[config(default = 1048576, max = 16777216)]
    body_bytes_max: u32,
    /// The operator's named TLS settings.
    #[serde(default)]
    tls_profile: Option<String>,
    /// Expected status codes: `200`, `"2xx"`, `"200-299"`. Default: 2xx.
    #[serde(default)]
    status: Vec<Pattern>,
    /// Texts that the body must contain.
    #[serde(default)]
    body_contains: Vec<String>,
    /// Texts that the body must not contain.
    #[serde(default)]
    body_lacks: Vec<String>,
    /// Regular expressions that the body must match.
    #[serde(default)]
    body_matches: Vec<String>,
    /// Values that must stand in a body of JSON.
    #[serde(default)]
    json: Vec<JsonSetting>,
    /// Conditions on the answer's headers.
    #[serde(default)]
    header_conditions: Vec<header::Setting>,
    /// A slower answer is degraded.
    #[serde(default)]
    latency_degraded_above: Option<Span>,
    /// A slower answer is down, and not waited for.
    #[serde(default)]
    latency_down_above: Option<Span>,
    /// With fewer days left on a certificate of the server's chain the target is degraded.
    #[serde(default = "certificate_days")]
    #[config(default = 14, min = 0)]
    certificate_degraded_days: f64,
    /// With fewer days left the target is down.
    #[serde(default)]
    #[config(default = 0, min = 0)]
    certificate_down_days: f64,
}

/// Names of secrets that the operator granted; the host fills them in, unseen by the plugin.
#[derive(Debug, Clone, Deserialize, Config)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Auth {
    /// `Authorization: Bearer` with this secret.
    Bearer(String),
    /// `Authorization: Basic` with a user and a secret.
    Basic {
        /// The user's name.
        user: String,
        /// The secret that holds the password.
        secret: String,
    },
    /// Any header whose whole value is a secret.
    Header {
        /// The header's name.
        name: String,
        /// The secret that holds its value.
        secret: String,
    },
}

fn get() -> String {
    "GET".to_owned()
}

fn redirects_max() -> u8 {
    REDIRECTS_MAX
}

fn body_bytes_max() -> u32 {
    BODY_BYTES_MAX
}

fn certificate_days() -> f64 {
    CERTIFICATE_DAYS
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
    pub(crate) auth: Option<Auth>,
    pub(crate) redirects_max: u8,
    pub(crate) body_bytes_max: u32,
    pub(crate) tls_profile: Option<String>,
}

/// What a good answer looks like.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) codes: Codes,
    pub(crate) body: Body,
    pub(crate) headers: Vec<Header>,
    pub(crate) latency: Latency,
    pub(crate) validity: Validity,
}

impl Settings {
    /// Compiles patterns and expressions; an error names the setting.
    pub(crate) fn compile(self) -> Result<(Question, Expectation)> {
        let headers = self.header_conditions.into_iter().map(Header::compile).collect::<Result<_>>()?;
        let expectation = Expectation {
            codes: Codes::parse(&self.status)?,
            body: Body::compile(self.body_contains, self.body_lacks, &self.body_matches, self.json)?,
            headers,
            latency: Latency::new(self.latency_degraded_above, self.latency_down_above)?,
            validity: Validity { degraded_days: self.certificate_degraded_days, down_days: self.certificate_down_days },
        };
        if let (Some(Auth::Bearer(_) | Auth::Basic { .. }), Some(name)) = (&self.auth, authorization(&self.headers)) {
            return Err(Error::config(format!("`headers`: `{name}` is set by `auth` already: leave one of them out")));
        }
        let question = Question {
            method: self.method,
            headers: self.headers,
            body: self.body,
            auth: self.auth,
            redirects_max: self.redirects_max,
            body_bytes_max: self.body_bytes_max,
            tls_profile: self.tls_profile,
        };
        Ok((question, expectation))
    }
}

fn authorization(headers: &BTreeMap<String, String>) -> Option<&String> {
    headers.keys().find(|name| name.eq_ignore_ascii_case("authorization"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_set_twice_is_an_error_of_the_configuration() {
        let json = r#"{"auth": {"bearer": "token"}, "headers": {"authorization": "x"}}"#;
        let message = serde_json::from_str::<Settings>(json).unwrap().compile().unwrap_err().message;
        assert_eq!(message, "`headers`: `authorization` is set by `auth` already: leave one of them out");
    }
}
