//! The words of the domain as types: labels, series, samples, checks, findings, rules, ids and time. Pure.

pub mod check;
pub mod finding;
pub mod ids;
pub mod input;
pub mod label;
pub mod name;
pub mod notification;
pub mod number;
pub mod rule;
pub mod sample;
pub mod selector;
pub mod series;
pub mod target;
pub mod time;

pub use check::{CheckReport, Status};
pub use finding::Finding;
pub use ids::{Epoch, EventId, Fingerprint, Offset, OffsetRange, SeriesId};
pub use input::{Input, Watched};
pub use label::{LabelError, Labels};
pub use name::{Name, NameError, PluginName, TargetName};
pub use notification::{Notification, NotifiedAlert, NotifiedState, Receipt};
pub use rule::Rule;
pub use sample::{Columns, DropCount, DropReason, Times};
pub use selector::{Selector, SelectorError};
pub use series::{Family, Kind, SeriesDefinition};
pub use target::Target;
pub use time::Timestamp;
