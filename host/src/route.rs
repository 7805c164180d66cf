//! Cursors: who reads which events; feeds alerters and the alert book.

pub mod bookkeeper;
pub mod clocks;
pub mod evaluator;
pub mod inputs;
pub mod ring;
pub mod watch;
