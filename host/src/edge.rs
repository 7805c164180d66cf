//! Where what is collected becomes series ids and columns, once. After this, nothing handles labels a sample at a time.
//!
//! A [`Source`] is one stream of batches: what one plugin says of one target (or one rule) in one role. It lays job, instance and
//! target labels on each series, keeps the rules of the data model, and knows which series were in the last batch, so that those
//! which are missing from the next one end. [`SeriesRegistry`] gives every label set its id; journal, routes and latest values share it.
//!
//! ```text
//! let mut batch = source.begin(now);
//! let family = batch.family("node_load1", Kind::Gauge, "", "Load over a minute.", &["cpu"]);
//! batch.number(family, &["0"], 0.5, None);
//! let (mut source, output) = batch.finish(Ending::Ok);
//! // … output.events() go into the call's frame; when it is in the journal:
//! source.committed();
//! ```
//!
//! Conservation: every sample that a batch takes in is in its columns or counted in its drops.

mod batch;
mod cache;
mod compact;
mod distribution;
mod drops;
mod family;
mod intern;
mod labelling;
mod limits;
mod output;
mod registry;
mod resolve;
mod slot;
mod source;
mod status;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Ending};
pub use cache::FamilyRef;
pub use distribution::{Bucket, Quantile};
pub use drops::Refusal;
pub use intern::Interner;
pub use labelling::HonorLabels;
pub use limits::{Limits, PluginShare};
pub use output::BatchOutput;
pub use registry::{Definitions, SeriesRegistry};
pub use source::Source;
pub use status::StatusSource;
