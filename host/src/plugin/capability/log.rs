//! `log`: a line for the plugin's log.

use crate::plugin::bindings::log::{Host, Level as Guests};
use crate::plugin::bindings::types::Labels;
use crate::plugin::data::Data;
use crate::plugin::log::{Level, Stream};

impl Host for Data {
    fn enabled(&mut self, level: Guests) -> bool {
        self.shared.log.enabled(convert(level))
    }

    fn write(&mut self, level: Guests, message: String, fields: Labels) {
        self.shared.log.write(convert(level), Stream::Log, &message, &fields);
    }
}

fn convert(level: Guests) -> Level {
    match level {
        Guests::Trace => Level::Trace,
        Guests::Debug => Level::Debug,
        Guests::Info => Level::Info,
        Guests::Warn => Level::Warn,
        Guests::Error => Level::Error,
    }
}
