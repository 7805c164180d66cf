//! WASI 0.2 and 0.3, closed: no files, no environment, no arguments, no sockets, nothing on standard input. What a guest writes
//! to its standard output and error goes to its plugin's log.

use std::sync::Arc;

use http::{Request, Response};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::plugin::console::{Console, Tail};
use crate::plugin::data::Data;
use crate::plugin::log::{Level, Stream};
use crate::plugin::repeatable::{CallClock, Randomness};
use crate::plugin::shared::Shared;

/// Random bytes that one WASI call may ask for.
const RANDOM_BYTES_MAX: u64 = 64 << 10;
/// Resources (streams, requests, timers) that one instance may hold.
const RESOURCES_MAX: usize = 10_000;
/// Bytes of one set of HTTP headers.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// The WASI side of one Wasm store.
pub(crate) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    refusal: Refusal,
    /// What clocks show.
    pub(crate) clock: CallClock,
    /// What randomness gives.
    pub(crate) random: Randomness,
    /// The last lines on standard error, for traps.
    pub(crate) stderr: Tail,
}

impl Wasi {
    /// A closed WASI for one instance. `seed` fixes what a guest's hash maps are seeded with, where its answers have to be the
    /// same every time.
    #[must_use]
    pub(crate) fn new(shared: &Arc<Shared>, seed: Option<u128>) -> Self {
        let (clock, random, stderr) = (CallClock::new(shared.clock.now()), Randomness::new(), Tail::default());
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(Console::new(shared.clone(), Stream::Stdout, None))
            .stderr(Console::new(shared.clone(), Stream::Stderr, Some(stderr.clone())))
            .wall_clock(clock.clone())
            .monotonic_clock(clock.clone())
            .secure_random(random.clone())
            .insecure_random(random.clone())
            .insecure_random_seed(seed.unwrap_or_else(|| random.seed()))
            .max_random_size(RANDOM_BYTES_MAX)
            .allow_blocking_current_thread(false)
            .allow_ip_name_lookup(false)
            .allow_tcp(false)
            .allow_udp(false);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADER_BYTES_MAX);
        Self { context: builder.build(), table, http, refusal: Refusal(shared.clone()), clock, random, stderr }
    }
}

/// Links all of WASI that plugins may import.
///
/// # Errors
/// Two interfaces of one name: a fault of this program.
pub(crate) fn link(linker: &mut Linker<Data>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi.context, table: &mut self.wasi.table }
    }
}

impl WasiHttpView for Data {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let Wasi { http, table, refusal, .. } = &mut self.wasi;
        WasiHttpCtxView { ctx: http, table, hooks: refusal }
    }
}

/// Refuses every outgoing request of `wasi:http`: it will go through the same grants as `http`.
struct Refusal(Arc<Shared>);

/// Errors of a body or a connection after the head.
type Later = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Refusal {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Later,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Later), Error>> + Send> {
        let message = "`wasi:http` is not open to plugins yet, send with `vigie:plugin/http`";
        self.0.meter.denied.add(1);
        let fields = [("uri".to_owned(), request.uri().to_string())];
        self.0.log.write(Level::Warn, Stream::Host, message, &fields);
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}
