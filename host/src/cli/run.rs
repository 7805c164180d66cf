//! `vigie run`: configuration and log, then the host.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::config::{Environment, HostConfig, Overrides, parse_external_url, parse_listen};

const AFTER_HELP: &str = "\
Without --config, ./vigie.toml is read, else /etc/vigie/vigie.toml; none is
needed. Relative paths in the file begin at its directory. Without --data-dir,
data goes to $STATE_DIRECTORY (which systemd sets), else to ./vigie-data.

Examples:
  vigie run --plugins ./plugins --plugins /usr/lib/vigie/plugins
  VIGIE_LOG=debug vigie run
  VIGIE_LOG=info,vigie::plugin=trace vigie run --log-format json

Exit codes:
  0  it was asked to end, and everything is on disk
  1  it failed while it ran
  2  wrong usage or configuration";

/// Flags of `vigie run`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct RunArgs {
    #[command(flatten)]
    pub(super) host: HostArgs,
    /// A plugin directory; may be given several times, then those of the file do not count
    #[arg(long, value_name = "DIR", env = "VIGIE_PLUGINS", value_delimiter = ':')]
    pub(super) plugins: Vec<PathBuf>,
    /// Where journal and caches are kept
    #[arg(long, value_name = "DIR", env = "VIGIE_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The address under which people reach the host, where that is another (behind a proxy)
    #[arg(long, value_name = "URL", env = "VIGIE_EXTERNAL_URL", value_parser = parse_external_url)]
    pub(super) external_url: Option<String>,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// Which host: shared by all subcommands.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct HostArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "VIGIE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Where the host listens, loopback only; port 0 takes any free one
    #[arg(long, value_name = "ADDR", env = "VIGIE_LISTEN", value_parser = parse_listen)]
    pub(super) listen: Option<SocketAddr>,
}

/// Flags of the log.
#[derive(Debug, Clone, Args)]
pub(super) struct LogArgs {
    /// How lines of the log look, on standard error
    #[arg(long, value_name = "FORMAT", env = "VIGIE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Pretty)]
    log_format: LogFormat,
    /// What is logged: a level (error, warn, info, debug, trace), or levels by module
    #[arg(long, value_name = "FILTER", env = "VIGIE_LOG", default_value = "info")]
    log: String,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people, in colour on a terminal.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl RunArgs {
    fn overrides(&self) -> Overrides {
        Overrides {
            config: self.host.config.clone(),
            plugins: self.plugins.clone(),
            data_dir: self.data_dir.clone(),
            listen: self.host.listen,
            external_url: self.external_url.clone(),
        }
    }
}

pub(super) async fn perform(args: RunArgs) -> Result<ExitCode, Failure> {
    begin_log(&args.log).map_err(Failure::usage)?;
    let config = HostConfig::load(&args.overrides(), &Environment::of_process()).map_err(Failure::usage)?;
    announce(&config);
    crate::app::run(config).await.map_err(Failure::wrong)?;
    Ok(ExitCode::SUCCESS)
}

fn begin_log(args: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log).with_context(|| {
        format!("`{}` is no log filter, write a level as in `info`, or `info,vigie::plugin=debug`", args.log)
    })?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Pretty => log.with_ansi(colours).with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!(error))
}

/// What it runs with. Where the page is, only the host knows, once it listens.
fn announce(config: &HostConfig) {
    let file = config.file.as_ref().map_or_else(|| "none".into(), |file| file.display().to_string());
    let plugins: Vec<_> = config.plugins.iter().map(|dir| dir.display().to_string()).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = file,
        plugins = plugins.join(":"),
        data = %config.data_dir.display(),
        "vigie starts"
    );
}
