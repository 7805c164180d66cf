//! The programs that tests measure Vigie against, and the toolchains of guests that are not Rust.

use std::ffi::OsStr;

use anyhow::{Context, Result};

use crate::tools;

/// The target of every Rust guest.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Installs the Wasm target where it is missing.
pub(crate) fn wasm_target() -> Result<()> {
    if std::path::Path::new(&sysroot()?).join("lib/rustlib").join(WASM_TARGET).is_dir() {
        return Ok(());
    }
    tools::say(&format!("setting up the Rust target {WASM_TARGET}"));
    tools::run("rustup", ["target", "add", WASM_TARGET], &[])
        .with_context(|| format!("the plugins need the Rust target `{WASM_TARGET}`; without rustup install it by hand"))
}

fn sysroot() -> Result<String> {
    Ok(tools::output("rustc", ["--print", "sysroot"])?.trim().into())
}

/// Whether every peer must be there: CI sets it, so that a missing program fails instead of skipping tests.
pub(crate) fn required() -> bool {
    std::env::var_os("VIGIE_REQUIRE_PEERS").is_some_and(|value| value != OsStr::new("0"))
}
