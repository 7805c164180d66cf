//! `vigie events`: what happened, from a running host (also live), or from a stopped one's journal.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Deserialize;
use serde_json::Value;

use super::Failure;
use super::client::{Api, Unreachable};
use super::offline;
use super::output::{Output, Tone, printable};
use super::run::HostArgs;
use crate::event::KINDS;
use crate::model::time::{format_duration, parse_duration};

const AFTER_HELP: &str = "\
Without --from and --since, the newest 50 events are shown. Routine
(samples-collected, series-defined, check-completed, rule-evaluated) is left
out unless --kind or --all asks for it.

Examples:
  vigie events --since 1h                  the last hour
  vigie events --follow --kind alert-fired --kind alert-resolved
  vigie events --all --json --from 1       everything that is still there
  vigie events --data-dir ./vigie-data     without a running host

Exit codes:
  0  the events were shown
  1  it failed on the way
  2  wrong usage, or the host cannot be reached";

/// Events of the newest that are shown where nothing else is asked for.
const NEWEST: usize = 50;
/// Events that one request asks for.
const PAGE: usize = 1000;
/// How long a follower waits before it asks again after the host went away.
const RETRY: Duration = Duration::from_secs(1);
/// What happens all the time.
const ROUTINE: [&str; 4] = ["samples-collected", "series-defined", "check-completed", "rule-evaluated"];

/// Flags of `vigie events`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct EventsArgs {
    /// Go on with what happens from now on, also over restarts of the host
    #[arg(long, short)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Begin with the event at this offset
    #[arg(long, value_name = "OFFSET", conflicts_with = "since")]
    from: Option<u64>,
    /// Begin this long ago, as in 15m or 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    since: Option<Duration>,
    /// Only events of this kind; may be given several times
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS), hide_possible_values = true)]
    kind: Vec<String>,
    /// Routine as well
    #[arg(long, conflicts_with = "kind")]
    all: bool,
    /// Read the journal of this data directory instead of asking a host
    #[arg(long, value_name = "DIR", conflicts_with_all = ["follow", "url", "listen"])]
    data_dir: Option<PathBuf>,
    /// Where the host is; without it, where `vigie run` here would listen
    #[arg(long, value_name = "URL", env = "VIGIE_URL")]
    url: Option<String>,
    #[command(flatten)]
    host: HostArgs,
}

/// One event as the API tells it; `raw` is all of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    offset: u64,
    at: String,
    kind: String,
    summary: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    events: Vec<Value>,
    next: u64,
}

impl EventsArgs {
    /// The kinds to ask for; none stands for all.
    fn kinds(&self) -> Vec<&str> {
        match (self.all, self.kind.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => KINDS.into_iter().filter(|kind| !ROUTINE.contains(kind)).collect(),
            (false, false) => self.kind.iter().map(String::as_str).collect(),
        }
    }

    fn wants(&self, kind: &str) -> bool {
        let kinds = self.kinds();
        kinds.is_empty() || kinds.contains(&kind)
    }

    fn begin(&self) -> Begin {
        match (self.from, self.since) {
            (Some(offset), _) => Begin::From(offset),
            (None, Some(since)) => Begin::Since(since),
            (None, None) => Begin::Newest(NEWEST),
        }
    }

    fn query(&self, begin: Begin, more: &str) -> String {
        let kinds = self.kinds();
        let kinds = if kinds.is_empty() { String::new() } else { format!("&kind={}", kinds.join(",")) };
        format!("{begin}{more}{kinds}")
    }
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// With the event at this offset.
    From(u64),
    /// With the first event that is at most this old.
    Since(Duration),
    /// With the newest, this many.
    Newest(usize),
}

impl fmt::Display for Begin {
    /// As a query of the API.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(offset) => write!(f, "from={offset}"),
            Self::Since(since) => write!(f, "since={}", format_duration(*since)),
            Self::Newest(count) => write!(f, "last={count}"),
        }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// From this offset.
    From(u64),
    /// Nobody reads any more.
    Enough,
}

