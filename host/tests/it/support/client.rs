//! A small HTTP client: one request, or the event stream until something is seen.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// No test waits longer than this for anything: then something is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks one host.
#[derive(Clone)]
pub struct Api {
    base: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Api {
    /// A client of the host that listens on this address.
    pub fn new(address: &str) -> Self {
        Self { base: format!("http://{address}"), client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn send(&self, path: &str, headers: &[(&str, &str)]) -> hyper::Result<http::Response<Incoming>> {
        let mut request = http::Request::get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.client.request(request.body(Empty::new()).unwrap()).await;
        Ok(answer.unwrap_or_else(|error| panic!("{path} was not answered: {error}")))
    }

    /// Status, content type and body.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
        let answer = tokio::time::timeout(PATIENCE, self.send(path, headers)).await.expect("no answer in time").unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Status and body, if somebody answers.
    pub async fn try_get(&self, path: &str) -> Option<(u16, String)> {
        let request = http::Request::get(format!("{}{path}", self.base)).body(Empty::new()).unwrap();
        let answer = self.client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// A JSON answer.
    pub async fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path, &[]).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The metrics page.
    pub async fn metrics(&self) -> String {
        self.get("/metrics", &[]).await.2
    }

    /// All events from the first one on, live, until one is as wished; returns it. Panics with what was seen when none comes.
    pub async fn wait(&self, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        self.wait_from(1, what, wished).await
    }

    /// As [`Self::wait`], from this offset on.
    pub async fn wait_from(&self, from: u64, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        let found = tokio::time::timeout(PATIENCE, self.follow(from, &mut seen, &wished)).await;
        match found {
            Ok(Some(event)) => event,
            _ => panic!("no event: {what}; seen:\n{}", seen.join("\n")),
        }
    }

    async fn follow(&self, from: u64, seen: &mut Vec<String>, wished: &impl Fn(&Value) -> bool) -> Option<Value> {
        let path = format!("/api/vigie/v1/events/stream?from={from}");
        let mut body = self.send(&path, &[("accept", "text/event-stream")]).await.ok()?.into_body();
        let mut text = String::new();
        while let Some(frame) = body.frame().await {
            text.push_str(std::str::from_utf8(frame.ok()?.data_ref()?).unwrap());
            while let Some((message, rest)) = text.split_once("\n\n") {
                let data = message.lines().filter_map(|line| line.strip_prefix("data:")).collect::<String>();
                if let Ok(event) = serde_json::from_str::<Value>(&data) {
                    seen.push(format!("{} {} {}", event["offset"], event["kind"], event["summary"]));
                    if wished(&event) {
                        return Some(event);
                    }
                }
                text = rest.to_owned();
            }
        }
        None
    }
}

/// Whether an event is of this kind and about this plugin.
pub fn is(event: &Value, kind: &str, plugin: &str) -> bool {
    event["kind"] == kind && (event["data"]["plugin"] == plugin || event["data"]["receiver"] == plugin)
}
