//! The notifier `webhook`: posts Alertmanager's payload, or any other by template. What the settings say is in
//! docs/plugins/webhook.md.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod body;
pub mod fills;
pub mod payload;
pub mod settings;
pub mod time;

use std::time::Duration;

use fills::Fills;
use settings::{Reference, Settings};
use vigie_plugin::http::{Request, Response};
use vigie_plugin::{AlertState, Error, Notification, Notifier, Plugin, Receipt, Result, now, plugin};

/// The longest part of an answer that an error shows, in characters.
const SHOWN_CHARS_MAX: usize = 200;
/// The longest reference, in characters: it is journaled with every delivery.
const REFERENCE_CHARS_MAX: usize = 512;
/// What is read of an answer, in bytes: the reference stands at its beginning, if anywhere.
const ANSWER_BYTES_MAX: u32 = 256 << 10;

/// The plugin: all it knows comes with the notification.
#[derive(Debug)]
pub struct Webhook;

plugin! {
    plugin: Webhook,
    roles: [Notifier],
    name: "webhook",
    requests: [
        http("sends notifications to the receivers' URLs"),
        secrets("signs in to the receivers, where their settings name secrets"),
    ],
    timeout: "10s",
    memory: "32MiB",
}

impl Plugin for Webhook {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self> {
        settings.check()?;
        settings.template.as_deref().map_or(Ok(()), body::check)?;
        Ok(Self)
    }
}

impl Notifier for Webhook {
    fn notify(&mut self, settings: &Settings, notification: &Notification) -> Result<Receipt> {
        settings.check()?;
        let firing = notification.alerts.iter().any(|alert| alert.state == AlertState::Firing);
        if !firing && !settings.send_resolved {
            return Ok(Receipt::new("").detail("skipped", "nothing fires, and `send-resolved` is false"));
        }
        let (request, secret) = request(settings, notification)?;
        let answer = request.send()?;
        match answer.status {
            200..300 => Ok(receipt(settings, &answer)),
            status => Err(refusal(status, &answer, secret)),
        }
    }
}

/// The request, and whether a secret is filled into it.
fn request(settings: &Settings, notification: &Notification) -> Result<(Request, bool)> {
    let foreign = foreign(notification);
    let fills = Fills::new(&foreign);
    let url = fills.replace(settings.url()?, "url")?;
    let body = body::body(settings, notification, &fills)?;
    let mut request = Request::new(settings.method.as_str(), url)
        .header("Content-Type", settings.content_type.as_str())
        .header("User-Agent", concat!("vigie-webhook/", env!("CARGO_PKG_VERSION")))
        .body_bytes_max(ANSWER_BYTES_MAX);
    for (name, value) in &settings.headers {
        request = request.header(name, fills.replace(value, "headers")?);
    }
    if let Some(timeout) = settings.timeout {
        request = request.timeout(*timeout);
    }
    if let Some(profile) = &settings.tls_profile {
        request = request.tls_profile(profile);
    }
    let signed = settings.bearer.is_some() || settings.basic.is_some();
    if let Some(secret) = &settings.bearer {
        request = request.bearer(secret);
    } else if let Some(basic) = &settings.basic {
        request = request.basic(&basic.user, &basic.secret);
    }
    Ok((fills.apply(request.body(body)), signed || !fills.is_empty()))
}

/// All that others wrote into the notification.
fn foreign(notification: &Notification) -> String {
    let mut all = format!("{} {}", notification.group_key, notification.previous.as_deref().unwrap_or_default());
    let of_alerts = notification.alerts.iter().flat_map(|alert| alert.labels.iter().chain(&alert.annotations));
    let of_group = notification.common_labels.iter().chain(&notification.common_annotations).chain(&notification.group_labels);
    for (name, value) in of_alerts.chain(of_group) {
        all.extend([" ", name, " ", value]);
    }
    all
}

fn receipt(settings: &Settings, answer: &Response) -> Receipt {
    let found = match &settings.reference {
        None => None,
        Some(Reference::Header(name)) => answer.header_value(name).map(str::to_owned),
        Some(Reference::Json(pointer)) => {
            answer.json::<serde_json::Value>().ok().and_then(|body| match body.pointer(pointer)? {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Null => None,
                other => Some(other.to_string()),
            })
        }
    };
    let reference: String = found.unwrap_or_default().chars().take(REFERENCE_CHARS_MAX).collect();
    Receipt::new(reference).detail("status", answer.status.to_string())
}

/// 429, 5xx and 408 may go better next time; anything else will not, until somebody changes something.
fn refusal(status: u16, answer: &Response, secret: bool) -> Error {
    // An answer may repeat what it was asked with, so it is not shown where a secret was in it.
    let text = if secret { String::new() } else { shown(&answer.text()) };
    let message = format!("the receiver answered {status}{text}");
    match status {
        408 | 429 | 500.. => {
            let wait = answer.header_value("Retry-After").and_then(|text| time::retry_after_ms(text, now()));
            let error = Error::transient(message);
            wait.map_or(error.clone(), |wait| error.retry_after(Duration::from_secs_f64(wait / 1e3)))
        }
        300..=399 => Error::permanent(format!("{message}; redirects are not followed, write the URL that it leads to")),
        401 | 403 => Error::permanent(format!("{message}; check `bearer`, `basic` or `headers`")),
        _ => Error::permanent(message),
    }
}

fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN_CHARS_MAX).collect();
    if line.is_empty() { line } else { format!(": `{line}`") }
}
