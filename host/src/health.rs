//! The health board: the status of each target as each check sees it, and what many add up to. Pure.

pub mod board;
pub mod rollup;

pub use board::{Board, BoardKey, Change, FLAP_WINDOW, Health};
pub use rollup::Rollup;
