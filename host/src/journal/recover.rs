//! Opening what a host before us has written: cutting a torn end, setting damaged parts aside, and saying so.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Epoch, Offset};

use super::format::{Digest, Mark, SEGMENT_HEADER, SegmentHeader};
use super::lock::{Last, LastEnd};
use super::segment::{Segment, name_of};
use super::survey::{Candidate, Survey, candidates, failed};
use super::{OpenError, Settings};

/// What opening a journal found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The epoch in which the journal goes on.
    pub epoch: Epoch,
    /// Whether that is a new one: ids of the epoch before may stand for events that are gone.
    pub raised: bool,
    /// The offset before the next event's: the last event's, or the last one that was lost (see `damaged`).
    pub last: Offset,
    /// Unfinished writes at the end, cut off. The caller records them.
    pub truncated: Vec<Truncated>,
    /// Parts that cannot be read although more was written behind them. The caller records them.
    pub damaged: Vec<Damaged>,
}

/// An unfinished write that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// The segment's file name.
    pub segment: String,
    /// How many bytes were cut.
    pub bytes: u64,
    /// What was wrong with them.
    pub reason: String,
}

/// A damaged part of the journal. Nothing of it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The segment's file name.
    pub segment: String,
    /// Where its bytes are kept.
    pub kept: PathBuf,
    /// How many bytes are out of use.
    pub bytes: u64,
    /// What was wrong with the first of them.
    pub reason: String,
    /// The first and the last offset that are gone, as far as can be told.
    pub lost: Option<(Offset, Offset)>,
}

/// A journal that is ready to be read and appended to.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) segments: Vec<Segment>,
    /// Where it goes on.
    pub(super) end: Mark,
    /// Whether frames at the end were lost, whose offsets may have been told to the outside.
    cut: bool,
    pub(super) report: Recovery,
}

/// Looks through the segments, cuts and sets aside what is not whole, and syncs what may not be.
pub(super) fn recover(journal: &Path, last: Last, settings: &Settings) -> Result<Recovered, OpenError> {
    remove_leftovers(journal).map_err(|error| failed("clean up", journal, error))?;
    let candidates = candidates(journal)?;
    let epoch =
        candidates.iter().filter_map(|candidate| candidate.header.ok()).map(|header| header.epoch).max().max(last.epoch);
    let mut recovered = Recovered {
        segments: Vec::new(),
        end: Mark { position: 0, number: 1, offset: Offset(1), chain: Digest::default() },
        cut: false,
        report: Recovery::default(),
    };
    // What stands before a sealed segment was synced: a bad place there is damage of the disk, and costs that place only.
    let open = candidates.iter().rposition(|candidate| candidate.sealed.is_some()).map_or(0, |at| at + 1);
    for (at, candidate) in candidates[..open].iter().enumerate() {
        recovered
            .settled(candidate, next_header(&candidates, at), settings)
            .map_err(|error| failed("recover", &candidate.path, error))?;
    }
    recovered.open_end(&candidates[open..], settings).map_err(|error| failed("recover", journal, error))?;
    recovered.sync(journal).map_err(|error| failed("sync", journal, error))?;
    let report = &mut recovered.report;
    report.raised = epoch.is_some() && (recovered.cut || last.end == LastEnd::MachineDown);
    report.epoch = Epoch(epoch.map_or(1, |epoch| epoch.0 + u32::from(report.raised)));
    report.last = Offset(recovered.end.offset.0.saturating_sub(1));
    Ok(recovered)
}

fn next_header(candidates: &[Candidate], at: usize) -> Option<SegmentHeader> {
    candidates[at + 1..].iter().find_map(|candidate| candidate.header.ok())
}

impl Recovered {
    /// Takes a segment behind which everything was synced, whatever is in it.
    fn settled(&mut self, candidate: &Candidate, next: Option<SegmentHeader>, settings: &Settings) -> io::Result<()> {
        if let Some(sealed) = &candidate.sealed {
            self.keep(sealed.clone());
            return Ok(());
        }
        let survey = candidate.survey(next.map(|next| next.number), settings.segment_bytes)?;
        let Err(reason) = candidate.header else {
            let segment = survey.whole;
            let short = next.filter(|next| next.epoch == segment.header.epoch && next.number > segment.end.number);
            if let Some(reason) = survey.bad.or(short.map(|_| "frames are missing at its end")) {
                let mut damaged = damaged(candidate, &candidate.path, candidate.length - survey.prefix.end.position, reason);
                damaged.lost = short.map(|next| (segment.end.offset, Offset(next.first.0.saturating_sub(1))));
                self.report.damaged.push(damaged);
            }
            self.keep(segment);
            return Ok(());
        };
        let kept = set_aside(&candidate.path)?;
        self.report.damaged.push(damaged(candidate, &kept, candidate.length, reason));
        Ok(())
    }

    /// Takes the segments at the end, of which some may not be synced, up to the first place that is not whole.
    fn open_end(&mut self, open: &[Candidate], settings: &Settings) -> io::Result<()> {
        for (at, candidate) in open.iter().enumerate() {
            let survey = candidate.survey(next_header(open, at).map(|next| next.number), settings.segment_bytes)?;
            let reason = match (self.follows(candidate), survey.bad) {
                (false, _) => Some("frames before this segment are missing"),
                (true, bad) => bad,
            };
            if let Some(reason) = reason {
                return self.cut(&open[at..], survey, reason, settings);
            }
            if candidate.length > survey.prefix.end.position {
                // The next segment has these frames again, because they could not be synced here.
                truncate(&candidate.path, survey.prefix.end.position)?;
            }
            self.keep(survey.prefix);
        }
        Ok(())
    }

