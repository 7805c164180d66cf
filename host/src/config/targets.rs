//! The `[[targets]]` of a plugin.

use std::collections::HashSet;

use crate::model::{Labels, Target, TargetName};

use super::document::{Entry, Section};

/// How many targets one plugin may have.
pub(super) const TARGETS_MAX: usize = 10_000;

/// Reads all targets; those that are wrong are noted and left out.
pub(super) fn read(section: &Section<'_, '_>) -> Vec<Target> {
    let Some(entry) = section.get("targets") else { return Vec::new() };
    let elements = entry.list().unwrap_or_default();
    if elements.len() > TARGETS_MAX {
        entry.note(format!("there are {} targets, at most {TARGETS_MAX} can be", elements.len()));
        return Vec::new();
    }
    let mut names = HashSet::new();
    elements.iter().filter_map(|element| target(element, &mut names)).collect()
}

fn target(element: &Entry<'_, '_>, names: &mut HashSet<TargetName>) -> Option<Target> {
    let section = element.section()?;
    let name = section.get("name");
    let address = section.get("address").map(|entry| entry.string().map(str::to_owned));
    let labels = section.get("labels").map_or_else(|| Some(Labels::default()), |entry| read_labels(&entry));
    section.finish();
    let Some(name) = name else {
        section.note("", "a target needs a `name`, it becomes the label `instance`");
        return None;
    };
    let parsed = name.parsed(|text| TargetName::new(text).map_err(|error| error.to_string()))?;
    if !names.insert(parsed.clone()) {
        name.note(format!("`{parsed}` names two targets, names are unique within a plugin"));
    }
    Some(Target { name: Some(parsed), address: address.unwrap_or_else(|| Some(String::new()))?, labels: labels? })
}

fn read_labels(entry: &Entry<'_, '_>) -> Option<Labels> {
    let section = entry.section()?;
    let pairs: Vec<_> = section
        .entries()
        .filter_map(|(name, value)| {
            Labels::new([(name, "-")]).map_err(|error| value.note_key(error.to_string())).ok()?;
            Some((name, value.string()?))
        })
        .collect();
    Labels::new(pairs).ok()
}
