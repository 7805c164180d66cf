//! `vigie.toml`: how the host runs. Flags win over the environment, the environment over the file, the file over defaults.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::time::parse_duration;

use super::document::{self, Section};
use super::duration;
use super::effective::Defaults;
use super::limits::LimitSettings;
use super::problem::{ConfigError, Problems};
use super::secret::SecretReference;
use super::size::parse_size;

/// The port that Vigie listens on.
pub(super) const DEFAULT_PORT: u16 = 7979;
/// Where a configuration file is looked for, in order, where none is named.
pub(super) const CONFIG_FILES: [&str; 2] = ["vigie.toml", "/etc/vigie/vigie.toml"];

/// When the journal counts a frame as accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is synced.
    Always,
    /// When it is written; it is synced at most this much later, which is what a power loss may cost.
    Interval(Duration),
}

/// `[journal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// When a frame counts as accepted.
    pub durability: Durability,
    /// Bytes of all segments; beyond it the oldest are deleted.
    pub size_bytes_max: u64,
    /// Bytes of one segment.
    pub segment_bytes: u64,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { durability: Durability::Interval(Duration::from_secs(1)), size_bytes_max: 16 << 30, segment_bytes: 64 << 20 }
    }
}

/// `[alerts]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertSettings {
    /// How long the host may be down and alerts still keep their `for` timers.
    pub downtime_max: Duration,
    /// Samples that one evaluation takes at most.
    pub samples_max: u64,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { downtime_max: Duration::from_secs(3600), samples_max: 200_000 }
    }
}

/// What flags and the environment (`VIGIE_*`) say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Plugin directories; where there is one, those of the file do not count.
    pub plugins: Vec<PathBuf>,
    /// The data directory.
    pub data_dir: Option<PathBuf>,
    /// The address to listen on.
    pub listen: Option<SocketAddr>,
    /// The address under which people reach the host.
    pub external_url: Option<String>,
}

/// What the process was given by its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The working directory.
    pub working_dir: PathBuf,
    /// `$STATE_DIRECTORY`, which systemd sets.
    pub state_dir: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let first = |all: std::ffi::OsString| std::env::split_paths(&all).next();
        Self {
            working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            state_dir: std::env::var_os("STATE_DIRECTORY").filter(|dirs| !dirs.is_empty()).and_then(first),
        }
    }
}

/// `vigie.toml` as the operator wrote it: what is not set is `None` or its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFile {
    /// `listen`.
    pub listen: Option<SocketAddr>,
    /// `external-url`.
    pub external_url: Option<String>,
    /// `allowed-hosts`.
    pub allowed_hosts: Vec<String>,
    /// `data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `plugins`.
    pub plugins: Option<Vec<PathBuf>>,
    /// `memory`.
    pub memory_bytes_max: Option<u64>,
    /// `[journal]`.
    pub journal: JournalSettings,
    /// `[alerts]`.
    pub alerts: AlertSettings,
    /// `[defaults]`.
    pub defaults: Defaults,
    /// `[secrets]`.
    pub secrets: BTreeMap<String, SecretReference>,
}

/// How the host runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The address to listen on, always loopback; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address under which people reach the host, without a slash at the end, where that is not `listen`.
    pub external_url: Option<String>,
    /// Names and addresses, besides loopback's, that a request's `Host` may have; the external URL's is among them.
    pub allowed_hosts: Vec<String>,
    /// Where journal and caches are.
    pub data_dir: PathBuf,
    /// Plugin directories, in order.
    pub plugins: Vec<PathBuf>,
    /// Bytes of memory of all plugins together.
    pub memory_bytes_max: u64,
    /// The journal's.
    pub journal: JournalSettings,
    /// The alerts'.
    pub alerts: AlertSettings,
    /// What plugins run with.
    pub defaults: Defaults,
    /// Where secrets are, by name.
    pub secrets: BTreeMap<String, SecretReference>,
}

/// Memory of all plugins together, where the file does not say: 40 Python plugins, or thousands in Rust.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

