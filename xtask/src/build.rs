//! Builds: the shipped plugins, the tests' guests, the host, and what runs on them.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::peers::{self, WASM_TARGET};
use crate::tools;

/// The shipped plugins: their package in `plugins/` is `vigie-NAME`.
const SHIPPED: [&str; 4] = ["system", "http-check", "threshold", "webhook"];

/// The guests that are not Rust: the folder in `examples/` and the component that its `build.sh` makes.
const FOREIGN: [(&str, &str); 2] =
    [("python-collector", "python-collector.wasm"), ("javascript-alerter", "javascript-alerter.wasm")];

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Builds the shipped plugins and lays them into the quickstart's plugin directory.
pub(crate) fn plugins() -> Result<PathBuf> {
    peers::wasm_target()?;
    let mut arguments =
        vec!["build".to_owned(), "--quiet".into(), "--profile=plugin".into(), format!("--target={WASM_TARGET}")];
    arguments.extend(SHIPPED.iter().map(|name| format!("--package=vigie-{name}")));
    tools::say("building the shipped plugins");
    tools::run(&cargo(), &arguments, &[])?;
    let built = tools::target_dir().join(WASM_TARGET).join("plugin");
    let directory = tools::root().join("examples/quickstart/plugins");
    for name in SHIPPED {
        let file = format!("vigie_{}.wasm", name.replace('-', "_"));
        tools::copy_changed(&built.join(file), &directory.join(format!("{name}.wasm")))?;
    }
    Ok(directory)
}

/// Builds the tiny guests of the host's tests; returns the directory that holds them.
pub(crate) fn guests() -> Result<PathBuf> {
    peers::wasm_target()?;
    tools::say("building the tests' guests");
    let target = format!("--target={WASM_TARGET}");
    tools::run(&cargo(), ["build", "--quiet", "--profile=plugin", &target, "--package=vigie-test-guests", "--examples"], &[])?;
    Ok(tools::target_dir().join(WASM_TARGET).join("plugin/examples"))
}

/// Builds the guests in other languages; returns the directory that holds them.
pub(crate) fn foreign_guests() -> Result<PathBuf> {
    let directory = tools::target_dir().join("foreign");
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    for (example, component) in FOREIGN {
        tools::say(&format!("building examples/{example}"));
        let script = tools::root().join("examples").join(example).join("build.sh");
        tools::run("bash", [script.as_os_str(), directory.join(component).as_os_str()], &[])?;
    }
    Ok(directory)
}

/// Builds the shipped plugins and starts the host on the quickstart.
pub(crate) fn run_quickstart(release: bool, arguments: &[String]) -> Result<()> {
    plugins()?;
    tools::say("building the host (some minutes the first time)");
    let mut build = vec!["build", "--package=vigie", "--bin=vigie"];
    build.extend(release.then_some("--release"));
    tools::run(&cargo(), build, &[])?;
    let profile = if release { "release" } else { "debug" };
    let host = tools::target_dir().join(profile).join("vigie");
    let quickstart = tools::root().join("examples/quickstart");
    let mut run = vec!["run".into(), "--config".into(), quickstart.join("vigie.toml").into_os_string()];
    run.extend(arguments.iter().map(Into::into));
    tools::exec(&host, run)
}

/// Runs every test of the workspace on freshly built plugins and guests.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    let plugins = plugins()?;
    let guests = guests()?;
    let foreign = match foreign_guests() {
        Ok(directory) => Some(directory),
        Err(error) if !peers::required() => {
            tools::say(&format!("skipping the guests in other languages: {error:#}"));
            None
        }
        Err(error) => return Err(error),
    };
    let mut env: Vec<(&str, &OsStr)> =
        vec![("VIGIE_PLUGINS_BUILT", plugins.as_os_str()), ("VIGIE_GUESTS_DIR", guests.as_os_str())];
    env.extend(foreign.as_ref().map(|directory| ("VIGIE_FOREIGN_DIR", directory.as_os_str())));
    let mut command = vec!["test", "--workspace", "--exclude=vigie-test-guests"];
    command.extend(arguments.iter().map(String::as_str));
    tools::run(&cargo(), command, &env)
}

/// Runs the host's benches.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    let guests = guests()?;
    let mut command = vec!["bench", "--package=vigie"];
    command.extend(arguments.iter().map(String::as_str));
    tools::run(&cargo(), command, &[("VIGIE_GUESTS_DIR", guests.as_os_str())])
}
