//! Reads the archive up to its end, and the log from there.

use std::path::Path;

use serde::Serialize;

#[cfg(feature = "archive")]
use crate::archive::place::Place;
#[cfg(feature = "archive")]
use crate::archive::source::Source as ArchiveSource;
use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::config::{Config, Sources};
use crate::log::read::merge::{Merge, MergePosition};
use crate::stats::{Collector, Range, count_log};

use super::args::{Source, StatsArgs};
use super::progress::Progress;

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
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct ReadOf {
    /// Whether there is an archive, and it was to be read.
    archive: bool,
    /// Whether there is a log, and it was to be read.
    log: bool,
    /// Batches of the log that were left out, as sent again by clients.
    repeats: u64,
    /// Places of the log that were stepped over.
    damaged_places: u64,
}

/// An archive was read up to here.
struct Archived {
    collector: Collector,
    to: Option<MergePosition>,
}

/// Reads what the options say.
pub(super) fn read(args: &StatsArgs, range: Range, data: &Path) -> Result<Read, CliError> {
    let progress = Progress::new();
    let mut of = ReadOf::default();
    let archived = match args.source {
        Source::Log => None,
        Source::Archive | Source::Both => read_archive(args, range, data, &progress)?,
    };
    if args.source == Source::Archive && archived.is_none() {
        return Err(CliError::Other(format!(
            "{}: there is no archive in this data folder; make one with `takeup compact`, or name another folder with --data",
            data.display()
        )));
    }
    of.archive = archived.is_some();
    let archived = archived.unwrap_or_else(|| Archived { collector: Collector::new(range, args.by), to: None });
    let mut collector = archived.collector;
    // Where there is an archive, there need not be a log any more.
    if args.source != Source::Archive && (!of.archive || data.join("log").exists()) {
        of.log = true;
        let mut merge = begin(data, &collector, archived.to.as_ref())?;
        let limit = inflated_limit(args, data)?;
        count_log(&mut merge, limit, &mut collector, &mut |records| progress.tell("log", records))?;
        of.repeats = merge.repeats();
        of.damaged_places = merge.damage_count();
        progress.finish();
        log_folder::remark(&merge);
    }
    if of.archive {
        describe(data, &mut collector)?;
    }
    progress.finish();
    Ok(Read { collector, of })
}

/// The log from where the archive ends; from the range's beginning where nothing of this log is in an archive.
fn begin(data: &Path, collector: &Collector, archived: Option<&MergePosition>) -> Result<Merge, CliError> {
    let reader = log_folder::open(data)?;
    if let Some(to) = archived.filter(|to| to.log == reader.log_uuid()) {
        return Ok(Merge::resume(reader, to)?);
    }
    let before_us = if collector.property().is_some() { STARTS_BEFORE_US } else { 0 };
    match collector.range().from_us.saturating_sub(before_us) {
        0 => Ok(Merge::new(reader)),
        from_us => Ok(Merge::since(reader, from_us)?),
    }
}

/// What the compactor inflates.
fn inflated_limit(args: &StatsArgs, data: &Path) -> Result<usize, CliError> {
    let sources = Sources { file: args.config.clone(), ..Sources::of_process(data) };
    let limit = Config::load_settings(&sources)?.config.body_inflated_limit;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(feature = "archive")]
fn read_archive(
    args: &StatsArgs,
    range: Range,
    data: &Path,
    progress: &Progress,
) -> Result<Option<Archived>, CliError> {
    let mut tell = |records| progress.tell("archive", records);
    let counted = crate::stats::count_archive(&archive_of(data), range, args.by, &mut tell)?;
    Ok(counted.map(|counted| Archived { collector: counted.collector, to: counted.to }))
}

#[cfg(feature = "archive")]
fn archive_of(data: &Path) -> ArchiveSource {
    ArchiveSource::folder(&Place::in_data(data))
}

#[cfg(feature = "archive")]
fn describe(data: &Path, collector: &mut Collector) -> Result<(), CliError> {
    Ok(crate::stats::describe_from_archive(&archive_of(data), collector)?)
}

/// Says what is missing.
#[cfg(not(feature = "archive"))]
fn read_archive(args: &StatsArgs, _: Range, data: &Path, _: &Progress) -> Result<Option<Archived>, CliError> {
    let is_there = data.join("archive").join("manifest.json").exists();
    if args.source == Source::Both && !is_there {
        return Ok(None);
    }
    let text = "this takeup was built without the archive, and can't count it: build it with the feature `archive`, which is on by default, or \
                count the log alone with --source log";
    Err(CliError::Other(text.to_owned()))
}

#[cfg(not(feature = "archive"))]
fn describe(_: &Path, _: &mut Collector) -> Result<(), CliError> {
    Ok(())
}
