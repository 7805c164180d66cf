//! One request and its answer over one connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use url::Position;

use super::super::refusal::Refusal;
use super::connect::Connected;
use super::fill::Filler;
use super::request::Message;
use super::tls::Certificate;
use super::{Response, Timing, millis};

/// Headers of an answer.
const ANSWER_HEADERS_MAX: usize = 128;
/// Bytes of an answer's head.
const ANSWER_HEAD_BYTES_MAX: usize = 64 << 10;

/// An answer whose head is there and whose body is to be read.
pub(super) struct Answer {
    head: http::Response<Incoming>,
    remote: SocketAddr,
    certificates: Vec<Certificate>,
    _connection: Connection,
}

/// The task that moves a connection's bytes; it ends with whoever wanted them.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends the message and waits for the answer's head.
///
/// # Errors
/// The connection breaks, what comes is no HTTP or has too large a head, or `until` passes.
pub(super) async fn exchange(
    connected: Connected,
    message: &Message,
    until: Instant,
    timing: &mut Timing,
) -> Result<Answer, Refusal> {
    let origin = &message.origin;
    let late = |_| Refusal::timeout(format!("no answer in time from `{origin}`"));
    let began = Instant::now();
    let mut builder = http1::Builder::new();
    builder.max_headers(ANSWER_HEADERS_MAX).max_buf_size(ANSWER_HEAD_BYTES_MAX);
    let handshake = builder.handshake(TokioIo::new(connected.stream));
    let (mut sender, connection) =
        timeout_at(until, handshake).await.map_err(late)?.map_err(|error| broken(message, &error))?;
    let connection = Connection(tokio::spawn(async move {
        // What goes wrong is told to the sender.
        let _ = connection.await;
    }));
    let head = timeout_at(until, sender.send_request(wire(message)?)).await.map_err(late)?;
    let head = head.map_err(|error| broken(message, &error))?;
    timing.first_byte_ms = Some(millis(began));
    Ok(Answer { head, remote: connected.remote, certificates: connected.certificates, _connection: connection })
}

fn wire(message: &Message) -> Result<http::Request<Full<Bytes>>, Refusal> {
    let unfit = |_| Refusal::permanent("the url or its host cannot be written as HTTP");
    let mut request = http::Request::new(Full::new(message.body.clone()));
    *request.method_mut() = message.method.clone();
    *request.uri_mut() = message.url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| unfit(()))?;
    *request.headers_mut() = message.headers.clone();
    let host = HeaderValue::from_str(&message.origin.authority()).map_err(|_| unfit(()))?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// Hyper's words name no part of the request.
fn broken(message: &Message, error: &hyper::Error) -> Refusal {
    let origin = &message.origin;
    if error.is_parse() {
        let bounds = format!("{ANSWER_HEADERS_MAX} headers, {ANSWER_HEAD_BYTES_MAX} bytes");
        return Refusal::transient(format!("the answer of `{origin}` is no HTTP with a head of at most {bounds}: {error}"));
    }
    Refusal::transient(format!("the connection to `{origin}` broke: {error}"))
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.head.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// Reads the body up to `bytes_max`. Secrets that the answer echoes are taken out.
    ///
    /// # Errors
    /// The connection breaks, or `until` passes.
    pub(super) async fn read(
        self,
        message: &Message,
        filler: &Filler,
        bytes_max: u32,
        until: Instant,
    ) -> Result<Response, Refusal> {
        let bytes_max = bytes_max as usize;
        let (head, mut incoming) = self.head.into_parts();
        let mut body = Vec::new();
        let mut truncated = false;
        while !truncated {
            let late = |_| Refusal::timeout(format!("the answer's body from `{}` did not end in time", message.origin));
            let Some(frame) = timeout_at(until, incoming.frame()).await.map_err(late)? else { break };
            let Ok(data) = frame.map_err(|error| broken(message, &error))?.into_data() else { continue };
            let room = bytes_max - body.len();
            truncated = data.len() > room;
            body.extend_from_slice(&data[..data.len().min(room)]);
        }
        let text = |value: &HeaderValue| filler.redact(value.as_bytes()).iter().map(|byte| char::from(*byte)).collect();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Ok(Response {
            status: head.status.as_u16(),
            headers,
            body: filler.redact(&body).into_owned(),
            truncated,
            url: message.shown.clone(),
            remote_address: self.remote.to_string(),
            certificates: self.certificates,
            timing: Timing::default(),
        })
    }
}
