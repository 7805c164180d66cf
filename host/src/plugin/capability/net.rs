//! `net`: not there yet. Every function says so.

use super::refusal::Refusal;
use crate::plugin::bindings::net::{Connection, DnsRequest, Handshake, Host, TcpRequest, TlsRequest};
use crate::plugin::bindings::types::Error;
use crate::plugin::data::Data;

impl Host for Data {
    async fn tcp(&mut self, _: TcpRequest) -> Result<(Connection, Vec<u8>), Error> {
        self.absent("tcp")
    }

    async fn tls(&mut self, _: TlsRequest) -> Result<Handshake, Error> {
        self.absent("tls")
    }

    async fn resolve(&mut self, _: DnsRequest) -> Result<Vec<String>, Error> {
        self.absent("resolve")
    }

    async fn ping(&mut self, _: String, _: Option<u32>) -> Result<f64, Error> {
        self.absent("ping")
    }
}

impl Data {
    fn absent<T>(&mut self, function: &str) -> Result<T, Error> {
        self.outside("net", function)?;
        Err(self.refuse(absent(function)))
    }
}

/// The answer of every function of `net`.
fn absent(function: &str) -> Refusal {
    Refusal::permanent(format!("`net.{function}` comes with a later version of vigie, use `http` where it will do"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_says_that_it_is_not_there_yet() {
        assert_eq!(
            absent("ping"),
            Refusal::permanent("`net.ping` comes with a later version of vigie, use `http` where it will do")
        );
    }
}
