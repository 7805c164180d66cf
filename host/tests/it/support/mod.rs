//! What tests of the whole need: the real binary in a directory of its own, and a client that waits for events, not for time.

pub mod client;
pub mod host;
pub mod receiver;
