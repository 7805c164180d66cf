//! High-volume output beside what a call returns. It commits with the call, also where the call returns an error.

use super::backend::sink as backend;
use crate::error::{Result, from_wire};
use crate::families::Families;
use crate::types::{Kind, Labels};

/// A part of the call's batch; accepted or refused whole.
pub fn emit(families: Families) -> Result<()> {
    backend::emit(&families.into_wire()?).map_err(from_wire)
}

/// A series that the host knows by number: valid as long as this instance lives, so keep it in your struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interned(u32);

/// Interns a gauge.
pub fn gauge(name: &str, labels: &Labels) -> Result<Interned> {
    intern(name, Kind::Gauge, labels)
}

/// Interns a counter.
pub fn counter(name: &str, labels: &Labels) -> Result<Interned> {
    intern(name, Kind::Counter, labels)
}

fn intern(name: &str, kind: Kind, labels: &Labels) -> Result<Interned> {
    backend::series(name, kind, labels).map(Interned).map_err(from_wire)
}

/// Values of interned series, collected and written at once: 1000 samples cost 4 us this way. Its memory is kept from call to
/// call.
#[derive(Debug, Default)]
pub struct Writer {
    ids: Vec<u32>,
    values: Vec<f64>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    pub fn push(&mut self, series: Interned, value: f64) {
        self.ids.push(series.0);
        self.values.push(value);
    }

    /// Writes what was added, and forgets it.
    pub fn flush(&mut self) -> Result<()> {
        let written = backend::write(&self.ids, &self.values);
        self.ids.clear();
        self.values.clear();
        written.map_err(from_wire)
    }
}
