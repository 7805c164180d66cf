//! The way to a server: its name resolved by the host, every address judged, and a connection to exactly one that was.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;

use super::super::reach::Reach;
use super::super::refusal::Refusal;
use super::address::{Class, class};
use super::tls::{self, Certificate, TlsProfiles};
use super::{Timing, millis};
use crate::plugin::grants::origin::Scheme;
use crate::plugin::grants::{Cover, Grants, Origin};

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 16;
/// What one of several addresses gets at least.
const ATTEMPT_TIME_MIN: Duration = Duration::from_millis(250);

/// Turns names into addresses. May block.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a domain.
    ///
    /// # Errors
    /// There are none, or the name service does not say.
    fn resolve(&self, domain: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, domain: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (domain, port).to_socket_addrs().map(Iterator::collect)
    }
}

/// A connection, in the clear or over TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection with what is known of the other side.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    pub(super) remote: SocketAddr,
    pub(super) certificates: Vec<Certificate>,
}

/// Connects to a granted origin.
///
/// # Errors
/// The name leads nowhere or only to addresses that are not granted; nobody answers; TLS fails; or `until` passes.
pub(super) async fn connect(
    reach: &Reach,
    grants: &Grants,
    origin: &Origin,
    profile: Option<&str>,
    until: Instant,
    timing: &mut Timing,
) -> Result<Connected, Refusal> {
    let cover = grants.http(origin)?;
    let addresses = match origin.address() {
        Some(address) => vec![SocketAddr::new(address, origin.port)],
        None => {
            let began = Instant::now();
            let addresses = resolve(reach, origin, until).await?;
            timing.resolve_ms = Some(millis(began));
            addresses
        }
    };
    let addresses = judge(grants, origin, cover, &addresses)?;
    let began = Instant::now();
    let (stream, remote) = open(origin, &addresses, until).await?;
    timing.connect_ms = Some(millis(began));
    if origin.scheme == Scheme::Http {
        return Ok(Connected { stream: Box::new(stream), remote, certificates: Vec::new() });
    }
    let began = Instant::now();
    let connected = secure(&reach.client.tls, profile, origin, stream, remote, until).await?;
    timing.tls_ms = Some(millis(began));
    Ok(connected)
}

async fn resolve(reach: &Reach, origin: &Origin, until: Instant) -> Result<Vec<SocketAddr>, Refusal> {
    let (resolver, domain, port) = (reach.client.resolver.clone(), origin.host.to_string(), origin.port);
    let asked = domain.clone();
    let found = reach.blocking.run(until, &format!("resolving `{domain}`"), move || resolver.resolve(&asked, port)).await?;
    let mut addresses = found.map_err(|error| Refusal::transient(format!("cannot resolve `{domain}`: {error}")))?;
    addresses.truncate(ADDRESSES_MAX);
    // Whatever a resolver says of the port: the grant's is the one.
    addresses.iter_mut().for_each(|address| address.set_port(port));
    if addresses.is_empty() {
        return Err(Refusal::transient(format!("`{domain}` has no address")));
    }
    Ok(addresses)
}

/// The addresses that may be connected to. One that was not judged is never connected to, so a name that changes its mind in
/// between (DNS rebinding) gains nothing.
fn judge(grants: &Grants, origin: &Origin, cover: Cover, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, Refusal> {
    let mut denied = None;
    let mut allowed = Vec::with_capacity(addresses.len());
    for address in addresses {
        let host = match address {
            SocketAddr::V4(address) => Host::Ipv4(*address.ip()),
            SocketAddr::V6(address) => Host::Ipv6(*address.ip()),
        };
        let itself = Origin { host, ..origin.clone() };
        let named = || grants.cover_of(&itself) == Some(Cover::Named);
        match (class(address.ip()), cover) {
            (Class::Public, _) | (Class::Internal(_), Cover::Named) => allowed.push(*address),
            (Class::Internal(_) | Class::Special(_), _) if named() => allowed.push(*address),
            (Class::Internal(what), Cover::Wildcard) => {
                denied = Some((format!("`{}`, {what}, which no wildcard covers", address.ip()), origin.clone()));
            }
            (Class::Special(what), _) => denied = Some((format!("`{}`, {what}", address.ip()), itself)),
        }
    }
    match denied {
        Some((what, grant)) if allowed.is_empty() => Err(grants.deny_address(origin, &what, &grant).into()),
        _ => Ok(allowed),
    }
}

/// Tries the addresses in order; each of several gets its share of the time.
async fn open(origin: &Origin, addresses: &[SocketAddr], until: Instant) -> Result<(TcpStream, SocketAddr), Refusal> {
    let mut failure = Refusal::timeout(format!("no answer in time at connecting to `{origin}`"));
    for (index, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        let patience = until.min(Instant::now() + share.max(ATTEMPT_TIME_MIN));
        match timeout_at(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a request waits for nothing; that it cannot be set hurts nobody.
                let _ = stream.set_nodelay(true);
                return Ok((stream, *address));
            }
            Ok(Err(error)) => failure = Refusal::transient(format!("cannot connect to `{origin}` at {address}: {error}")),
            Err(_) => failure = Refusal::timeout(format!("no answer in time at connecting to `{origin}` at {address}")),
        }
    }
    Err(failure)
}

async fn secure(
    profiles: &TlsProfiles,
    profile: Option<&str>,
    origin: &Origin,
    stream: TcpStream,
    remote: SocketAddr,
    until: Instant,
) -> Result<Connected, Refusal> {
    let late = |_| Refusal::timeout(format!("no answer in time at the TLS handshake with `{origin}`"));
    let config = timeout_at(until, profiles.get(profile)).await.map_err(late)??;
    let name = match origin.address() {
        Some(address) => address.into(),
        None => rustls::pki_types::ServerName::try_from(origin.host.to_string())
            .map_err(|_| Refusal::permanent(format!("`{}` is no name for TLS", origin.host)))?,
    };
    let handshake = TlsConnector::from(config).connect(name, stream);
    let stream = timeout_at(until, handshake).await.map_err(late)?;
    let stream = stream.map_err(|error| Refusal::transient(format!("TLS with `{origin}` failed: {error}")))?;
    let certificates = tls::certificates(stream.get_ref().1.peer_certificates().unwrap_or_default());
    Ok(Connected { stream: Box::new(stream), remote, certificates })
}

/// A resolver behind a pointer.
pub(super) type SharedResolver = Arc<dyn Resolve>;
