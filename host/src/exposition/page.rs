//! A whole page: the host's own families and the collected ones, by name, each family in one piece.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::exposition::Format;
use crate::exposition::line;
use crate::exposition::openmetrics;
use crate::exposition::own::{OwnFamily, gauge};
use crate::exposition::text;
use crate::latest::Latest;
use crate::model::{Family, Kind, Labels, Timestamp};

/// What a page says of the page itself.
const LEFT_OUT: &str = "vigie_exposition_families_left_out";

/// A family on the page: its own samples, then the collected ones.
pub(super) struct Entry<'a> {
    pub(super) family: Arc<Family>,
    own: Option<&'a OwnFamily>,
    collected: bool,
}

/// What the samples of a page are written from.
pub(super) struct Samples<'a> {
    latest: &'a Latest,
    now: Timestamp,
}

/// Which of a family's samples are asked for.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    /// All.
    All,
    /// Those of one series name.
    Named(&'a str),
}

impl Samples<'_> {
    /// Writes an entry's samples, with what `head` writes before the first one: a family without samples leaves nothing.
    pub(super) fn write(&self, out: &mut String, entry: &Entry<'_>, which: Which<'_>, head: impl FnOnce(&mut String)) {
        let before = out.len();
        head(out);
        let empty = out.len();
        for sample in entry.own.iter().flat_map(|own| &own.samples) {
            line::named_sample(
                out,
                &entry.family.name,
                sample.labels.iter().map(|(name, value)| (*name, value.as_str())),
                sample.value,
            );
        }
        self.each(entry, |labels, value| {
            if matches!(which, Which::All) || matches!(which, Which::Named(name) if labels.get("__name__") == Some(name)) {
                line::sample(out, labels, value);
            }
        });
        if out.len() == empty {
            out.truncate(before);
        }
    }

    /// Shows an entry's collected samples.
    pub(super) fn each(&self, entry: &Entry<'_>, mut each: impl FnMut(&Labels, f64)) {
        if entry.collected {
            self.latest.visit(&entry.family.name, self.now, |labels, _, value| each(labels, value));
        }
    }
}

/// The page at `now`, to be sent with [`Format::content_type`].
///
/// Collected series never equal own ones, because they have `job` and `instance`; so a collected family of an own one's name and
/// kind (a Go program's `process_cpu_seconds_total`, another Vigie's `vigie_*`) shares its lines. One of another kind is left out, which
/// `vigie_exposition_families_left_out` counts.
#[must_use]
pub fn page(latest: &Latest, own: &[OwnFamily], now: Timestamp, format: Format) -> String {
    let collected = latest.families();
    let (mut entries, left_out) = entries(own, collected);
    #[expect(clippy::cast_precision_loss, reason = "a count of families")]
    let count = gauge(
        LEFT_OUT,
        "",
        "Collected families that this page leaves out because the host has one of their name.",
        left_out as f64,
    );
    entries.insert(count.family.name.clone(), Entry { family: count.family.clone(), own: Some(&count), collected: false });
    let samples = Samples { latest, now };
    let mut out = String::with_capacity(64 * 1024);
    match format {
        Format::Text => entries.values().for_each(|entry| text::family(&mut out, entry, &samples)),
        Format::OpenMetrics => {
            let mut names = openmetrics::Names::new(entries.values().map(|entry| &*entry.family));
            entries.values().for_each(|entry| openmetrics::family(&mut out, entry, &samples, &mut names));
            out.push_str("# EOF\n");
        }
    }
    out
}

fn entries(own: &[OwnFamily], collected: Vec<Arc<Family>>) -> (BTreeMap<Box<str>, Entry<'_>>, usize) {
    let mut entries: BTreeMap<Box<str>, Entry<'_>> = own
        .iter()
        .map(|own| (own.family.name.clone(), Entry { family: own.family.clone(), own: Some(own), collected: false }))
        .collect();
    let taken: HashSet<String> = own.iter().flat_map(|own| series_names(&own.family)).chain([LEFT_OUT.into()]).collect();
    let mut left_out = 0;
    for family in collected {
        match entries.get_mut(&family.name) {
            Some(entry) if entry.family.kind == family.kind && family.kind.suffixes() == [""] => entry.collected = true,
            None if !series_names(&family).any(|name| taken.contains(&name)) => {
                entries.insert(family.name.clone(), Entry { family, own: None, collected: true });
            }
            _ => left_out += 1,
        }
    }
    (entries, left_out)
}

/// The names of a family's series, and its own where a page has a line for it.
pub(super) fn series_names(family: &Family) -> impl Iterator<Item = String> + '_ {
    let line = matches!(family.kind, Kind::Histogram | Kind::GaugeHistogram).then(|| family.name.to_string());
    line.into_iter().chain(family.kind.suffixes().iter().map(|suffix| format!("{}{suffix}", family.name)))
}
