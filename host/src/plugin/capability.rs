//! What a plugin may do: one host import a file, each enforced by request and grant.

pub mod blocking;
pub mod files;
pub mod http;
pub mod log;
pub mod metrics;
pub mod net;
pub mod reach;
pub mod refusal;
pub mod secrets;
pub mod sink;
pub mod state;
pub mod system;

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings;
use crate::plugin::data::Data;

/// Links every capability of the contract.
///
/// # Errors
/// Two interfaces of one name: a fault of this program.
pub(super) fn link(linker: &mut Linker<Data>) -> wasmtime::Result<()> {
    bindings::types::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::files::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::http::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::log::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::metrics::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::net::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::secrets::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::sink::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::state::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    bindings::system::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    Ok(())
}
