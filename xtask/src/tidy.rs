//! The rules of the house as a test: which module may use which, how long files and functions are, that modules say what
//! they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::tools;

/// Lines in a file, tests included.
const FILE_LINES_MAX: usize = 500;
/// Lines from a function's signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Which of the host's modules each one may use. A module that is not listed here is an error, so that a new one is placed
/// on purpose. `model`, `event`, `alert` and `health` stay pure by using nothing else.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("model", &[]),
    ("clock", &["model"]),
    ("event", &["model"]),
    ("telemetry", &["model"]),
    ("bus", &["event", "model", "telemetry"]),
    ("config", &["model"]),
    ("edge", &["event", "model", "telemetry"]),
    ("journal", &["event", "model", "telemetry"]),
    ("recorder", &["bus", "event", "journal", "model", "telemetry"]),
    ("plugin", &["bus", "clock", "config", "edge", "event", "model", "telemetry"]),
    ("schedule", &["bus", "clock", "edge", "event", "model", "plugin", "telemetry"]),
    ("alert", &["event", "model"]),
    ("health", &["alert", "event", "model"]),
    ("latest", &["edge", "event", "model"]),
    (
        "route",
        &["alert", "bus", "clock", "edge", "event", "health", "journal", "latest", "model", "plugin", "schedule", "telemetry"],
    ),
    ("notify", &["alert", "bus", "clock", "event", "journal", "model", "plugin", "telemetry"]),
    ("exposition", &["latest", "model", "telemetry"]),
    (
        "api",
        &[
            "alert",
            "clock",
            "config",
            "event",
            "exposition",
            "health",
            "journal",
            "latest",
            "model",
            "notify",
            "plugin",
            "schedule",
            "telemetry",
        ],
    ),
    ("app", &["*"]),
    ("cli", &["api", "app", "clock", "config", "event", "journal", "model"]),
];

/// What the pure modules never name, whatever they may use.
const IMPURE: [&str; 9] =
    ["tokio::", "wasmtime", "axum::", "reqwest::", "hyper::", "std::fs", "std::net", "SystemTime", "Instant::now"];
const PURE: [&str; 4] = ["model", "event", "alert", "health"];

/// Every breach, one a line: `file:line: what is wrong`.
fn breaches(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in ["host", "plugin-sdk", "plugins", "xtask"] {
        for file in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            found.extend(sizes(&shown, &text));
            if !text.starts_with("//!") {
                found.push(format!("{shown}:1: no `//!` says what this module is"));
            }
            if let Some(inner) = shown.strip_prefix("host/src/") {
                found.extend(uses(&shown, inner, &text));
            }
        }
    }
    Ok(found)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn sizes(shown: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    if lines.len() > FILE_LINES_MAX {
        found.push(format!("{shown}:1: {} lines, at most {FILE_LINES_MAX}", lines.len()));
    }
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let declares =
            ["fn ", "pub fn ", "pub(crate) fn ", "async fn ", "pub async fn ", "pub(crate) async fn ", "pub(super) fn "];
        if !declares.iter().any(|start| code.starts_with(start)) {
            continue;
        }
        // rustfmt puts the closing brace alone at the signature's indentation.
        let end = lines[at..]
            .iter()
            .position(|l| *l == format!("{indent}}}") || (l.ends_with('}') && l.starts_with(indent) && *l == *line));
        if let Some(length) = end.filter(|length| *length + 1 > FUNCTION_LINES_MAX) {
            found.push(format!("{shown}:{}: function of {} lines, at most {FUNCTION_LINES_MAX}", at + 1, length + 1));
        }
    }
    found
}

fn uses(shown: &str, inner: &str, text: &str) -> Vec<String> {
    // Tests, and runners of cases, may build what they test from anything.
    if inner.ends_with("/tests.rs") || inner.contains("/tests/") || inner.ends_with("/cases.rs") {
        return Vec::new();
    }
    let module = inner.split(['/', '.']).next().unwrap_or_default();
    if matches!(module, "lib" | "main") {
        return Vec::new();
    }
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let Some(may) = allowed.get(module) else {
        return vec![format!("{shown}:1: module `{module}` is not in the table of `xtask/src/tidy.rs`")];
    };
    let mut found = Vec::new();
    let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    for (at, line) in code.enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for used in line.split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let known = allowed.contains_key(used.as_str());
            if known && used != module && !may.contains(&used.as_str()) && !may.contains(&"*") {
                found.push(format!("{shown}:{}: `{module}` must not use `{used}`", at + 1));
            }
        }
        let impure = IMPURE.iter().find(|name| PURE.contains(&module) && line.contains(**name));
        found.extend(impure.map(|name| format!("{shown}:{}: `{module}` is pure and must not name `{name}`", at + 1)));
        if module != "plugin" && line.contains("wasmtime::") {
            found.push(format!("{shown}:{}: only `plugin` names wasmtime", at + 1));
        }
    }
    found
}

/// Prints every breach; an error if there is one.
pub(crate) fn report() -> Result<()> {
    let found = breaches(tools::root())?;
    found.iter().for_each(|breach| tools::say(breach));
    if !found.is_empty() {
        bail!("{} breaches of the rules of the house", found.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests say what they expect")]
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let found = breaches(tools::root()).unwrap();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }

    #[test]
    fn a_breach_is_found() {
        let text = "//! x\nuse crate::api::Router;\nuse std::fs;\n";
        assert_eq!(uses("host/src/alert/book.rs", "alert/book.rs", text).len(), 2);
        assert_eq!(uses("host/src/nova.rs", "nova.rs", text).len(), 1);
        let long = format!("//! x\nfn long() {{\n{}}}\n", "    step();\n".repeat(FUNCTION_LINES_MAX));
        assert_eq!(sizes("x.rs", &long).len(), 1);
        assert_eq!(sizes("x.rs", &"\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
    }
}
