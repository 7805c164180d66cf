//! What an operator may write, in the plugin's configuration or in a receiver's settings.

use std::collections::BTreeMap;

use serde::Deserialize;
use vigie_plugin::{Config, Error, Result, Span};

/// Where notifications go, and how. A receiver's settings are laid over the plugin's own, key by key.
#[derive(Debug, Clone, Default, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Where to send. `${secret:NAME}` is filled in by the host (not in scheme, host and port).
    #[serde(default)]
    #[config(default = "")]
    pub url: String,
    /// The method.
    #[serde(default = "post")]
    #[config(default = "POST")]
    pub method: String,
    /// Headers. In values, `${secret:NAME}` is filled in by the host.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The secret that is sent as `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// User and secret that are sent as `Authorization: Basic`.
    pub basic: Option<Basic>,
    /// How long the delivery may take. Without it: what remains of the call's time.
    pub timeout: Option<Span>,
    /// The operator's named TLS settings.
    pub tls_profile: Option<String>,
    /// Whether alerts that are over are sent, too.
    #[serde(default = "yes")]
    #[config(default = true)]
    pub send_resolved: bool,
    /// The body, as a minijinja template over the payload. Without it: Alertmanager's payload, version 4.
    pub template: Option<String>,
    /// The body's type. If it is JSON, the template's text is checked to be JSON.
    #[serde(default = "json")]
    #[config(default = "application/json")]
    pub content_type: String,
    /// Where the answer says what the other side calls the delivery.
    pub reference: Option<Reference>,
}

/// A user with a password.
#[derive(Debug, Clone, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user's name.
    pub user: String,
    /// The name of the secret that is the password.
    pub secret: String,
}

/// A place in an answer.
#[derive(Debug, Clone, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Reference {
    /// A header.
    Header(String),
    /// A value in the JSON body, as a JSON pointer: `/id`.
    Json(String),
}

fn post() -> String {
    "POST".to_owned()
}

fn json() -> String {
    "application/json".to_owned()
}

fn yes() -> bool {
    true
}

impl Settings {
    /// Whether the body is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.ends_with("+json")
    }

    /// What no schema can say, except about the URL, which only a receiver may have.
    ///
    /// # Errors
    /// The key that is wrong, and what would fix it.
    pub fn check(&self) -> Result<()> {
        if self.bearer.is_some() && self.basic.is_some() {
            return Err(Error::config("`bearer` and `basic` exclude each other: both are the header `Authorization`"));
        }
        let named = |name: &str| self.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
        if (self.bearer.is_some() || self.basic.is_some()) && named("authorization") {
            return Err(Error::config("`headers` has `Authorization`, which `bearer` or `basic` makes: leave one out"));
        }
        if named("content-type") {
            return Err(Error::config("`headers` has `Content-Type`: write it as `content-type` beside `headers`"));
        }
        if let Some(Reference::Json(pointer)) = &self.reference
            && !pointer.starts_with('/')
        {
            return Err(Error::config(format!("`reference`: `{pointer}` is no JSON pointer: write it as `/id`")));
        }
        Ok(())
    }

    /// The URL.
    ///
    /// # Errors
    /// There is none, or it is no URL.
    pub fn url(&self) -> Result<&str> {
        let url = self.url.trim();
        if url.is_empty() {
            return Err(Error::config("`url` is missing: write where to send, such as `https://hooks.example/alerts`"));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        if !matches!(scheme, "http" | "https" | "http+unix") || rest.is_empty() {
            return Err(Error::config(format!("`url`: `{url}` is no URL: it begins with `https://` or `http://`")));
        }
        if rest.split('/').next().unwrap_or_default().contains("${secret:") {
            return Err(Error::config(format!(
                "`url`: `{url}` has a secret in its host: grants are by origin, so write it out"
            )));
        }
        Ok(url)
    }
}