impl HostConfig {
    /// Reads the configuration file, if there is one, and puts flags and defaults around it.
    ///
    /// # Errors
    /// A file that was named cannot be read, or the file is wrong.
    pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Self, ConfigError> {
        let standard = || CONFIG_FILES.iter().map(|file| environment.working_dir.join(file)).find(|file| file.is_file());
        let Some(path) = overrides.config.clone().or_else(standard) else {
            return Ok(Self::assemble(None, HostFile::default(), overrides, environment));
        };
        let path = environment.working_dir.join(path);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let file = HostFile::parse(&path, &text)?;
                Ok(Self::assemble(Some(path), file, overrides, environment))
            }
            Err(error) => Err(ConfigError::Read { file: path, error }),
        }
    }

    /// Flags over the file over defaults. Plugins are looked for beside the file; data never goes there by itself.
    #[must_use]
    pub fn assemble(path: Option<PathBuf>, file: HostFile, overrides: &Overrides, environment: &Environment) -> Self {
        let here = &environment.working_dir;
        let beside = path.as_deref().and_then(Path::parent).unwrap_or(here);
        let flagged = (!overrides.plugins.is_empty()).then(|| overrides.plugins.iter().map(|dir| here.join(dir)).collect());
        let external_url = overrides.external_url.clone().or(file.external_url);
        let mut allowed_hosts = file.allowed_hosts;
        allowed_hosts.extend(external_url.as_deref().and_then(host_of).filter(|host| !allowed_hosts.contains(host)));
        let data_dir = overrides.data_dir.as_ref().map(|dir| here.join(dir)).or(file.data_dir);
        Self {
            listen: overrides.listen.or(file.listen).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))),
            external_url,
            allowed_hosts,
            data_dir: data_dir.or_else(|| environment.state_dir.clone()).unwrap_or_else(|| here.join("vigie-data")),
            plugins: flagged.or(file.plugins).unwrap_or_else(|| vec![beside.join("plugins")]),
            memory_bytes_max: file.memory_bytes_max.unwrap_or(MEMORY_BYTES_MAX),
            journal: file.journal,
            alerts: file.alerts,
            defaults: file.defaults,
            secrets: file.secrets,
            file: path,
        }
    }
}

impl HostFile {
    /// Reads the text of `file`; relative paths in it begin at its directory.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        document::parse(file, text, |root| {
            Some(Self {
                listen: root.get("listen").and_then(|entry| entry.parsed(parse_listen)),
                external_url: root.get("external-url").and_then(|entry| entry.parsed(parse_url)),
                allowed_hosts: strings(root, "allowed-hosts", parse_host).unwrap_or_default(),
                data_dir: root.get("data-dir").and_then(|entry| entry.parsed(|text| parse_path(text, base))),
                plugins: strings(root, "plugins", |text| parse_path(text, base)),
                memory_bytes_max: root.get("memory").and_then(|entry| entry.parsed(parse_size)),
                journal: journal(&root.section("journal")),
                alerts: alerts(&root.section("alerts")),
                defaults: defaults(&root.section("defaults")),
                secrets: secrets(&root.section("secrets"), base),
            })
        })
    }
}

fn strings<T>(root: &Section<'_, '_>, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
    let elements = root.get(key)?.list()?;
    Some(elements.iter().filter_map(|element| element.parsed(&parse)).collect())
}

fn journal(section: &Section<'_, '_>) -> JournalSettings {
    const SEGMENT_MIN: u64 = 1 << 20;
    let default = JournalSettings::default();
    let size = |key, default: u64, min: u64| {
        let parse = |text: &str| {
            let bytes = parse_size(text)?;
            let small = || format!("`{text}` is too small, write at least `{}`", super::format_size(min));
            (bytes >= min).then_some(bytes).ok_or_else(small)
        };
        section.get(key).and_then(|entry| entry.parsed(parse)).unwrap_or(default)
    };
    let segment_bytes = size("segment", default.segment_bytes, SEGMENT_MIN);
    let settings = JournalSettings {
        durability: section.get("durability").and_then(|entry| entry.parsed(durability)).unwrap_or(default.durability),
        size_bytes_max: size("size", default.size_bytes_max, segment_bytes.saturating_mul(2)),
        segment_bytes,
    };
    section.finish();
    settings
}

fn durability(text: &str) -> Result<Durability, String> {
    const MAX: Duration = Duration::from_secs(60);
    if text == "always" {
        return Ok(Durability::Always);
    }
    match parse_duration(text) {
        Ok(interval) if interval > Duration::ZERO && interval <= MAX => Ok(Durability::Interval(interval)),
        _ => Err(format!("`{text}` is no durability, write `always` or an interval up to `1m`, as in `1s`")),
    }
}

fn alerts(section: &Section<'_, '_>) -> AlertSettings {
    const DOWNTIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
    let default = AlertSettings::default();
    let downtime = section.get("downtime").and_then(|entry| duration::within(&entry, Duration::ZERO, DOWNTIME_MAX));
    let samples = section.get("samples").and_then(|entry| entry.count());
    section.finish();
    AlertSettings {
        downtime_max: downtime.unwrap_or(default.downtime_max),
        samples_max: samples.unwrap_or(default.samples_max),
    }
}

fn defaults(section: &Section<'_, '_>) -> Defaults {
    let default = Defaults::default();
    let interval = section.get("interval").and_then(|entry| duration::scheduled(&entry)).unwrap_or(default.interval);
    let timeout = section.get("timeout").and_then(|entry| duration::within(&entry, duration::INTERVAL_MIN, interval));
    let min_interval =
        section.get("min-interval").and_then(|entry| duration::within(&entry, Duration::ZERO, duration::INTERVAL_MAX));
    let limits = LimitSettings::read(&section.section("limits")).over(&default.limits);
    section.finish();
    Defaults {
        interval,
        timeout: timeout.unwrap_or(default.timeout.min(interval)),
        min_interval: min_interval.unwrap_or(default.min_interval),
        limits,
    }
}

