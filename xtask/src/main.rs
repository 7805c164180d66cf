//! `cargo xtask`: sets up what is missing, builds the shipped plugins, runs the quickstart, the tests and the benches.

mod build;
mod peers;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own chores. Every command sets up what it needs (the wasm32-wasip2 target, the plugins, the guests).
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the shipped plugins and start the host on examples/quickstart; further arguments go to `vigie run`.
    Run {
        /// Build the host with optimisations.
        #[arg(long)]
        release: bool,
        /// Arguments for `vigie run`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run every test; further arguments go to `cargo test`.
    Test {
        /// Arguments for `cargo test`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check the rules of the house: which module may use which, sizes, module documentation.
    Tidy,
    /// Build the shipped plugins into examples/quickstart/plugins.
    Plugins,
    /// Build the guests of the host's tests and the examples in other languages.
    Guests,
    /// Run the benches; further arguments go to `cargo bench`.
    Bench {
        /// Arguments for `cargo bench`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tools::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    match task {
        Task::Run { release, arguments } => build::run_quickstart(release, &arguments),
        Task::Test { arguments } => build::test(&arguments),
        Task::Tidy => tidy::report(),
        Task::Plugins => build::plugins().map(drop),
        Task::Guests => build::guests().and_then(|_| build::foreign_guests()).map(drop),
        Task::Bench { arguments } => build::bench(&arguments),
    }
}
