//! `NAME.toml` beside `NAME.wasm`: how one plugin runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::model::time::format_duration;
use crate::model::{PluginName, Target};

use super::document::{self, Section};
use super::duration::{self, INTERVAL_MAX};
use super::grants::Grants;
use super::limits::LimitSettings;
use super::problem::Problems;
use super::{json, targets};

/// One plugin's file as the operator wrote it: what is not set is `None`. [`Self::settle`] makes settings of it.
#[derive(Clone, Debug)]
pub struct PluginConfig {
    /// The plugin's configured name.
    pub name: PluginName,
    /// The file to look at: `NAME.toml`, or the component where there is none.
    pub file: PathBuf,
    /// The component, where it is not `NAME.wasm`.
    pub component: Option<PathBuf>,
    /// How often it is called.
    pub interval: Option<Duration>,
    /// How long a call may take.
    pub timeout: Option<Duration>,
    /// How soon a rule is evaluated again when new samples come.
    pub min_interval: Option<Duration>,
    /// What it looks at, in order; empty for the machine itself.
    pub targets: Vec<Target>,
    /// Whether a point's own `job` and `instance` win over the host's.
    pub honor_labels: bool,
    /// What it may do.
    pub grants: Grants,
    /// What it may use.
    pub limits: LimitSettings,
    /// The plugin's own settings, a JSON object.
    pub config: Value,
    /// The file's text, in which later checks find their places; empty where there is no file.
    pub(super) text: Arc<str>,
}

impl PluginConfig {
    /// The configuration of a component that has no file.
    #[must_use]
    pub fn bare(name: PluginName, component: PathBuf) -> Self {
        Self {
            name,
            file: component,
            component: None,
            interval: None,
            timeout: None,
            min_interval: None,
            targets: Vec::new(),
            honor_labels: false,
            grants: Grants::default(),
            limits: LimitSettings::default(),
            config: Value::Object(serde_json::Map::new()),
            text: Arc::from(""),
        }
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(name: PluginName, file: &Path, text: &str) -> Result<Self, Problems> {
        document::parse(file, text, |root| {
            let mut config = Self::bare(name, file.to_path_buf());
            config.read(root);
            config.text = Arc::from(text);
            Some(config)
        })
    }

    /// The component that the text of `file` names, even where other things in it are wrong.
    #[must_use]
    pub fn component_named(file: &Path, text: &str) -> Option<PathBuf> {
        let (table, _) = toml::de::DeTable::parse_recoverable(text);
        let named = table.get_ref().get("component")?.get_ref().as_str()?;
        Some(file.parent().unwrap_or_else(|| Path::new("")).join(named))
    }

    fn read(&mut self, root: &Section<'_, '_>) {
        let base = self.file.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
        self.component = root.get("component").and_then(|entry| {
            entry.parsed(|text| match Path::new(text).extension() {
                Some(extension) if extension == "wasm" => Ok(base.join(text)),
                _ => Err(format!("`{text}` is no component, write the path of a `.wasm` file")),
            })
        });
        self.interval = root.get("interval").and_then(|entry| duration::scheduled(&entry));
        let timeout = root.get("timeout");
        self.timeout = timeout.as_ref().and_then(duration::scheduled);
        if let (Some(interval), Some(span), Some(entry)) = (self.interval, self.timeout, timeout)
            && span > interval
        {
            let interval = format_duration(interval);
            entry.note(format!("`{}` is longer than the interval, write at most `{interval}`", format_duration(span)));
        }
        self.min_interval = root.get("min-interval").and_then(|entry| duration::within(&entry, Duration::ZERO, INTERVAL_MAX));
        self.honor_labels = root.get("honor-labels").and_then(|entry| entry.boolean()).unwrap_or(false);
        self.targets = targets::read(root);
        self.grants = Grants::read(&root.section("grants"));
        self.limits = LimitSettings::read(&root.section("limits"));
        if let Some(entry) = root.get("config")
            && entry.section().is_some()
        {
            self.config = json::json(&entry);
        }
    }
}
