//! What should run, read from the plugin directories: `NAME.wasm`, `NAME.toml`, or both.
//!
//! - `NAME.wasm` alone runs with defaults and without grants.
//! - `NAME.toml` says how `NAME.wasm` runs, or, by `component`, another file. A component without a `.toml` of its own that such a
//!   file names does not run under its own name as well.
//! - Names that begin with a dot, editors' and downloads' partial files (whatever ends otherwise than in `.wasm` and `.toml`),
//!   folders, and `vigie.toml` are none of this.

mod trust;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::PluginConfig;
use crate::model::{Name, PluginName};
use trust::Owners;

/// The largest component that is read. The largest known, a Python plugin, has 18 MB.
pub const COMPONENT_BYTES_MAX: u64 = 256 << 20;
/// The largest plugin configuration that is read.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// The host's own file and its own `job`: no plugin has this name.
const HOST_NAME: &str = "vigie";

/// Identifies what a plugin's files say: a hash over component and configuration, or over why they cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(blake3::Hash);

/// A plugin that should run.
#[derive(Clone, Debug)]
pub struct Desired {
    /// How; its name is the plugin's.
    pub config: PluginConfig,
    /// The component's file.
    pub component: PathBuf,
    /// BLAKE3 of the component's bytes.
    pub digest: blake3::Hash,
    /// Identifies component and configuration.
    pub version: Version,
}

impl Desired {
    /// Reads the component's bytes, those that were scanned.
    ///
    /// # Errors
    /// The file cannot be read, or it has changed since the scan: then the next scan will tell.
    pub fn load(&self) -> Result<Vec<u8>, String> {
        let bytes = Reader::default().read(&self.component, COMPONENT_BYTES_MAX).map_err(|refusal| refusal.error)?;
        if blake3::hash(&bytes) == self.digest {
            Ok(bytes)
        } else {
            Err(format!("`{}` is being changed, it is read again when that is over", self.component.display()))
        }
    }
}

/// A plugin whose files cannot run.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The file to look at.
    pub file: PathBuf,
    /// What is wrong with it, and what would fix it.
    pub error: String,
    /// Whether that is because the component is not there (any more): then what ran of it ends.
    pub gone: bool,
    /// Identifies the reason.
    pub version: Version,
}

/// What one plugin's files amount to.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// It should run.
    Run(Box<Desired>),
    /// It cannot.
    Refused(Refusal),
}

/// A directory that cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryProblem {
    /// Which.
    pub directory: PathBuf,
    /// What is wrong with it, and what would fix it.
    pub error: String,
    /// Whether the directory is simply not there.
    pub absent: bool,
}

/// All that the directories say.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// By the plugins' configured names.
    pub plugins: BTreeMap<PluginName, Wanted>,
    /// Directories, and files in them, that cannot be used.
    pub problems: Vec<DirectoryProblem>,
}

impl Scan {
    /// Whether a directory could not be read: then what is not in this scan may still be wanted.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.problems.iter().any(|problem| !problem.absent)
    }
}

/// The files of one name in one directory.
#[derive(Clone, Debug, Default)]
struct Files {
    component: Option<PathBuf>,
    config: Option<PathBuf>,
}

/// Reads the directories. Every file is read as a whole; one that cannot be costs its own plugin only.
#[must_use]
pub fn scan(directories: &[PathBuf]) -> Scan {
    let mut scan = Scan::default();
    let mut reader = Reader::default();
    let mut found: BTreeMap<PluginName, Vec<(PathBuf, Files)>> = BTreeMap::new();
    for directory in distinct(directories) {
        match list(&directory, &reader.owners) {
            Ok(names) => {
                names.into_iter().for_each(|(name, files)| found.entry(name).or_default().push((directory.clone(), files)));
            }
            Err(problem) => scan.problems.push(problem),
        }
    }
    let configs: BTreeMap<_, _> =
        found.iter().filter_map(|(name, places)| Some((name.clone(), reader.config(name, places)?))).collect();
    let lent: BTreeSet<PathBuf> = configs.values().filter_map(|config| config.lent.clone()).collect();
    for (name, places) in found {
        let wanted = match (places.as_slice(), configs.get(&name)) {
            ([(_, files)], config) if config.is_none() && files.component.iter().any(|path| lent.contains(&real(path))) => {
                continue;
            }
            ([(directory, files)], config) => reader.wanted(&name, directory, files, config),
            _ => Err(twice(&name, &places)),
        };
        scan.plugins.insert(name, wanted.map_or_else(Wanted::Refused, |desired| Wanted::Run(Box::new(desired))));
    }
    scan
}

/// The directories without those that are named twice.
fn distinct(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let first = |directory: &&PathBuf| seen.insert(real(directory));
    directories.iter().filter(first).cloned().collect()
}

