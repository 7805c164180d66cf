//! The Wasm engine: every knob of it, the linker, and each component compiled once.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, Strategy, WasmBacktraceDetails};

use crate::plugin::cache::Cache;
use crate::plugin::data::Data;
use crate::plugin::describe::{DescribeError, Description, describe};
use crate::plugin::exports::Exports;
use crate::plugin::limits::{HostMemory, MEMORY_BYTES_HOST_DEFAULT};
use crate::plugin::log::clean;
use crate::plugin::wasi;

/// How often a running guest is looked at.
pub const EPOCH: Duration = Duration::from_millis(10);
/// Stack of guest code.
const WASM_STACK_BYTES: usize = 1 << 20;
/// Stack of guest and host code together, one a running call.
const ASYNC_STACK_BYTES: usize = 2 << 20;
/// Address space set aside for each memory, with the guard after it: what 32 bits reach, so that guests run without checks.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// Unmapped space after each memory.
const MEMORY_GUARD: u64 = 32 << 20;
/// How far compiling stands back behind everything else, as in `nice`.
const COMPILE_NICENESS: i32 = 10;
/// The longest error of compiler or linker, in bytes.
const ERROR_BYTES_MAX: usize = 1000;
/// Frames in a trap's backtrace.
pub const BACKTRACE_FRAMES_MAX: usize = 20;

/// What the operator sets for the engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Where compiled components are kept; `None`: nowhere. Made with mode 0700 if missing.
    pub cache: Option<PathBuf>,
    /// Whether one component is compiled on all cores.
    pub parallel_compilation: bool,
    /// Bytes that the memories of all plugins may have together.
    pub memory_bytes_max: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { cache: None, parallel_compilation: true, memory_bytes_max: MEMORY_BYTES_HOST_DEFAULT }
    }
}

/// Why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its bytes say so.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// The compiler says so.
    #[error("the component does not compile: {0}")]
    Compile(String),
    /// Its imports or exports have other types than the contract's.
    #[error("the component does not fit the contract: {0}; build it against this version's `wit`")]
    Link(String),
    /// The host could not.
    #[error("the host could not compile the component: {0}")]
    Host(String),
}

/// A component, described, compiled and linked. Shared by all plugins that run it.
pub struct Loaded {
    /// BLAKE3 of its bytes, in hexadecimal.
    pub digest: String,
    /// What it is.
    pub description: Description,
    pub(super) instances: InstancePre<Data>,
    pub(super) exports: Exports,
}

/// Compiles and links components. Cheap to share behind an `Arc`.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Data>,
    cache: Option<Cache>,
    loaded: Mutex<HashMap<[u8; 32], Weak<Loaded>>>,
    /// One component compiles at a time: a heavy one takes hundreds of megabytes.
    compiling: tokio::sync::Mutex<()>,
    memory: Arc<HostMemory>,
}

impl Engine {
    /// An engine with its epoch's ticker.
    ///
    /// # Errors
    /// The settings do not fit this machine, or the cache's directory cannot be made ours.
    pub fn new(settings: &EngineSettings) -> anyhow::Result<Arc<Self>> {
        let failed = |error: wasmtime::Error| anyhow::anyhow!("the engine for plugins does not start: {error:#}");
        let engine = wasmtime::Engine::new(&config(settings)).map_err(failed)?;
        let linker = link(&engine).map_err(failed)?;
        let cache = settings.cache.as_deref().map(|directory| Cache::open(directory, &engine)).transpose()?;
        tick(&engine)?;
        let memory = HostMemory::new(settings.memory_bytes_max);
        let (loaded, compiling) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Arc::new(Self { engine, linker, cache, loaded, compiling, memory }))
    }

    /// Describes, compiles (or finds compiled) and links a component. The same bytes are compiled once.
    ///
    /// # Errors
    /// The bytes are no plugin for this host.
    pub async fn load(self: &Arc<Self>, bytes: Vec<u8>) -> Result<Arc<Loaded>, LoadError> {
        let digest = blake3::hash(&bytes);
        if let Some(loaded) = self.known(digest) {
            return Ok(loaded);
        }
        let description = describe(&bytes)?;
        let _one_at_a_time = self.compiling.lock().await;
        if let Some(loaded) = self.known(digest) {
            return Ok(loaded);
        }
        let this = self.clone();
        let loaded = calmly(move || this.load_blocking(digest, description, &bytes)).await??;
        self.loaded.lock().insert(*digest.as_bytes(), Arc::downgrade(&loaded));
        Ok(loaded)
    }

    /// What all instances use of the host's budget.
    #[must_use]
    pub fn memory(&self) -> &Arc<HostMemory> {
        &self.memory
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.engine
    }

    fn known(&self, digest: blake3::Hash) -> Option<Arc<Loaded>> {
        let mut loaded = self.loaded.lock();
        loaded.retain(|_, loaded| loaded.strong_count() > 0);
        loaded.get(digest.as_bytes())?.upgrade()
    }

    fn load_blocking(&self, digest: blake3::Hash, description: Description, bytes: &[u8]) -> Result<Arc<Loaded>, LoadError> {
        let component = self.compile(digest, bytes)?;
        let fits = |error: wasmtime::Error| LoadError::Link(one_line(&error));
        let instances = self.linker.instantiate_pre(&component).map_err(fits)?;
        let exports = Exports::find(&instances, &description).map_err(fits)?;
        Ok(Arc::new(Loaded { digest: digest.to_hex().to_string(), description, instances, exports }))
    }

    fn compile(&self, digest: blake3::Hash, bytes: &[u8]) -> Result<Component, LoadError> {
        let compile = || Component::from_binary(&self.engine, bytes).map_err(|error| LoadError::Compile(one_line(&error)));
        match &self.cache {
            Some(cache) => cache.get_or_insert(&self.engine, digest, compile),
            None => compile(),
        }
    }
}

/// The error with its causes on one line, cut.
#[must_use]
pub(super) fn one_line(error: &wasmtime::Error) -> String {
    let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    clean(&line, ERROR_BYTES_MAX)
}

fn config(settings: &EngineSettings) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .parallel_compilation(settings.parallel_compilation)
        .epoch_interruption(true)
        .consume_fuel(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(ASYNC_STACK_BYTES)
        .async_stack_zeroing(false)
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_memory64(false)
        .wasm_multi_memory(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .native_unwind_info(false)
        .debug_info(false)
        .generate_address_map(true)
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .memory_init_cow(true)
        .memory_may_move(true)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(MEMORY_GUARD)
        .guard_before_linear_memory(false)
        .table_lazy_init(true);
    config
}

fn link(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Data>> {
    let mut linker = Linker::new(engine);
    wasi::link(&mut linker)?;
    crate::plugin::capability::link(&mut linker)?;
    Ok(linker)
}

/// Increments the epoch for as long as the engine lives.
fn tick(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let run = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    };
    std::thread::Builder::new().name("epoch".into()).spawn(run).map(drop)
}

/// A component's digest as events and pages show it: BLAKE3 in hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Runs `work` on a thread of its own that lets others go first. A priority once lowered cannot be raised, so no pool's.
async fn calmly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    let (done, result) = tokio::sync::oneshot::channel();
    let run = move || {
        let _ = rustix::process::nice(COMPILE_NICENESS);
        let _ = done.send(work());
    };
    std::thread::Builder::new().name("compile".into()).spawn(run).map_err(|error| LoadError::Host(error.to_string()))?;
    result.await.map_err(|_| LoadError::Host("the compiler panicked, please report this component".into()))
}
