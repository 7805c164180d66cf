//! The alert book: which findings hold, and which state each alert is in. Pure: time comes with the events.
//!
//! An alerter says what holds now; [`evaluated`] turns that into what changed; [`Book::decide`] says which alerts take a step
//! because of it, and [`Book::apply`] takes it. docs/alerts.md tells it to users.

pub mod book;
mod decide;
pub mod finding;
pub mod replay;
pub mod view;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod prometheus;

pub use book::Book;
pub use finding::{CheckNote, FINDINGS_PER_RULE_MAX, Held, evaluated};
pub use replay::{Ahead, Replay};
pub use view::{AlertState, AlertView, RuleState, RuleView};
