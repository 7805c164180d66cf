//! What WASI sockets lack or make tedious, by granted host and port. Request it as `net("why")`.

use std::time::Duration;

use super::backend::net as backend;
use super::http::millis;
use crate::error::{Result, from_wire};

pub use crate::bindings::imports::vigie::plugin::net::{Connection, DnsRequest, Handshake, TcpRequest, TlsRequest};

/// Connects, sends the payload if there is one, reads until enough came or the peer closed.
pub fn tcp(request: &TcpRequest) -> Result<(Connection, Vec<u8>)> {
    backend::tcp(request).map_err(from_wire)
}

/// Shakes hands; `refused` in the answer says why the chain was not accepted.
pub fn tls(request: &TlsRequest) -> Result<Handshake> {
    backend::tls(request).map_err(from_wire)
}

/// Resolves a name.
pub fn resolve(request: &DnsRequest) -> Result<Vec<String>> {
    backend::resolve(request).map_err(from_wire)
}

/// The round trip in milliseconds.
pub fn ping(host: &str, timeout: Option<Duration>) -> Result<f64> {
    backend::ping(host, timeout.map(millis)).map_err(from_wire)
}
