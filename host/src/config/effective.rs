//! What a plugin runs with: its file over its manifest over the host's defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::model::Target;
use crate::model::time::format_duration;

use super::document::unknown;
use super::grants::Grants;
use super::json::locate;
use super::limits::{LimitSettings, Limits};
use super::plugin::PluginConfig;
use super::problem::{Problem, Problems};
use super::schema::Schema;
use super::secret::SecretReference;
use super::size::format_size;

/// What plugins run with where neither their file nor their manifest says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// How often a plugin is called.
    pub interval: Duration,
    /// How long a call may take.
    pub timeout: Duration,
    /// How soon a rule is evaluated again when new samples come.
    pub min_interval: Duration,
    /// What a plugin may use.
    pub limits: Limits,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            min_interval: Duration::from_secs(1),
            limits: Limits::default(),
        }
    }
}

/// What a plugin's manifest says of how it wants to run.
#[derive(Debug, Default)]
pub struct PluginDefaults {
    /// `defaults.interval`.
    pub interval: Option<Duration>,
    /// `defaults.timeout`.
    pub timeout: Option<Duration>,
    /// `limits`.
    pub limits: LimitSettings,
    /// `defaults.config`: `null` or an object.
    pub config: Value,
    /// `schema`; without one, any configuration is taken.
    pub schema: Option<Schema>,
}

/// What a plugin runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSettings {
    /// How often it is called.
    pub interval: Duration,
    /// How long a call may take; at most the interval.
    pub timeout: Duration,
    /// How soon a rule is evaluated again when new samples come.
    pub min_interval: Duration,
    /// What it looks at; empty for the machine itself.
    pub targets: Vec<Target>,
    /// Whether a point's own `job` and `instance` win over the host's.
    pub honor_labels: bool,
    /// What it may do.
    pub grants: Grants,
    /// What it may use.
    pub limits: Limits,
    /// Its own settings, checked by its schema: a JSON object.
    pub config: Value,
}

impl PluginConfig {
    /// What the plugin runs with.
    ///
    /// # Errors
    /// The configuration does not follow the manifest's schema, names secrets that the host does not have, or does not fit
    /// the manifest's defaults.
    pub fn settle(
        &self,
        manifest: &PluginDefaults,
        host: &Defaults,
        secrets: &BTreeMap<String, SecretReference>,
    ) -> Result<PluginSettings, Problems> {
        let mut list = Vec::new();
        let interval = self.interval.or(manifest.interval).unwrap_or(host.interval);
        let timeout = self.settle_timeout(interval, manifest, host, &mut list);
        let limits = self.settle_limits(manifest, host, &mut list);
        self.check_secrets(secrets, &mut list);
        let config = merged(&manifest.config, &self.config);
        if let Some(schema) = &manifest.schema {
            list.extend(schema.check(&self.text, &config));
        }
        if !list.is_empty() {
            list.sort_by_key(|problem| problem.place);
            return Err(Problems { file: self.file.clone(), list });
        }
        Ok(PluginSettings {
            interval,
            timeout,
            min_interval: self.min_interval.unwrap_or(host.min_interval),
            targets: self.targets.clone(),
            honor_labels: self.honor_labels,
            grants: self.grants.clone(),
            limits,
            config,
        })
    }

    fn problem(&self, path: &[&str], message: String) -> Problem {
        Problem { place: locate(&self.text, path), key: path.join("."), message }
    }

    /// A default never exceeds the interval; a set timeout that does is wrong.
    fn settle_timeout(
        &self,
        interval: Duration,
        manifest: &PluginDefaults,
        host: &Defaults,
        list: &mut Vec<Problem>,
    ) -> Duration {
        let Some(timeout) = self.timeout else { return manifest.timeout.unwrap_or(host.timeout).min(interval) };
        if timeout > interval {
            let (timeout, most) = (format_duration(timeout), format_duration(interval));
            let message = format!("`{timeout}` is longer than the interval, write at most `{most}` or set `interval`");
            list.push(self.problem(&["timeout"], message));
        }
        timeout
    }

    /// A manifest may ask for less than the host's default, never take more: that is the operator's to allow.
    fn settle_limits(&self, manifest: &PluginDefaults, host: &Defaults, list: &mut Vec<Problem>) -> Limits {
        let asked = manifest.limits.over(&host.limits);
        let (memory, most) = (asked.memory_bytes_max, host.limits.memory_bytes_max);
        if self.limits.memory_bytes_max.is_none() && memory > most {
            let (memory, most) = (format_size(memory), format_size(most));
            let message = format!(
                "the plugin asks for `{memory}`, more than the default of `{most}`, allow it by `memory = \"{memory}\"`"
            );
            list.push(self.problem(&["limits", "memory"], message));
        }
        self.limits.over(&asked.at_most(&host.limits))
    }

