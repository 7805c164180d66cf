//! The one integration binary: each that links wasmtime weighs more than a hundred megabytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod engine;
mod guests;
mod support;
mod whole;