fn secrets(section: &Section<'_, '_>, base: &Path) -> BTreeMap<String, SecretReference> {
    let reference = |text: &str| SecretReference::parse(text, base);
    section.entries().filter_map(|(name, entry)| Some((name.to_owned(), entry.parsed(reference)?))).collect()
}

fn parse_path(text: &str, base: &Path) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path is missing between the quotes".into()) } else { Ok(base.join(text)) }
}

/// An address to listen on: `127.0.0.1:7979`, `[::1]:7979`, `localhost:7979`.
///
/// # Errors
/// The text is none, or the address is not loopback.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let address: SocketAddr = numeric
        .parse()
        .map_err(|_| format!("`{text}` is no address to listen on, write it as in `127.0.0.1:{DEFAULT_PORT}`"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let port = address.port();
    Err(format!(
        "`{text}` can be reached from other machines, which is refused until there are tokens: listen on `127.0.0.1:{port}` and \
         put a reverse proxy that authenticates in front (with `external-url`)"
    ))
}

/// An absolute URL over HTTP, without a slash at the end.
fn parse_url(text: &str) -> Result<String, String> {
    let refuse = || format!("`{text}` is no URL of a web page, write it as in `https://vigie.example`");
    let uri: http::Uri = text.parse().map_err(|_| refuse())?;
    let web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    (web && uri.query().is_none()).then(|| text.trim_end_matches('/').to_owned()).ok_or_else(refuse)
}

/// The external URL as a flag has it.
///
/// # Errors
/// The text is no absolute URL over HTTP.
pub fn parse_external_url(text: &str) -> Result<String, String> {
    parse_url(text)
}

fn host_of(url: &str) -> Option<String> {
    url.parse::<http::Uri>().ok()?.host().map(str::to_ascii_lowercase)
}

/// A name or address as in a request's `Host`, without a port.
fn parse_host(text: &str) -> Result<String, String> {
    let authority: Option<http::uri::Authority> = text.parse().ok();
    match authority.filter(|authority| authority.host() == text && !text.is_empty()) {
        Some(_) => Ok(text.to_ascii_lowercase()),
        None => Err(format!("`{text}` is no host, write a name or an address without a port, as in `vigie.example`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment { working_dir: "/srv".into(), state_dir: None }
    }

    #[test]
    fn no_file_is_needed() {
        let config = HostConfig::assemble(None, HostFile::default(), &Overrides::default(), &environment());
        assert_eq!(config.listen.to_string(), "127.0.0.1:7979");
        assert_eq!((config.data_dir, config.plugins), ("/srv/vigie-data".into(), vec!["/srv/plugins".into()]));
        let service = Environment { state_dir: Some("/var/lib/vigie".into()), ..environment() };
        let config = HostConfig::assemble(None, HostFile::default(), &Overrides::default(), &service);
        assert_eq!(config.data_dir, Path::new("/var/lib/vigie"));
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let text = "listen = '127.0.0.1:1'\ndata-dir = 'd'\nplugins = ['p', '/q']\nexternal-url = 'https://Vigie.example/x/'";
        let path = Path::new("/etc/vigie/vigie.toml");
        let assemble = |overrides: &Overrides| {
            HostConfig::assemble(Some(path.into()), HostFile::parse(path, text).unwrap(), overrides, &environment())
        };
        let config = assemble(&Overrides::default());
        assert_eq!(config.plugins, [Path::new("/etc/vigie/p"), Path::new("/q")]);
        assert_eq!((config.listen.port(), config.data_dir), (1, "/etc/vigie/d".into()));
        assert_eq!(config.external_url.as_deref(), Some("https://Vigie.example/x"));
        assert_eq!(config.allowed_hosts, ["vigie.example"]);
        let flags = Overrides {
            plugins: vec!["r".into()],
            data_dir: Some("e".into()),
            listen: "[::1]:2".parse().ok(),
            ..Overrides::default()
        };
        let config = assemble(&flags);
        assert_eq!(config.plugins, [Path::new("/srv/r")]);
        assert_eq!((config.listen.port(), config.data_dir), (2, "/srv/e".into()));
    }

    #[test]
    fn only_loopback_is_listened_on() {
        for good in ["127.0.0.1:7979", "127.8.8.8:0", "[::1]:80", "localhost:7979"] {
            assert!(parse_listen(good).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:7979", "[::]:7979", "192.168.1.1:80", "[::ffff:127.0.0.1]:1", "7979", "host:80", "127.0.0.1", ""] {
            assert!(parse_listen(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there_and_standard_ones_need_not() {
        let dir = tempfile::tempdir().unwrap();
        let here = Environment { working_dir: dir.path().into(), state_dir: None };
        let named = Overrides { config: Some("absent.toml".into()), ..Overrides::default() };
        let error = HostConfig::load(&named, &here).unwrap_err().to_string();
        assert!(error.contains("absent.toml`: No such file"), "{error}");
        std::fs::write(dir.path().join("vigie.toml"), "memory = '1GiB'").unwrap();
        assert_eq!(HostConfig::load(&Overrides::default(), &here).unwrap().memory_bytes_max, 1 << 30);
    }
}