    /// Whether nothing is missing before this segment. Where a recovery left a gap it raised the epoch.
    fn follows(&self, candidate: &Candidate) -> bool {
        let (Some(last), Ok(header)) = (self.segments.last(), candidate.header) else { return true };
        header.epoch > last.header.epoch || (header.number, header.first) == (last.end.number, last.end.offset)
    }

    /// Ends the journal in the first of these segments: what follows is an unfinished write, or it is damaged.
    fn cut(&mut self, rest: &[Candidate], survey: Survey, reason: &'static str, settings: &Settings) -> io::Result<()> {
        self.cut = true;
        let (first, later) = (&rest[0], &rest[1..]);
        let usable = first.header.is_ok() && self.follows(first);
        let mut lost_end = if survey.whole.is_empty() { self.end } else { survey.whole.end };
        let mut more = survey.has_more() || (!usable && (!survey.whole.is_empty() || is_unreadable(first)));
        for candidate in later {
            let whole = candidate.survey(None, settings.segment_bytes)?.whole;
            more |= !whole.is_empty() || is_unreadable(candidate);
            if !whole.is_empty() && whole.end.number > lost_end.number {
                lost_end = whole.end;
            }
        }
        let prefix = usable.then_some(survey.prefix);
        if more { self.set_aside(rest, prefix, lost_end, reason) } else { self.truncate(rest, prefix, reason) }
    }

    fn truncate(&mut self, rest: &[Candidate], prefix: Option<Segment>, reason: &'static str) -> io::Result<()> {
        let keep = prefix.as_ref().map_or(0, |prefix| prefix.end.position);
        let bytes = rest.iter().map(|candidate| candidate.length).sum::<u64>() - keep;
        self.report.truncated.push(Truncated { segment: name_of(&rest[0].path), bytes, reason: reason.into() });
        let removed = if let Some(prefix) = prefix {
            truncate(&rest[0].path, keep)?;
            self.keep(prefix);
            &rest[1..]
        } else {
            rest
        };
        removed.iter().try_for_each(|candidate| fs::remove_file(&candidate.path))
    }

    fn set_aside(
        &mut self,
        rest: &[Candidate],
        prefix: Option<Segment>,
        lost_end: Mark,
        reason: &'static str,
    ) -> io::Result<()> {
        let from = prefix.as_ref().map_or(self.end.offset, |prefix| prefix.end.offset);
        for (at, candidate) in rest.iter().enumerate() {
            let keep = prefix.as_ref().filter(|prefix| at == 0 && !prefix.is_empty()).map_or(0, |prefix| prefix.end.position);
            let kept = if keep > 0 { set_aside_from(&candidate.path, keep)? } else { set_aside(&candidate.path)? };
            let reason = if at == 0 { reason } else { "frames before this segment are missing" };
            self.report.damaged.push(damaged(candidate, &kept, candidate.length - keep, reason));
        }
        if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
            self.keep(prefix);
        }
        // Offsets that were given are not given again, so a snapshot taken among them stays right.
        if lost_end.offset > from {
            let lost = (from, Offset(lost_end.offset.0 - 1));
            self.report.damaged.iter_mut().rev().take(rest.len()).for_each(|damaged| damaged.lost = Some(lost));
        }
        self.end.number = self.end.number.max(lost_end.number);
        self.end.offset = self.end.offset.max(lost_end.offset);
        Ok(())
    }

    fn keep(&mut self, segment: Segment) {
        self.end = segment.end;
        self.segments.push(segment);
    }

    /// Syncs what may not be, and gives all but the last segment their index.
    fn sync(&mut self, journal: &Path) -> io::Result<()> {
        let last = self.segments.len().saturating_sub(1);
        for (at, segment) in self.segments.iter_mut().enumerate() {
            if segment.sealed {
                continue;
            }
            File::open(&segment.path)?.sync_data()?;
            segment.sealed = at < last && segment.write_index().is_ok();
        }
        File::open(journal)?.sync_all()
    }
}

/// Whether there is more in it than a header that was not finished.
fn is_unreadable(candidate: &Candidate) -> bool {
    candidate.header.is_err() && candidate.length > SEGMENT_HEADER as u64
}

fn damaged(candidate: &Candidate, kept: &Path, bytes: u64, reason: &str) -> Damaged {
    Damaged { segment: name_of(&candidate.path), kept: kept.to_owned(), bytes, reason: reason.into(), lost: None }
}

fn truncate(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    if file.metadata()?.len() > length { file.set_len(length) } else { Ok(()) }
}

/// Keeps a segment's first bytes in place and the whole under another name.
fn set_aside_from(path: &Path, keep: u64) -> io::Result<PathBuf> {
    let new = path.with_extension("new");
    fs::copy(path, &new)?;
    truncate(&new, keep)?;
    File::open(&new)?.sync_all()?;
    let aside = free_name(path);
    if fs::hard_link(path, &aside).is_err() {
        fs::copy(path, &aside)?;
        File::open(&aside)?.sync_all()?;
    }
    fs::rename(&new, path)?;
    Ok(aside)
}

/// Takes a segment out of the journal under another name.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = free_name(path);
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn free_name(path: &Path) -> PathBuf {
    let name = name_of(path);
    let mut free = path.with_file_name(format!("{name}.damaged"));
    let mut count = 1;
    while free.exists() {
        count += 1;
        free = path.with_file_name(format!("{name}.damaged.{count}"));
    }
    free
}

/// Removes files that were being made when the last host ended, and indexes without a segment.
fn remove_leftovers(journal: &Path) -> io::Result<()> {
    for entry in fs::read_dir(journal)? {
        let path = entry?.path();
        let leftover = match path.extension().and_then(|extension| extension.to_str()) {
            Some("new") => true,
            Some("idx") => !path.with_extension("seg").exists(),
            _ => false,
        };
        if leftover {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