pub(super) async fn perform(args: &EventsArgs) -> Result<ExitCode, Failure> {
    let output = Output::new();
    if let Some(data_dir) = &args.data_dir {
        let read = offline::each(data_dir, args.begin(), |kind| args.wants(kind), |event| show(args, &output, event));
        return read.map(|()| ExitCode::SUCCESS).map_err(Failure::wrong);
    }
    let api = Api::new(args.url.as_deref(), &args.host).map_err(Failure::usage)?;
    let failed = |error: anyhow::Error| match error.is::<Unreachable>() {
        true => Failure::usage(error),
        false => Failure::wrong(error),
    };
    let mut next = recorded(args, &api, &output).await.map_err(failed)?;
    while let (true, Next::From(offset)) = (args.follow, next) {
        next = live(args, &api, &output, offset).await.map_err(Failure::wrong)?;
        if next != Next::Enough {
            tokio::time::sleep(RETRY).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the journal has, page by page.
async fn recorded(args: &EventsArgs, api: &Api, output: &Output) -> Result<Next> {
    let mut begin = args.begin();
    loop {
        let page: Page = api.get(&format!("/events?{}", args.query(begin, &format!("&limit={PAGE}")))).await?;
        for event in &page.events {
            if !show(args, output, event)? {
                return Ok(Next::Enough);
            }
        }
        // The newest come at once; what is appended meanwhile is the follower's.
        let ended = page.events.len() < PAGE || matches!(begin, Begin::Newest(_));
        if ended {
            return Ok(Next::From(page.next));
        }
        begin = Begin::From(page.next);
    }
}

/// What happens from `offset` on, until the host goes away.
async fn live(args: &EventsArgs, api: &Api, output: &Output, offset: u64) -> Result<Next> {
    let mut next = offset;
    let path = format!("/events/stream?{}", args.query(Begin::From(offset), ""));
    let mut stream = match api.stream(&path).await {
        Ok(stream) => stream,
        Err(error) if error.is::<Unreachable>() => return Ok(Next::From(next)),
        Err(error) => return Err(error),
    };
    while let Some(messages) = stream.next().await? {
        for message in messages {
            let event: Value = serde_json::from_str(&message)?;
            next = event["offset"].as_u64().map_or(next, |offset| offset + 1);
            if !show(args, output, &event)? {
                return Ok(Next::Enough);
            }
        }
    }
    Ok(Next::From(next))
}

/// One event as a line, if it was asked for; `false` when nobody reads any more.
fn show(args: &EventsArgs, output: &Output, raw: &Value) -> Result<bool> {
    let event = Event::deserialize(raw)?;
    if !args.wants(&event.kind) {
        return Ok(true);
    }
    if args.json {
        return Ok(output.line(raw.to_string())?);
    }
    let kind = output.toned(&format!("{:<20}", event.kind), tone(&event.kind));
    // What is told of an event over several lines stays below it.
    let summary = printable(&event.summary).replace('\n', "\n    ");
    Ok(output.line(format!("{:>8}  {}  {kind} {summary}", event.offset, printable(&event.at)))?)
}

fn tone(kind: &str) -> Tone {
    match kind {
        "alert-fired" | "call-trapped" | "plugin-quarantined" | "plugin-refused" | "journal-truncated" => Tone::Bad,
        "alert-resolved" | "plugin-loaded" | "plugin-released" | "notification-sent" => Tone::Good,
        "alert-pended"
        | "call-erred"
        | "call-timed-out"
        | "capability-denied"
        | "cursor-skipped"
        | "family-clashed"
        | "notification-failed"
        | "runs-missed"
        | "target-backed-off" => Tone::Warning,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn query(flags: &str) -> String {
        let line = format!("vigie events {flags}");
        let Command::Events(args) = Cli::try_parse_from(line.split_whitespace()).unwrap().command else { panic!("{line}") };
        args.query(args.begin(), "")
    }

    #[test]
    fn flags_become_the_query() {
        assert_eq!(query("--all"), "last=50");
        assert_eq!(query("--all --from 7"), "from=7");
        assert_eq!(
            query("--since 90m --kind alert-fired --kind alert-resolved"),
            "since=1h30m&kind=alert-fired,alert-resolved"
        );
    }

    #[test]
    fn routine_is_left_out_unless_asked_for() {
        assert!(!query("").contains("samples-collected") && query("").contains("alert-fired"));
        assert_eq!(query("--kind samples-collected"), "last=50&kind=samples-collected");
        assert!(ROUTINE.iter().all(|kind| KINDS.contains(kind)));
    }
}
