//! The imports' native twins: the same functions, answered by the thread's [`Fakes`](super::Fakes).

use super::{Fakes, INSTALLED, START, with};
use crate::bindings::imports::vigie::plugin::types::Error as WireError;
use crate::error::{Error, into_wire};
use crate::types::TimestampMs;

type Wire<T> = Result<T, WireError>;

fn missing<T>(what: &str) -> Wire<T> {
    Err(into_wire(Error::denied(format!("the test's `Fakes` have no {what}"))))
}

/// A closure of the test may itself use a capability, so it is taken out while it runs.
fn lent<F, R>(place: impl Fn(&mut Fakes) -> &mut Option<F>, call: impl FnOnce(&mut F) -> R) -> Option<R> {
    let mut taken = with(|fakes| place(fakes).take())?;
    let result = call(&mut taken);
    INSTALLED.with_borrow_mut(|installed| installed.as_mut().map(|fakes| *place(fakes) = Some(taken)));
    Some(result)
}

pub(crate) fn now() -> TimestampMs {
    with(|fakes| fakes.now.unwrap_or(START))
}

pub(crate) mod log {
    use super::super::{LogLine, with};
    use crate::log::Level;

    pub(crate) fn enabled(_level: Level) -> bool {
        true
    }

    pub(crate) fn write(level: Level, message: &str, fields: &[(String, String)]) {
        with(|fakes| fakes.logs.push(LogLine { level, message: message.to_owned(), fields: fields.to_vec() }));
    }
}

pub(crate) mod state {
    use super::{Wire, with};

    pub(crate) fn get(key: &str) -> Wire<Option<Vec<u8>>> {
        Ok(with(|fakes| fakes.state.get(key).cloned()))
    }

    pub(crate) fn set(key: &str, value: &[u8]) -> Wire<()> {
        with(|fakes| fakes.state.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }

    pub(crate) fn delete(key: &str) -> Wire<()> {
        with(|fakes| fakes.state.remove(key));
        Ok(())
    }

    pub(crate) fn keys(prefix: &str) -> Wire<Vec<String>> {
        Ok(with(|fakes| fakes.state.keys().filter(|key| key.starts_with(prefix)).cloned().collect()))
    }
}

pub(crate) mod secrets {
    use super::{Wire, missing, with};

    pub(crate) fn reveal(name: &str) -> Wire<String> {
        with(|fakes| fakes.secrets.get(name).cloned()).map_or_else(|| missing(&format!("secret `{name}`")), Ok)
    }
}

pub(crate) mod sink {
    use super::{Wire, with};
    use crate::types::{Family, Kind};

    pub(crate) fn emit(families: &[Family]) -> Wire<()> {
        with(|fakes| fakes.emitted.extend_from_slice(families));
        Ok(())
    }

    pub(crate) fn series(name: &str, _kind: Kind, labels: &[(String, String)]) -> Wire<u32> {
        Ok(with(|fakes| {
            fakes.interned.push((name.to_owned(), labels.to_vec()));
            fakes.interned.len() as u32 - 1
        }))
    }

    pub(crate) fn write(ids: &[u32], values: &[f64]) -> Wire<()> {
        with(|fakes| fakes.written.extend(ids.iter().copied().zip(values.iter().copied())));
        Ok(())
    }
}

pub(crate) mod metrics {
    use super::{Wire, lent, missing};
    use crate::error::into_wire;
    use crate::types::{Series, TimestampMs};

    pub(crate) fn query(expression: &str) -> Wire<Vec<Series>> {
        let answer = lent(|fakes| &mut fakes.answerer, |answerer| answerer(expression).map_err(into_wire));
        answer.unwrap_or_else(|| missing(&format!("metrics for `{expression}`")))
    }

    pub(crate) fn query_range(expression: &str, _start: TimestampMs, _end: TimestampMs, _step_ms: f64) -> Wire<Vec<Series>> {
        query(expression)
    }
}

pub(crate) mod files {
    use std::collections::BTreeSet;

    use super::{Wire, missing, with};
    use crate::error::into_wire;

    pub(crate) fn read(path: &str, max_bytes: u32) -> Wire<Vec<u8>> {
        match with(|fakes| fakes.files.get(path).cloned()) {
            Some(content) => content.map_err(into_wire).map(|mut bytes| {
                bytes.truncate(max_bytes as usize);
                bytes
            }),
            None => missing(&format!("file `{path}`")),
        }
    }

    pub(crate) fn entries(path: &str) -> Wire<Vec<String>> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let names: BTreeSet<String> = with(|fakes| {
            let below = fakes.files.keys().filter_map(|file| file.strip_prefix(&prefix));
            below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect()
        });
        if names.is_empty() { missing(&format!("directory `{path}`")) } else { Ok(names.into_iter().collect()) }
    }
}

pub(crate) mod system {
    use super::{Wire, missing, with};
    use crate::system::Mount;

    pub(crate) fn hostname() -> Wire<String> {
        with(|fakes| fakes.hostname.clone()).map_or_else(|| missing("hostname"), Ok)
    }

    pub(crate) fn mounts() -> Wire<Vec<Mount>> {
        with(|fakes| fakes.mounts.clone()).map_or_else(|| missing("mounts"), Ok)
    }
}

pub(crate) mod http {
    use super::{Wire, lent, missing, with};
    use crate::error::into_wire;
    use crate::http::Response;
    use crate::testing::Request;

    pub(crate) fn send(request: &Request) -> Wire<Response> {
        with(|fakes| fakes.requests.push(request.clone()));
        let answer = lent(|fakes| &mut fakes.responder, |responder| responder(request).map_err(into_wire));
        answer.unwrap_or_else(|| missing(&format!("answer for `{}`", request.url)))
    }
}

pub(crate) mod net {
    use super::{Wire, missing};
    use crate::net::{Connection, DnsRequest, Handshake, TcpRequest, TlsRequest};

    pub(crate) fn tcp(request: &TcpRequest) -> Wire<(Connection, Vec<u8>)> {
        missing(&format!("peer at `{}:{}`", request.host, request.port))
    }

    pub(crate) fn tls(request: &TlsRequest) -> Wire<Handshake> {
        missing(&format!("peer at `{}:{}`", request.host, request.port))
    }

    pub(crate) fn resolve(request: &DnsRequest) -> Wire<Vec<String>> {
        missing(&format!("name `{}`", request.name))
    }

    pub(crate) fn ping(host: &str, _timeout_ms: Option<u32>) -> Wire<f64> {
        missing(&format!("host `{host}`"))
    }
}
