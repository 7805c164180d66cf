//! Vigie, a monitoring host whose parts are WebAssembly components.
//!
//! The modules in the order in which data flows; none knows what comes after it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect"))]

// The words, and the facts.
pub mod clock;
pub mod event;
pub mod model;
pub mod telemetry;

// From a plugin's call to the journal.
pub mod bus;
pub mod config;
pub mod edge;
pub mod journal;
pub mod plugin;
pub mod recorder;
pub mod schedule;

// From the journal to what follows from it.
pub mod alert;
pub mod health;
pub mod latest;
pub mod notify;
pub mod route;

// To people and programs.
pub mod api;
pub mod app;
pub mod cli;
pub mod exposition;
