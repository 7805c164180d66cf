//! The single writer: takes frames from the bus, appends them, wakes the consumers.
