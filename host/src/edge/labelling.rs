//! The labels that the host lays on every series of a source, and what becomes of a point's own labels of the same names.

use crate::model::label::METRIC_NAME;
use crate::model::{Labels, PluginName, Target};

/// The label that names the plugin.
const JOB: &str = "job";
/// The label that names the target.
const INSTANCE: &str = "instance";
/// What is laid before the name of a point's own label that the host uses itself.
const EXPORTED: &str = "exported_";
/// The label of a histogram's bucket.
pub(super) const BOUND: &str = "le";
/// The label of a summary's quantile.
pub(super) const QUANTILE: &str = "quantile";

/// Whose label counts where a point brings one that the host would set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HonorLabels {
    /// The host's; the point's is renamed to `exported_NAME`.
    #[default]
    No,
    /// The point's, where it has a value.
    Yes,
}

/// The labels of a source: `job`, `instance`, and the target's.
#[derive(Debug)]
pub(super) struct Base {
    labels: Labels,
    honor: HonorLabels,
}

impl Base {
    /// `job` and `instance` are the host's: a target's labels of these names do not count.
    pub(super) fn new(plugin: &PluginName, target: Option<&Target>, hostname: &str, honor: HonorLabels) -> Self {
        let name = target.and_then(|target| target.name.as_ref()).map_or(hostname, |name| name.as_str());
        let name = if name.is_empty() { "localhost" } else { name };
        let own = [(JOB.into(), plugin.as_str().into()), (INSTANCE.into(), name.into())];
        let labels = target.map(|target| target.labels.clone()).unwrap_or_default();
        Self { labels: Labels::from_trusted(own).over(&labels), honor }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.labels.get(name)
    }

    /// The final names of a family's own labels, in their order. No two are equal where no two of `own` are.
    pub(super) fn names<N: AsRef<str>>(&self, own: &[N]) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = own.iter().map(|name| name.as_ref().into()).collect();
        if self.honor == HonorLabels::No {
            for at in 0..names.len() {
                let mut name = String::from(&*names[at]);
                while self.get(&name).is_some()
                    || (name.len() > own[at].as_ref().len() && names.iter().any(|other| **other == name))
                {
                    name.insert_str(0, EXPORTED);
                }
                names[at] = name.into();
            }
        }
        names
    }

    /// A series' labels. Empty values are absent before anything is compared, so that none hides a label of the host.
    pub(super) fn labels<'a>(
        &self,
        name: &str,
        own: impl Iterator<Item = (&'a str, &'a str)>,
        bound: Option<(&str, &str)>,
    ) -> Labels {
        let boxed = |(name, value): (&str, &str)| (Box::from(name), Box::from(value));
        let first = [(METRIC_NAME, name)].into_iter().chain(bound).map(boxed);
        let own = own.filter(|(_, value)| !value.is_empty()).map(boxed);
        Labels::from_trusted(first.chain(own).chain(self.labels.iter().map(boxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Name;

    fn base(honor: HonorLabels) -> Base {
        let target = Target {
            name: Some(Name::new("shop").unwrap()),
            address: String::new(),
            labels: Labels::new([("env", "prod"), ("instance", "lie")]).unwrap(),
        };
        Base::new(&PluginName::new("web").unwrap(), Some(&target), "host", honor)
    }

    fn series(base: &Base, own: &[(&str, &str)]) -> String {
        let names = base.names(&own.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let pairs = names.iter().zip(own).map(|(name, (_, value))| (&**name, *value));
        base.labels("x", pairs, None).to_string()
    }

    #[test]
    fn the_host_adds_its_labels_and_renames_the_points() {
        let base = base(HonorLabels::No);
        for (own, expected) in [
            (vec![("a", "1")], r#"{__name__="x",a="1",env="prod",instance="shop",job="web"}"#),
            (vec![("job", "j"), ("a", "")], r#"{__name__="x",env="prod",exported_job="j",instance="shop",job="web"}"#),
            (
                vec![("job", "j"), ("exported_job", "e")],
                r#"{__name__="x",env="prod",exported_exported_job="j",exported_job="e",instance="shop",job="web"}"#,
            ),
            (vec![("env", "")], r#"{__name__="x",env="prod",instance="shop",job="web"}"#),
        ] {
            assert_eq!(series(&base, &own), expected);
        }
    }

    #[test]
    fn an_honored_label_counts_where_it_has_a_value() {
        let base = base(HonorLabels::Yes);
        let expected = r#"{__name__="x",env="prod",instance="mine",job="web"}"#;
        assert_eq!(series(&base, &[("instance", "mine"), ("job", "")]), expected);
    }

    #[test]
    fn without_a_target_the_instance_is_the_host() {
        let base = Base::new(&PluginName::new("system").unwrap(), None, "anna", HonorLabels::No);
        assert_eq!(series(&base, &[]), r#"{__name__="x",instance="anna",job="system"}"#);
    }
}
