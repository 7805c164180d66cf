//! The book against a second, naive implementation, and against itself after crashes.
