//! `metrics`: what the host has stored, read back. Series selectors now; PromQL comes with the store.

use crate::model::{Labels, Selector, Timestamp};
use crate::plugin::bindings::metrics::Host;
use crate::plugin::bindings::types::{Error, Series};
use crate::plugin::data::Data;
use crate::plugin::fault;

/// Series of one query; more are an error that names the count.
pub const QUERY_SERIES_MAX: usize = 10_000;

/// A series read back.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadSeries {
    /// All labels, `__name__` among them.
    pub labels: Labels,
    /// When the value was taken.
    pub at: Timestamp,
    /// Its newest value.
    pub value: f64,
}

/// Reads stored series; implemented by the latest values, later by the store.
pub trait SeriesReader: Send + Sync + 'static {
    /// The live series that the selector means, with their newest values, at most `series_max` of them.
    ///
    /// # Errors
    /// More than `series_max` series match: how many.
    fn select(&self, selector: &Selector, series_max: usize) -> Result<Vec<ReadSeries>, usize>;
}

/// Nothing is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSeries;

impl SeriesReader for NoSeries {
    fn select(&self, _: &Selector, _: usize) -> Result<Vec<ReadSeries>, usize> {
        Ok(Vec::new())
    }
}

impl Host for Data {
    async fn query(&mut self, expression: String) -> Result<Vec<Series>, Error> {
        self.shared.meter.capability_calls.add(1);
        self.may_query(&expression)?;
        let selector = Selector::parse(&expression)
            .map_err(|error| fault::permanent(format!("{error}; PromQL beyond selectors comes with the store")))?;
        let found = self.shared.reader.select(&selector, QUERY_SERIES_MAX).map_err(|count| {
            fault::permanent(format!(
                "`{expression}` selects {count} series, at most {QUERY_SERIES_MAX} are read, narrow it with labels"
            ))
        })?;
        Ok(found.into_iter().filter(|series| self.shared.grants.sees(&series.labels)).map(to_guest).collect())
    }

    async fn query_range(&mut self, expression: String, _: f64, _: f64, _: f64) -> Result<Vec<Series>, Error> {
        self.shared.meter.capability_calls.add(1);
        self.may_query(&expression)?;
        Err(fault::permanent(format!(
            "`{expression}` over a range needs the store, which this version has not; query its newest values"
        )))
    }
}

impl Data {
    fn may_query(&mut self, expression: &str) -> Result<(), Error> {
        self.shared.grants.metrics(expression).map_err(|denied| self.refuse(denied.into()))
    }
}

fn to_guest(series: ReadSeries) -> Series {
    let labels = series.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Series { labels, times: vec![series.at.as_f64()], values: vec![series.value] }
}
