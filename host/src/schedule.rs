//! When each collector and check runs: stable jitter, one in flight a target, missed runs counted.

pub mod driver;
pub mod runner;
pub mod slots;
pub mod timetable;
