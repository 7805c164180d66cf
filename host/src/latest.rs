//! The latest sample of every live series.