    fn check_secrets(&self, secrets: &BTreeMap<String, SecretReference>, list: &mut Vec<Problem>) {
        let message = |name: &str| {
            let nearest = unknown(name, secrets.keys().map(String::as_str)).replace("setting", "secret");
            format!("{nearest} (secrets are named in `vigie.toml`, under `[secrets]`)")
        };
        for (name, _) in self.grants.secrets().filter(|(name, _)| !secrets.contains_key(*name)) {
            list.push(self.problem(&["grants", "secrets", name], message(name)));
        }
        for name in self.grants.scopes("reveal").iter().filter(|name| !secrets.contains_key(&name.value)) {
            list.push(name.problem(format!("`{}`: {}", name.value, message(&name.value))));
        }
    }
}

/// `above` laid over `below`; tables are merged, everything else is replaced.
fn merged(below: &Value, above: &Value) -> Value {
    let (Value::Object(below), Value::Object(above)) = (below, above) else { return above.clone() };
    let mut both = below.clone();
    for (key, value) in above {
        let laid = below.get(key).map_or_else(|| value.clone(), |under| merged(under, value));
        both.insert(key.clone(), laid);
    }
    Value::Object(both)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::model::PluginName;

    fn settle(text: &str, manifest: &PluginDefaults) -> Result<PluginSettings, String> {
        let config = PluginConfig::parse(PluginName::new("shop").unwrap(), Path::new("shop.toml"), text).unwrap();
        let secrets = BTreeMap::from([("shop-token".to_owned(), SecretReference::Environment("T".into()))]);
        config.settle(manifest, &Defaults::default(), &secrets).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_file_wins_over_the_manifest_and_the_manifest_over_the_host() {
        let manifest = PluginDefaults {
            interval: Some(Duration::from_secs(5)),
            config: json!({"a": 1, "t": {"x": 1, "y": 2}}),
            limits: LimitSettings { memory_bytes_max: Some(1 << 20), points_max: Some(u64::MAX), ..LimitSettings::default() },
            ..PluginDefaults::default()
        };
        let settings = settle("[config]\na = 2\nt = { y = 3 }\n", &manifest).unwrap();
        assert_eq!((settings.interval, settings.timeout), (Duration::from_secs(5), Duration::from_secs(5)));
        assert_eq!(settings.config, json!({"a": 2, "t": {"x": 1, "y": 3}}));
        assert_eq!(settings.limits.memory_bytes_max, 1 << 20);
        assert_eq!(settings.limits.points_max, Limits::default().points_max, "a manifest cannot raise a bound");
        assert_eq!(settle("interval = '1m'", &manifest).unwrap().timeout, Duration::from_secs(10));
    }

    #[test]
    fn a_timeout_longer_than_the_manifests_interval_is_refused() {
        let manifest = PluginDefaults { interval: Some(Duration::from_secs(5)), ..PluginDefaults::default() };
        let said = "shop.toml:1:11: timeout: `6s` is longer than the interval, write at most `5s` or set `interval`";
        assert_eq!(settle("timeout = '6s'", &manifest).unwrap_err(), said);
    }

    #[test]
    fn memory_beyond_the_default_is_the_operators_to_allow() {
        let limits = LimitSettings { memory_bytes_max: Some(1 << 30), ..LimitSettings::default() };
        let manifest = PluginDefaults { limits, ..PluginDefaults::default() };
        let said = "shop.toml:1:1: limits.memory: the plugin asks for `1GiB`, more than the default of `64MiB`, allow it by \
                    `memory = \"1GiB\"`";
        assert_eq!(settle("", &manifest).unwrap_err(), said);
        assert_eq!(settle("[limits]\nmemory = '1GiB'", &manifest).unwrap().limits.memory_bytes_max, 1 << 30);
    }

    #[test]
    fn a_secret_that_the_host_does_not_have_is_refused() {
        let said = "shop.toml:2:25: grants.secrets.shop-tokn: unknown secret, did you mean `shop-token`? (secrets are named in \
                    `vigie.toml`, under `[secrets]`)";
        let text = "[grants]\nsecrets = { shop-tokn = ['https://x:443'] }";
        assert_eq!(settle(text, &PluginDefaults::default()).unwrap_err(), said);
        let text = "grants.reveal = ['shop-token', 'mail']";
        let refused = settle(text, &PluginDefaults::default()).unwrap_err();
        assert!(
            refused.starts_with("shop.toml:1:32: grants.reveal[1]: `mail`: unknown secret, there are `shop-token`"),
            "{refused}"
        );
    }
}
