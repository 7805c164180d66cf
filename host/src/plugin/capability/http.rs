//! `http`: requests to granted origins.
//!
//! Each request opens a connection of its own. A health check should measure what a new visitor meets (resolving, connecting, the
//! handshake), and with nothing kept there is nothing that one plugin could find of another, no idle connection that the server
//! has already closed, and no pool to bound. Proxies named in the environment are not used: a grant is of an origin.

mod address;
mod connect;
mod exchange;
mod fill;
mod guest;
mod request;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::reach::Reach;
use super::refusal::Refusal;
use crate::plugin::grants::Grants;
pub use connect::{Resolve, SystemResolver};
use fill::Filler;
pub use fill::{Encoding, Fill};
use request::Message;
pub use request::{FILLS_MAX, HEADER_BYTES_MAX, HEADERS_MAX, REQUEST_BODY_BYTES_MAX, Request, URL_BYTES_MAX};
pub use tls::{Certificate, TlsProfiles};

/// Connections of one plugin at once; further requests wait until their deadline.
pub const CONNECTIONS_MAX: usize = 16;
/// Redirects that are followed, whatever the plugin wants.
pub const REDIRECTS_MAX: u8 = 10;
/// Bytes of an answer's body where the plugin names no bound.
pub const BODY_BYTES_DEFAULT: u32 = 1 << 20;
/// Bytes of an answer's body, whatever the plugin wants.
pub const BODY_BYTES_MAX: u32 = 16 << 20;

/// How long each phase took, in milliseconds from its own begin; absent where it did not happen. After redirects, of the last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Finding the address.
    pub resolve_ms: Option<f64>,
    /// Connecting.
    pub connect_ms: Option<f64>,
    /// The handshake.
    pub tls_ms: Option<f64>,
    /// From sending the request to the answer's head.
    pub first_byte_ms: Option<f64>,
    /// The whole call.
    pub total_ms: f64,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In order; bytes that are no ASCII as Latin-1.
    pub headers: Vec<(String, String)>,
    /// As sent: a compressed body stays so.
    pub body: Vec<u8>,
    /// The body went on beyond its bound.
    pub truncated: bool,
    /// What answered, after redirects; without secrets.
    pub url: String,
    /// The address that answered.
    pub remote_address: String,
    /// The server's chain.
    pub certificates: Vec<Certificate>,
    /// How long it took.
    pub timing: Timing,
}

/// What all plugins' requests share. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    resolver: connect::SharedResolver,
    tls: Arc<TlsProfiles>,
}

impl Client {
    /// A client with its own resolver and trust.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, tls: TlsProfiles) -> Self {
        Self { resolver, tls: Arc::new(tls) }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new(Arc::new(SystemResolver), TlsProfiles::default())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// One plugin's share of the connections.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Semaphore>);

impl Default for Connections {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CONNECTIONS_MAX)))
    }
}

/// Sends a request and follows its redirects.
///
/// # Errors
/// Denied, also after a redirect; a request that cannot be sent; a secret that is not there; nobody answers or not in HTTP; or no
/// answer before `deadline` or the request's own timeout.
pub async fn send(reach: &Reach, grants: &Grants, deadline: Instant, request: &Request) -> Result<Response, Refusal> {
    let began = Instant::now();
    let own = request.timeout_ms.and_then(|ms| began.checked_add(Duration::from_millis(ms.into())));
    let until = own.map_or(deadline, |own| own.min(deadline));
    let (mut message, filler) = prepare(reach, grants, until, request).await?;
    let permit = timeout_at(until, reach.connections.0.acquire()).await;
    let _permit = permit.map_err(|_| Refusal::timeout(format!("{CONNECTIONS_MAX} requests of the plugin were still open")))?;
    let mut redirects = request.redirects_max.min(REDIRECTS_MAX);
    loop {
        let mut timing = Timing::default();
        let profile = request.tls_profile.as_deref();
        let connected = connect::connect(reach, grants, &message.origin, profile, until, &mut timing).await?;
        let answer = exchange::exchange(connected, &message, until, &mut timing).await?;
        let next = if redirects > 0 { message.redirected(answer.status(), answer.headers(), &filler)? } else { None };
        if let Some(next) = next {
            redirects -= 1;
            message = next;
            continue;
        }
        let bytes_max = request.body_bytes_max.unwrap_or(BODY_BYTES_DEFAULT).min(BODY_BYTES_MAX);
        let mut response = answer.read(&message, &filler, bytes_max, until).await?;
        response.timing = Timing { total_ms: millis(began), ..timing };
        return Ok(response);
    }
}

/// The message with its secrets, after the grants of origin and secrets were checked.
async fn prepare(reach: &Reach, grants: &Grants, until: Instant, request: &Request) -> Result<(Message, Filler), Refusal> {
    let origin = request::origin(&request.url)?;
    grants.http(&origin)?;
    if request.fills.len() > FILLS_MAX {
        return Err(Refusal::permanent(format!("{} fills are more than {FILLS_MAX}", request.fills.len())));
    }
    let mut filler = Filler::default();
    for fill in &request.fills {
        fill.check()?;
        grants.secret(&fill.secret, &origin)?;
        filler.add(fill, &reach.secrets.read(&reach.blocking, until, &fill.secret).await?);
    }
    let message = Message::new(request, origin, &filler)?;
    Ok((message, filler))
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests;
