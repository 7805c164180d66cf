//! Telling people and programs: what is to be delivered to whom, when it is tried again, and what a notifier is told.

pub mod backoff;
pub mod deliveries;
pub mod driver;
pub mod notification;

pub use deliveries::{Deliveries, Due, NotificationId, Waiting};
