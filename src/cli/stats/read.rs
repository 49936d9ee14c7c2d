//! Reads the archive up to its end, and the log from there.

use std::path::Path;

use serde::Serialize;

#[cfg(feature = "archive")]
use crate::archive::source::Source as ArchiveSource;
#[cfg(feature = "archive")]
use crate::cli::archive_source;
use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::config::Config;
use crate::log::read::merge::{Merge, MergePosition};
use crate::stats::{Collector, LeftOut, Range, count_log};

use super::args::{Source, StatsArgs};
use super::progress::Progress;

/// Without the feature, there is none.
#[cfg(not(feature = "archive"))]
type ArchiveSource = ();

/// How long before the range the log is read for the starts of sessions, in microseconds: a day.
const STARTS_BEFORE_US: u64 = 86_400_000_000;

/// What was read.
pub(super) struct Read {
    /// What was counted.
    pub(super) collector: Collector,
    /// Of what.
    pub(super) of: ReadOf,
}

/// Of what numbers are.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ReadOf {
    /// What was asked for.
    source: Source,
    /// Whether there is an archive, and it was to be read.
    archive: bool,
    /// Whether there is a log, and it was to be read.
    log: bool,
    /// Batches of the log that were left out, as sent again by clients.
    repeats: u64,
    /// Places of the log that were stepped over.
    damaged_places: u64,
    /// Files of the archive that were left out.
    #[serde(flatten)]
    pub(super) left_out: LeftOut,
}

/// An archive was read up to these places, each in another log.
struct Archived {
    collector: Collector,
    ends: Vec<MergePosition>,
    left_out: LeftOut,
    from: ArchiveSource,
}

/// Reads what the options say.
pub(super) fn read(args: &StatsArgs, range: Range, data: &Path) -> Result<Read, CliError> {
    let source = args.source()?;
    let progress = Progress::new();
    let left_out = LeftOut::default();
    let mut of = ReadOf { source, archive: false, log: false, repeats: 0, damaged_places: 0, left_out };
    let archived = match source {
        Source::Log => None,
        Source::Archive | Source::Both => read_archive(args, range, data, &progress)?,
    };
    if archived.is_none() && (source == Source::Archive || args.archive.is_some()) {
        return Err(no_archive(args, data));
    }
    of.archive = archived.is_some();
    let (mut collector, ends, from) = match archived {
        Some(Archived { collector, ends, left_out, from }) => {
            of.left_out = left_out;
            (collector, ends, Some(from))
        }
        None => (Collector::new(range, args.by), Vec::new(), None),
    };
    // Where there is an archive, there need not be a log any more.
    if source != Source::Archive && (!of.archive || data.join("log").exists()) {
        of.log = true;
        let mut merge = begin(args, data, &collector, &ends)?;
        let limit = inflated_limit(args, data)?;
        count_log(&mut merge, limit, &mut collector, &mut |records| progress.tell("log", records))?;
        of.repeats = merge.repeats();
        of.damaged_places = merge.damage_count();
        progress.finish();
        log_folder::remark(&merge);
    }
    if let Some(from) = &from {
        of.left_out.append(describe(from, &mut collector)?);
    }
    progress.finish();
    Ok(Read { collector, of })
}

fn no_archive(args: &StatsArgs, data: &Path) -> CliError {
    CliError::Other(match &args.archive {
        Some(address) => format!("{address}: there is no archive"),
        None => format!(
            "{}: there is no archive in this data folder; make one with `takeup compact`, or name another one with --archive, or another data folder with --data",
            data.display()
        ),
    })
}

/// The log from where the archive ends; from the range's beginning where nothing of this log is in an archive.
fn begin(args: &StatsArgs, data: &Path, collector: &Collector, ends: &[MergePosition]) -> Result<Merge, CliError> {
    let reader = log_folder::open(data)?;
    // The data folder may have had another log meanwhile, which the archive has as well.
    if let Some(to) = ends.iter().find(|to| to.log == reader.log_uuid()) {
        return Ok(Merge::resume(reader, to)?);
    }
    if let Some(to) = ends.first().filter(|_| args.archive.is_some()) {
        return Err(CliError::Other(format!(
            "{}: the archive is of log {}, but the log is {}: count them one by one, with --source archive and --source log",
            data.display(),
            to.log,
            reader.log_uuid()
        )));
    }
    let before_us = if collector.property().is_some() { STARTS_BEFORE_US } else { 0 };
    match collector.range().from_us.saturating_sub(before_us) {
        0 => Ok(Merge::new(reader)),
        from_us => Ok(Merge::since(reader, from_us)?),
    }
}

/// What the compactor inflates.
fn inflated_limit(args: &StatsArgs, data: &Path) -> Result<usize, CliError> {
    let limit = Config::load_settings(&args.settings().sources(data))?.config.body_inflated_limit;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(feature = "archive")]
fn read_archive(
    args: &StatsArgs,
    range: Range,
    data: &Path,
    progress: &Progress,
) -> Result<Option<Archived>, CliError> {
    let from = archive_source::open(args.archive.as_ref(), &args.settings(), data)?;
    let mut tell = |records| progress.tell("archive", records);
    let counted = crate::stats::count_archive(&from, range, args.by, &mut tell)?;
    Ok(counted.map(|counted| Archived {
        collector: counted.collector,
        ends: counted.ends,
        left_out: counted.left_out,
        from,
    }))
}

#[cfg(feature = "archive")]
fn describe(from: &ArchiveSource, collector: &mut Collector) -> Result<LeftOut, CliError> {
    Ok(crate::stats::describe_from_archive(from, collector)?)
}

/// Says what is missing.
#[cfg(not(feature = "archive"))]
fn read_archive(args: &StatsArgs, _: Range, data: &Path, _: &Progress) -> Result<Option<Archived>, CliError> {
    let is_there = args.archive.is_some() || data.join("archive").join("manifest.json").exists();
    if args.source()? == Source::Both && !is_there {
        return Ok(None);
    }
    let text = "this takeup was built without the archive, and can't count it: build it with the feature `archive`, which is on by default, or \
                count the log alone with --source log";
    Err(CliError::Other(text.to_owned()))
}

#[cfg(not(feature = "archive"))]
fn describe(&(): &(), _: &mut Collector) -> Result<LeftOut, CliError> {
    Ok(LeftOut::default())
}
