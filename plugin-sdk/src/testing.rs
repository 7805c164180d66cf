//! Fakes of the capabilities: a test says what the world looks like, runs the plugin natively, and looks at what it did.
//!
//! ```
//! use vigie_plugin::{files, http, state, testing::Fakes};
//! let fakes = Fakes::new()
//!     .file("/proc/uptime", "12.5 3.0\n")
//!     .http(|request| Ok(http::Response::new(if request.url.ends_with("/ok") { 200 } else { 404 })))
//!     .install();
//! assert_eq!(files::read_to_string("/proc/uptime").unwrap(), "12.5 3.0\n");
//! assert_eq!(http::get("http://x/ok").send().unwrap().status, 200);
//! state::set("seen", b"1").unwrap();
//! assert_eq!(fakes.state().keys().collect::<Vec<_>>(), ["seen"]);
//! ```

pub(crate) mod backend;
mod defaults;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::imports::vigie::plugin::http as wire;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::json::Writer;
use crate::log::Level;
use crate::system::Mount;
use crate::types::{Family, Labels, Series, TimestampMs};

pub use crate::export::Instance;
pub use wire::{Fill, Request};

/// What tests begin at unless they set the clock: 1 January 2026, 00:00 UTC.
pub const START: TimestampMs = 1_767_225_600_000.0;

type Responder = Box<dyn FnMut(&Request) -> Result<wire::Response>>;
type Answerer = Box<dyn FnMut(&str) -> Result<Vec<Series>>>;

/// The world as a test describes it. What it does not describe is refused with fault `denied`.
#[derive(Default)]
pub struct Fakes {
    files: BTreeMap<String, Result<Vec<u8>>>,
    secrets: BTreeMap<String, String>,
    state: BTreeMap<String, Vec<u8>>,
    hostname: Option<String>,
    mounts: Option<Vec<Mount>>,
    responder: Option<Responder>,
    answerer: Option<Answerer>,
    now: Option<TimestampMs>,
    requests: Vec<Request>,
    logs: Vec<LogLine>,
    emitted: Vec<Family>,
    interned: Vec<(String, Labels)>,
    written: Vec<(u32, f64)>,
}

/// A line that the plugin logged.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Its level.
    pub level: Level,
    /// Its text.
    pub message: String,
    /// Its fields.
    pub fields: Labels,
}

thread_local! {
    static INSTALLED: RefCell<Option<Fakes>> = const { RefCell::new(None) };
}

impl Fakes {
    /// An empty world.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file; its directories list it.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), Ok(content.into()));
        self
    }

    /// A file that cannot be read.
    #[must_use]
    pub fn file_error(mut self, path: impl Into<String>, error: Error) -> Self {
        self.files.insert(path.into(), Err(error));
        self
    }

    /// Who answers HTTP requests.
    #[must_use]
    pub fn http(mut self, responder: impl FnMut(&Request) -> Result<wire::Response> + 'static) -> Self {
        self.responder = Some(Box::new(responder));
        self
    }

    /// A secret, for `secrets::reveal` (what `http` fills in stays a placeholder in [`Installed::requests`]).
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// State as an earlier call left it.
    #[must_use]
    pub fn with_state(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.state.insert(key.into(), value.into());
        self
    }

    /// Who answers metrics queries; it gets the expression.
    #[must_use]
    pub fn metrics(mut self, answerer: impl FnMut(&str) -> Result<Vec<Series>> + 'static) -> Self {
        self.answerer = Some(Box::new(answerer));
        self
    }

    /// The machine's name.
    #[must_use]
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.hostname = Some(name.into());
        self
    }

    /// What is mounted.
    #[must_use]
    pub fn mounts(mut self, mounts: Vec<Mount>) -> Self {
        self.mounts = Some(mounts);
        self
    }

    /// What time it is, in Unix milliseconds; else [`START`].
    #[must_use]
    pub fn at(mut self, now: TimestampMs) -> Self {
        self.now = Some(now);
        self
    }

    /// Makes this the world of the current thread, until the returned value is dropped.
    #[must_use]
    pub fn install(self) -> Installed {
        INSTALLED.with_borrow_mut(|installed| *installed = Some(self));
        Installed { _private: () }
    }
}

/// The installed world: what the plugin did to it.
#[derive(Debug)]
pub struct Installed {
    _private: (),
}

impl Drop for Installed {
    fn drop(&mut self) {
        INSTALLED.with_borrow_mut(|installed| *installed = None);
    }
}

fn with<R>(look: impl FnOnce(&mut Fakes) -> R) -> R {
    INSTALLED.with_borrow_mut(|installed| look(installed.get_or_insert_default()))
}

impl Installed {
    /// The HTTP requests so far, as the host gets them: with placeholders where secrets will stand.
    pub fn requests(&self) -> Vec<Request> {
        with(|fakes| fakes.requests.clone())
    }

    /// The lines logged so far.
    pub fn logs(&self) -> Vec<LogLine> {
        with(|fakes| fakes.logs.clone())
    }

    /// The state as it is now.
    pub fn state(&self) -> BTreeMap<String, Vec<u8>> {
        with(|fakes| fakes.state.clone())
    }

    /// The families given to `sink::emit`.
    pub fn emitted(&self) -> Vec<Family> {
        with(|fakes| fakes.emitted.clone())
    }

    /// The values written by interned series: name, labels, value.
    pub fn written(&self) -> Vec<(String, Labels, f64)> {
        with(|fakes| {
            let named = fakes.written.iter().filter_map(|(id, value)| Some((fakes.interned.get(*id as usize)?, value)));
            named.map(|((name, labels), value)| (name.clone(), labels.clone(), *value)).collect()
        })
    }

    /// Sets a file.
    pub fn set_file(&self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        with(|fakes| fakes.files.insert(path.into(), Ok(content.into())));
    }

    /// Lets time pass.
    pub fn advance(&self, millis: f64) {
        with(|fakes| fakes.now = Some(fakes.now.unwrap_or(START) + millis));
    }
}

/// The JSON Schema of a configuration's type, as the manifest has it.
#[expect(clippy::panic, reason = "for tests")]
pub fn schema<T: Config>() -> Value {
    const BYTES_MAX: usize = 64 << 10;
    let mut out = Writer::<BYTES_MAX>::new();
    T::SCHEMA.write(&mut out);
    let len = out.len();
    serde_json::from_slice(&out.into_bytes()[..len]).unwrap_or_else(|error| panic!("the schema is no JSON: {error}"))
}

/// Checks a manifest: it is JSON, and each default in its schema is the one that serde takes when the key is absent. `plugin!`
/// makes a test of it.
///
/// # Panics
/// Where that is not so.
#[expect(clippy::panic, reason = "for tests")]
pub fn check_manifest<T: Config + DeserializeOwned + Debug>(manifest: &str) {
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_else(|error| panic!("the manifest is no JSON: {error}"));
    let differing = defaults::differing::<T>(&manifest["schema"]);
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
