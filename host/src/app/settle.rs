//! From a plugin's files and its component's manifest to what it runs with: where configuration and contract meet.

use std::sync::Arc;

use crate::config::{Defaults, Grant, LimitSettings, PluginDefaults, PluginSettings as Configured, Problem, Problems, Schema};
use crate::edge::{HonorLabels, Limits};
use crate::plugin::directory::Desired;
use crate::plugin::grants::{Granted, Grants, Requests};
use crate::plugin::manifest::Manifest;
use crate::plugin::{Description, PluginSettings};

use super::HostConfig;

/// What a plugin runs with, for its roles and for its task.
pub(super) struct Settled {
    /// Schedule and targets.
    pub(super) configured: Configured,
    /// Its task's settings.
    pub(super) settings: PluginSettings,
}

/// Joins file, manifest and the host's defaults.
///
/// # Errors
/// What is wrong, with file, place and what would fix it.
pub(super) fn settle(desired: &Desired, description: &Description, host: &HostConfig) -> Result<Settled, String> {
    let defaults = manifest_defaults(description.manifest.as_ref())?;
    let configured = desired
        .config
        .settle(&defaults, &Defaults { ..host.defaults }, &host.secrets)
        .map_err(|problems| problems.to_string())?;
    let granted = granted(desired, &configured)?;
    let requests = description.manifest.iter().flat_map(|manifest| &manifest.requests);
    let requests =
        Requests::parse(requests.map(|request| (request.capability.as_str(), request.scope.as_deref().unwrap_or_default())))
            .map_err(|error| format!("the manifest's requests: {error}"))?;
    let name = desired.config.name.clone();
    let grants = Grants::new(name.clone(), granted, requests, &configured.targets);
    let mut settings = PluginSettings::new(name);
    settings.config = configured.config.to_string();
    settings.grants = Arc::new(grants);
    settings.memory_bytes = size(configured.limits.memory_bytes_max);
    settings.cpu_per_call = configured.limits.cpu_per_call;
    settings.output = Limits {
        families: size(configured.limits.families_max),
        samples: size(configured.limits.points_max),
        bytes: size(configured.limits.output_bytes_max),
        series: size(configured.limits.series_max),
    };
    settings.honor = if configured.honor_labels { HonorLabels::Yes } else { HonorLabels::No };
    Ok(Settled { configured, settings })
}

fn size(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

fn manifest_defaults(manifest: Option<&Manifest>) -> Result<PluginDefaults, String> {
    let Some(manifest) = manifest else { return Ok(PluginDefaults::default()) };
    let schema = manifest.schema.as_ref().map(Schema::new).transpose().map_err(|error| error.to_string())?;
    Ok(PluginDefaults {
        interval: manifest.defaults.interval,
        timeout: manifest.defaults.timeout,
        limits: LimitSettings {
            memory_bytes_max: manifest.limits.memory_bytes,
            cpu_per_call: manifest.limits.cpu_per_call,
            ..LimitSettings::default()
        },
        config: manifest.defaults.config.clone(),
        schema,
    })
}

/// The `[grants]` table, each scope understood; a scope that is none is told with its place in the file.
fn granted(desired: &Desired, configured: &Configured) -> Result<Granted, String> {
    let mut granted = Granted::default();
    let mut list: Vec<Problem> = Vec::new();
    for (capability, grant) in &configured.grants.0 {
        match grant {
            Grant::All => granted.add_whole(capability)?,
            Grant::Scopes(scopes) => {
                for scope in scopes {
                    list.extend(granted.add(capability, &scope.value).err().map(|error| scope.problem(error)));
                }
            }
            Grant::Named(named) => {
                for (name, origins) in named {
                    for origin in origins {
                        list.extend(granted.add_secret(name, &origin.value).err().map(|error| origin.problem(error)));
                    }
                }
            }
        }
    }
    if list.is_empty() { Ok(granted) } else { Err(Problems { file: desired.config.file.clone(), list }.to_string()) }
}
