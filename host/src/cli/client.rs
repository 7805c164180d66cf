//! A client of a running host's API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::run::HostArgs;
use super::sse::Messages;
use crate::config::{Environment, HostConfig, Overrides};

/// How long one answer may take; a stream may be silent as long as it likes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is taken.
const ANSWER_BYTES_MAX: usize = 64 << 20;

type Body = http_body_util::combinators::BoxBody<Bytes, hyper::Error>;

/// Asks one host.
pub(super) struct Api {
    base: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// Nobody answers there.
#[derive(Debug, thiserror::Error)]
#[error("no vigie answers at `{base}` ({reason}): start one with `vigie run`, or name another with `--url`")]
pub(super) struct Unreachable {
    base: String,
    reason: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Api {
    /// A client of the host at `url`, else of the one that flags, environment and configuration file would start here.
    pub(super) fn new(url: Option<&str>, host: &HostArgs) -> Result<Self> {
        let base = match url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", configured(host)?),
        };
        let uri: Uri = base.parse().with_context(|| format!("`{base}` is no URL, write it as in `http://127.0.0.1:7979`"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            bail!("`{base}` is no address of a host, write it as in `http://127.0.0.1:7979` (HTTPS is not spoken here yet)");
        }
        Ok(Self { base, client: Client::builder(TokioExecutor::new()).build_http() })
    }

    /// Where it asks.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The answer to `path` below the API.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let whole = async {
            let body = self.send(path, "application/json").await?;
            Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| anyhow::anyhow!("{error}"))
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, whole).await.map_err(|_| self.unreachable("no answer in 10 s"))??;
        serde_json::from_slice(&answer.to_bytes()).with_context(|| format!("the answer to `{path}` is not understood"))
    }

    /// The live stream at `path` below the API.
    pub(super) async fn stream(&self, path: &str) -> Result<Stream> {
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, self.send(path, "text/event-stream")).await;
        Ok(Stream { body: sent.map_err(|_| self.unreachable("no answer in 10 s"))??, messages: Messages::default() })
    }

    async fn send(&self, path: &str, accept: &str) -> Result<Body> {
        let request = Request::get(format!("{}/api/vigie/v1{path}", self.base)).header("accept", accept).body(Empty::new())?;
        let answer = self.client.request(request).await.map_err(|error| self.unreachable(&innermost(&error)))?;
        let (status, body) = (answer.status(), answer.into_body());
        if status.is_success() {
            return Ok(body.boxed());
        }
        let collected = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let text = collected.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        match serde_json::from_slice::<Refusal>(&text) {
            Ok(refusal) => bail!("{} ({status})", refusal.error),
            Err(_) => bail!("`{}` answered {status} to `{path}`, is that a vigie?", self.base),
        }
    }

    fn unreachable(&self, reason: &str) -> Unreachable {
        Unreachable { base: self.base.clone(), reason: reason.to_owned() }
    }
}

/// Where a host that is started here would listen.
fn configured(host: &HostArgs) -> Result<std::net::SocketAddr> {
    let overrides = Overrides { config: host.config.clone(), listen: host.listen, ..Overrides::default() };
    Ok(HostConfig::load(&overrides, &Environment::of_process())?.listen)
}

/// What is at the bottom of an error: hyper's own words say only that it could not connect.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A live stream of messages.
pub(super) struct Stream {
    body: Body,
    messages: Messages,
}

impl Stream {
    /// The next messages; `None` when the host ended the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<String>>> {
        while let Some(Ok(frame)) = self.body.frame().await {
            let whole = self.messages.take(frame.data_ref().map_or(&[], |bytes| bytes)).map_err(anyhow::Error::msg)?;
            if !whole.is_empty() {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::{Value, json};

    use super::*;

    /// A stand-in for a host, and a client of it.
    async fn api() -> Api {
        let router = axum::Router::new()
            .route("/api/vigie/v1/plugins", get(|| async { axum::Json(json!({ "plugins": [] })) }))
            .route(
                "/api/vigie/v1/bad",
                get(|| async { (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": "`x` is no offset" }))) }),
            )
            .route("/api/vigie/v1/stream", get(|| async { "id: 1-1\ndata: one\n\ndata: two\n\n" }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Api::new(Some(&url), &HostArgs::default()).unwrap()
    }

    #[tokio::test]
    async fn answers_streams_and_refusals_are_understood() {
        let api = api().await;
        assert_eq!(api.get::<Value>("/plugins").await.unwrap(), json!({ "plugins": [] }));
        let refused = api.get::<Value>("/bad").await.unwrap_err().to_string();
        assert_eq!(refused, "`x` is no offset (400 Bad Request)");
        let strange = api.get::<Value>("/none").await.unwrap_err().to_string();
        assert!(strange.ends_with("answered 404 Not Found to `/none`, is that a vigie?"), "{strange}");
        let mut stream = api.stream("/stream").await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), ["one", "two"]);
        assert_eq!(stream.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn nobody_there_is_told_with_what_would_help() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let api = Api::new(Some(&format!("http://{closed}")), &HostArgs::default()).unwrap();
        let error = api.get::<Value>("/plugins").await.unwrap_err();
        assert!(error.is::<Unreachable>(), "{error:#}");
        assert!(error.to_string().contains("Connection refused"), "{error:#}");
    }

    #[test]
    fn only_hosts_over_http_are_asked() {
        for url in ["https://x", "localhost:7979", "", "ftp://x", "http://"] {
            assert!(Api::new(Some(url), &HostArgs::default()).is_err(), "`{url}` was taken");
        }
    }
}
