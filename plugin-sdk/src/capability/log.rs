//! Lines for the plugin's log: `log::info!("read {count} devices")`, with fields `log::warn!(device = name; "skipped")`.

use std::fmt::{Arguments, Display};

use super::backend::log as backend;

pub use crate::bindings::imports::vigie::plugin::log::Level;
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};

/// Whether anybody reads lines of this level. The macros ask before they format.
pub fn enabled(level: Level) -> bool {
    backend::enabled(level)
}

/// Writes a line; the host cuts and rate-limits. The macros are more comfortable.
pub fn write(level: Level, message: Arguments<'_>, fields: &[(&str, &dyn Display)]) {
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    backend::write(level, &message.to_string(), &fields);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:expr, $($field:ident = $value:expr),+ ; $($text:tt)+) => {
        if $crate::log::enabled($level) {
            $crate::log::write($level, ::std::format_args!($($text)+), &[$((::std::stringify!($field), &$value)),+]);
        }
    };
    ($level:expr, $($text:tt)+) => {
        if $crate::log::enabled($level) {
            $crate::log::write($level, ::std::format_args!($($text)+), &[]);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    ($($text:tt)+) => { $crate::__log!($crate::log::Level::Trace, $($text)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($text:tt)+) => { $crate::__log!($crate::log::Level::Debug, $($text)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($text:tt)+) => { $crate::__log!($crate::log::Level::Info, $($text)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($text:tt)+) => { $crate::__log!($crate::log::Level::Warn, $($text)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($text:tt)+) => { $crate::__log!($crate::log::Level::Error, $($text)+) };
}
