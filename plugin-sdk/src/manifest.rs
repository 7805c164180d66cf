//! The manifest: what a plugin says of itself, as data in the custom section `vigie:manifest` of the file.

use crate::config::Schema;
use crate::json::Writer;

/// The manifest, as `plugin!` fills it in. `limits`, `interval`, `timeout` are texts as in the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    /// The plugin's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it does, in one sentence.
    pub description: &'static str,
    /// The schema of its configuration.
    pub schema: &'static Schema,
    /// The capabilities that it wants, with scope and reason.
    pub requests: &'static [Request],
    /// How often it is called unless the operator says otherwise.
    pub interval: Option<&'static str>,
    /// How long a call may take unless the operator says otherwise.
    pub timeout: Option<&'static str>,
    /// How much memory it may use unless the operator says otherwise.
    pub memory: Option<&'static str>,
    /// How much processor time a call may use unless the operator says otherwise.
    pub cpu_per_call: Option<&'static str>,
}

/// One capability that a plugin wants.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The capability: `http`, `files`, …
    pub capability: &'static str,
    /// How much of it, where it has scopes.
    pub scope: Option<&'static str>,
    /// What for, told to the operator who grants it.
    pub why: &'static str,
}

impl Manifest {
    /// How many bytes the JSON has.
    #[must_use]
    pub const fn len(&self) -> usize {
        let mut out = Writer::<0>::new();
        self.write(&mut out);
        out.len()
    }

    /// Never; here because there is a `len`.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The JSON; `N` is what [`len`](Self::len) says.
    #[must_use]
    pub const fn json<const N: usize>(&self) -> [u8; N] {
        let mut out = Writer::<N>::new();
        self.write(&mut out);
        out.into_bytes()
    }

    const fn write<const N: usize>(&self, out: &mut Writer<N>) {
        out.raw("{\"manifest\":1");
        out.text_if("name", Some(self.name));
        out.text_if("version", Some(self.version));
        out.text_if("description", Some(self.description));
        out.key("schema");
        self.schema.write(out);
        self.write_requests(out);
        if self.interval.is_some() || self.timeout.is_some() {
            out.key("defaults");
            out.raw("{");
            out.text_if("interval", self.interval);
            out.text_if("timeout", self.timeout);
            out.raw("}");
        }
        if self.memory.is_some() || self.cpu_per_call.is_some() {
            out.key("limits");
            out.raw("{");
            out.text_if("memory", self.memory);
            out.text_if("cpu-per-call", self.cpu_per_call);
            out.raw("}");
        }
        out.raw("}");
    }

    const fn write_requests<const N: usize>(&self, out: &mut Writer<N>) {
        out.key("requests");
        out.raw("[");
        let mut at = 0;
        while at < self.requests.len() {
            let request = &self.requests[at];
            out.separate();
            out.raw("{");
            out.text_if("capability", Some(request.capability));
            out.text_if("scope", request.scope);
            out.text_if("why", Some(request.why));
            out.raw("}");
            at += 1;
        }
        out.raw("]");
    }
}

/// A text's bytes as an array, which a section's content must be; `N` is the text's length.
#[must_use]
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(text.as_bytes());
    bytes
}
