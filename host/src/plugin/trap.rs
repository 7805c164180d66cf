//! What a trap says: the guest's own words where its language left some on standard error, else Wasm's, with the backtrace.

use std::fmt::Write as _;

use wasmtime::{Trap, WasmBacktrace};

use crate::model::time::format_duration;
use crate::plugin::engine::{BACKTRACE_FRAMES_MAX, one_line};
use crate::plugin::limits::MemoryBound;
use crate::plugin::log::clean;

/// The longest text of a trap without its backtrace, in bytes.
const TEXT_BYTES_MAX: usize = 2048;
/// The longest name of a function in a backtrace, in bytes.
const FUNCTION_BYTES_MAX: usize = 200;

const TOO_DEEP: &str = "the plugin recursed too deep: its stack is full";

/// The host stops a call that used up its CPU by failing it with this.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the call used more than {} of cpu", format_duration(*.0))]
pub(crate) struct CpuExceeded(pub std::time::Duration);

/// The trap as a text. `refused` is the memory bound that the guest met before, which most often is the cause.
#[must_use]
pub(crate) fn describe(error: &wasmtime::Error, stderr: &[String], refused: Option<MemoryBound>) -> String {
    let mut text = cause(error, stderr);
    match refused {
        Some(MemoryBound::Plugin(bytes)) => {
            text.push_str(&format!("; its memory had reached the plugin's limit of {} MiB", bytes >> 20))
        }
        Some(MemoryBound::Host(bytes)) => {
            text.push_str(&format!("; the plugins' memory had reached the host's limit of {} MiB", bytes >> 20))
        }
        None => {}
    }
    let mut text = clean(&text, TEXT_BYTES_MAX);
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        frames(backtrace, &mut text);
    }
    text
}

fn cause(error: &wasmtime::Error, stderr: &[String]) -> String {
    if let Some(raised) = raised(stderr) {
        return raised;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => TOO_DEEP.into(),
        // Guests keep most of their stack at the low end of their memory, and run out of it there.
        Some(Trap::MemoryOutOfBounds) if error.downcast_ref::<WasmBacktrace>().is_some_and(recurses) => TOO_DEEP.into(),
        Some(trap) => format!("the plugin aborted: {trap}"),
        None => match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            Some(exit) => format!("the plugin called `exit({})`", exit.0),
            None => one_line(error),
        },
    }
}

/// Whether one function fills at least half of a full backtrace.
fn recurses(backtrace: &WasmBacktrace) -> bool {
    let frames = backtrace.frames();
    let count = |function: u32| frames.iter().filter(|frame| frame.func_index() == function).count();
    frames.len() >= BACKTRACE_FRAMES_MAX && frames.iter().any(|frame| count(frame.func_index()) * 2 >= frames.len())
}

/// What the language's runtime wrote before it aborted.
fn raised(stderr: &[String]) -> Option<String> {
    rust_panic(stderr).or_else(|| python_exception(stderr)).or_else(|| javascript_exception(stderr))
}

/// `thread '<unnamed>' (1) panicked at src/lib.rs:12:5:` and the message on the lines that follow.
fn rust_panic(stderr: &[String]) -> Option<String> {
    let (at, place) = stderr.iter().enumerate().rev().find_map(|(at, line)| {
        let (_, place) = line.split_once("panicked at ")?;
        Some((at, place.trim_end_matches(':')))
    })?;
    let message = stderr.get(at + 1).filter(|line| !line.starts_with("note: ")).map_or("", String::as_str);
    Some(format!("plugin panicked: {message} (at {place})"))
}

/// componentize-py: a traceback whose last line is `ValueError: …`.
fn python_exception(stderr: &[String]) -> Option<String> {
    let begin = stderr.iter().rposition(|line| {
        line.starts_with("Traceback (most recent call last)") || line.contains("Python function threw an unexpected exception")
    })?;
    let is_raised = |line: &&String| {
        let name = line.split(':').next().unwrap_or_default();
        !name.is_empty() && !line.starts_with(' ') && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
    };
    let raised = stderr[begin + 1..].iter().rev().find(is_raised);
    Some(raised.map_or_else(|| "plugin raised an exception".into(), |line| format!("plugin raised {line}")))
}

/// componentize-qjs: `Failed to call …` with the exception, or a value that is not of the contract's type.
fn javascript_exception(stderr: &[String]) -> Option<String> {
    const SIGNS: [&str; 3] = ["Failed to call", "expected array", "Uncaught"];
    let line = stderr.iter().rev().find(|line| SIGNS.iter().any(|sign| line.contains(sign)))?;
    let exception = stderr.iter().rev().find(|line| {
        let name = line.trim_start().split(':').next().unwrap_or_default();
        name.ends_with("Error") && !name.contains(' ')
    });
    Some(format!("plugin raised {}", exception.unwrap_or(line).trim()))
}

fn frames(backtrace: &WasmBacktrace, text: &mut String) {
    for frame in backtrace.frames() {
        let symbols = frame.symbols();
        let function = symbols.first().and_then(|symbol| symbol.name()).or_else(|| frame.func_name()).unwrap_or("?");
        let function = format!("{:#}", rustc_demangle::demangle(function));
        let _ = write!(text, "\n  in {}", clean(&function, FUNCTION_BYTES_MAX));
        if let Some((file, line)) = symbols.first().and_then(|symbol| Some((symbol.file()?, symbol.line()?))) {
            let _ = write!(text, " ({}:{line})", clean(file, FUNCTION_BYTES_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stderr: &str) -> String {
        let lines: Vec<String> = stderr.lines().map(ToOwned::to_owned).collect();
        describe(&wasmtime::Error::from(Trap::UnreachableCodeReached), &lines, None)
    }

    #[test]
    fn the_languages_words_come_before_wasms() {
        for (stderr, message) in [
            ("", "the plugin aborted: wasm trap: wasm `unreachable` instruction executed"),
            (
                "\nthread '<unnamed>' (1) panicked at src/lib.rs:12:5:\nindex out of bounds\nnote: run with …",
                "plugin panicked: index out of bounds (at src/lib.rs:12:5)",
            ),
            (
                "Traceback (most recent call last):\n  File \"app.py\", line 3, in collect\nKeyError: 'pages'",
                "plugin raised KeyError: 'pages'",
            ),
            ("Python function threw an unexpected exception", "plugin raised an exception"),
            (
                "TypeError: cannot read property 'x' of undefined\nFailed to call evaluate",
                "plugin raised TypeError: cannot read property 'x' of undefined",
            ),
            ("expected array", "plugin raised expected array"),
        ] {
            assert_eq!(said(stderr), message, "{stderr}");
        }
    }

    #[test]
    fn a_met_memory_bound_is_told() {
        let error = wasmtime::Error::from(Trap::UnreachableCodeReached);
        assert!(describe(&error, &[], Some(MemoryBound::Plugin(32 << 20))).ends_with("reached the plugin's limit of 32 MiB"));
    }
}
