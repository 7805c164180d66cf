//! `vigie`: parse, build, run, report.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use vigie::cli::{Cli, EXIT_WRONG, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.perform()),
        Err(error) => Err(Failure { code: EXIT_WRONG, error: error.into() }),
    };
    ended.unwrap_or_else(|failure| {
        // Nothing is left to tell it to if standard error is closed.
        let _closed = writeln!(std::io::stderr(), "vigie: {:#}", failure.error);
        ExitCode::from(failure.code)
    })
}
