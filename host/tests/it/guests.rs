//! The tests' guests, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A guest's component, by the name of its file in `host/tests/guests/examples`.
pub fn guest(name: &str) -> Vec<u8> {
    let path = directory().join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where they are: `VIGIE_GUESTS_DIR`, set by `cargo xtask test`, or else a directory of their own that is built now.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| match std::env::var_os("VIGIE_GUESTS_DIR") {
        Some(directory) => directory.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = root.join("target/guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package=vigie-test-guests", "--examples", "--target=wasm32-wasip2", "--profile=plugin"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root)
        .status()
        .unwrap();
    assert!(built.success(), "the guests do not build");
    target.join("wasm32-wasip2/plugin/examples")
}