/// The path without links and detours, as far as it leads somewhere.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The plugins' files in one directory, by name.
fn list(directory: &Path, owners: &Owners) -> Result<BTreeMap<PluginName, Files>, DirectoryProblem> {
    let problem = |error: String, absent| DirectoryProblem { directory: directory.to_path_buf(), error, absent };
    let failed = |error: io::Error| problem(error.to_string(), error.kind() == io::ErrorKind::NotFound);
    let facts = std::fs::metadata(directory).map_err(failed)?;
    owners.check(directory, &facts).map_err(|error| problem(error, false))?;
    let mut names: BTreeMap<PluginName, Files> = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some((name, extension)) = plugin_file(&path) else { continue };
        let files = names.entry(name).or_default();
        let place = if extension == "wasm" { &mut files.component } else { &mut files.config };
        *place = Some(path);
    }
    Ok(names)
}

/// The name and extension of a plugin's file; `None` for other files.
fn plugin_file(path: &Path) -> Option<(PluginName, &'static str)> {
    let extension = ["wasm", "toml"].into_iter().find(|known| path.extension().is_some_and(|extension| extension == *known))?;
    let stem = path.file_stem()?.to_str()?;
    let other = stem.starts_with(['.', '#', '~']) || (stem == HOST_NAME && extension == "toml") || path.is_dir();
    Some((Name::new(stem).ok().filter(|_| !other)?, extension))
}

fn refused(file: &Path, error: impl Into<String>) -> Refusal {
    let error = error.into();
    let version = Version(blake3::hash(error.as_bytes()));
    Refusal { file: file.to_path_buf(), error, gone: false, version }
}

fn twice(name: &PluginName, places: &[(PathBuf, Files)]) -> Refusal {
    let all: Vec<_> = places.iter().map(|(directory, _)| format!("`{}`", directory.display())).collect();
    let first = places.first().map(|(directory, _)| directory.join(name.as_str())).unwrap_or_default();
    refused(&first, format!("`{name}` is in {}, a name is in one directory only: rename or remove one", all.join(" and in ")))
}

/// One read configuration file.
struct ReadConfig {
    parsed: Result<PluginConfig, Refusal>,
    hash: blake3::Hash,
    /// The component that it names.
    lent: Option<PathBuf>,
}

/// Reads files, each once a scan.
#[derive(Default)]
struct Reader {
    owners: Owners,
    digests: HashMap<PathBuf, Result<blake3::Hash, Refusal>>,
}

impl Reader {
    fn config(&self, name: &PluginName, places: &[(PathBuf, Files)]) -> Option<ReadConfig> {
        let path = places.iter().find_map(|(_, files)| files.config.as_ref())?;
        let text = self.read(path, CONFIG_BYTES_MAX).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| refused(path, format!("`{}` is not UTF-8: {error}", path.display())))
        });
        let hash = blake3::hash(text.as_ref().map_or(&[], |text| text.as_bytes()));
        let lent = text.as_ref().ok().and_then(|text| PluginConfig::component_named(path, text)).map(|path| real(&path));
        let parsed = text.and_then(|text| {
            PluginConfig::parse(name.clone(), path, &text).map_err(|problems| refused(path, problems.to_string()))
        });
        Some(ReadConfig { parsed, hash, lent })
    }

    fn wanted(
        &mut self,
        name: &PluginName,
        directory: &Path,
        files: &Files,
        config: Option<&ReadConfig>,
    ) -> Result<Desired, Refusal> {
        let own = directory.join(format!("{name}.wasm"));
        if name.as_str() == HOST_NAME {
            return Err(refused(&own, format!("the name `{HOST_NAME}` is the host's own, rename the plugin")));
        }
        let (config, hash) = match config {
            Some(read) => (read.parsed.clone()?, read.hash),
            None => (PluginConfig::bare(name.clone(), own.clone()), blake3::hash(&[])),
        };
        let component = config.component.clone().or_else(|| files.component.clone()).unwrap_or(own);
        let digest = self.digest(&component).map_err(|refusal| Refusal { file: config.file.clone(), ..refusal })?;
        let mut both = blake3::Hasher::new();
        both.update(digest.as_bytes()).update(hash.as_bytes());
        Ok(Desired { config, component, digest, version: Version(both.finalize()) })
    }

    fn digest(&mut self, path: &Path) -> Result<blake3::Hash, Refusal> {
        if let Some(digest) = self.digests.get(path) {
            return digest.clone();
        }
        let digest = self.read(path, COMPONENT_BYTES_MAX).map(|bytes| blake3::hash(&bytes));
        self.digests.insert(path.to_path_buf(), digest.clone());
        digest
    }

    /// A regular file's bytes, after looking at who may write it.
    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
        let failed = |error: io::Error| {
            let gone = error.kind() == io::ErrorKind::NotFound;
            let said = if gone { "is not there".to_owned() } else { format!("cannot be read: {error}") };
            Refusal { gone, ..refused(path, format!("`{}` {said}", path.display())) }
        };
        self.owners.check_links(path).map_err(failed)?.map_err(|error| refused(path, error))?;
        // Asked before opening, which would wait for ever on a named pipe.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(refused(path, format!("`{}` is no regular file", path.display())));
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        self.owners.check(path, &file.metadata().map_err(failed)?).map_err(|error| refused(path, error))?;
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > bytes_max {
            return Err(refused(path, format!("`{}` has more than {bytes_max} bytes, which is the bound", path.display())));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
