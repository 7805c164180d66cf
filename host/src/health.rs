//! The health board: the status of each target, since when. Pure.
