//! The command line, one file a subcommand.
//!
//! Exit codes are part of the interface: 0 all is well, 1 something is wrong with what was looked at (or the host failed while
//! it ran), 2 wrong usage or configuration, or the host cannot be reached.

mod client;
mod events;
mod offline;
mod output;
mod run;
mod sse;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use events::EventsArgs;
pub use run::RunArgs;
pub use status::StatusArgs;

/// Something is wrong with what was looked at, or the host failed while it ran.
pub const EXIT_WRONG: u8 = 1;
/// Wrong usage or configuration, or the host cannot be reached. The same number as clap's.
pub const EXIT_USAGE: u8 = 2;

const AFTER_HELP: &str = "\
Examples:
  vigie run               what is in ./plugins, page on http://127.0.0.1:7979
  vigie run --config /etc/vigie/vigie.toml
  vigie status            plugins, targets and alerts of the running host
  vigie events --follow   what happens, as it happens

A plugin is NAME.wasm in a plugin directory; NAME.toml beside it says how it
runs. Both are taken up when they change.

Exit codes:
  0  all is well
  1  something is wrong with what was looked at, or the host failed
  2  wrong usage or configuration, or the host cannot be reached

Flags win over environment variables (VIGIE_*), those over the configuration
file, that over defaults.";

/// Vigie monitors with plugins that are WebAssembly components: collectors, health checks, alerters, notifiers.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, after_help = AFTER_HELP, max_term_width = 120, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the host until SIGTERM or SIGINT; a second one stops it at once.
    Run(RunArgs),
    /// Shows plugins, targets and alerts of a running host.
    Status(StatusArgs),
    /// Shows what happened: loads, traps, checks, alerts, notifications.
    Events(EventsArgs),
}

/// How a command ended that did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What to tell.
    pub error: anyhow::Error,
}

impl Failure {
    /// Wrong usage or configuration, or nobody answers.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: EXIT_USAGE, error: error.into() }
    }

    /// It went wrong while it ran.
    pub(crate) fn wrong(error: impl Into<anyhow::Error>) -> Self {
        Self { code: EXIT_WRONG, error: error.into() }
    }
}

impl Cli {
    /// Does what was asked. What a person should read goes to standard output, the log to standard error.
    ///
    /// # Errors
    /// It could not be done.
    pub async fn perform(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Run(args) => run::perform(args).await,
            Command::Status(args) => status::perform(&args).await,
            Command::Events(args) => events::perform(&args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_the_design_names_is_understood() {
        for line in [
            "vigie run --config a.toml --plugins p --plugins q --data-dir d --listen 127.0.0.1:0 --log-format json",
            "vigie status --json --url http://127.0.0.1:1",
            "vigie events --follow --json --from 7 --kind alert-fired --kind alert-resolved",
            "vigie events --since 1h30m",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        for line in
            ["vigie", "vigie run --listen 0.0.0.0:7979", "vigie events --kind fired", "vigie events --from 1 --since 1m"]
        {
            assert_eq!(Cli::try_parse_from(line.split(' ')).unwrap_err().exit_code(), i32::from(EXIT_USAGE), "{line}");
        }
    }
}
