//! Plugins: what a component is, what it may do, and the task that runs it.

pub mod policy;
