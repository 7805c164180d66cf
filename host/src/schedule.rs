//! When each collector and check runs.
