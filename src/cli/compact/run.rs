//! Reads the log from where the archive ends, and extends the archive.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::archive::compactor::{CONSUMER, ChunkBounds, Compactor, Flushed};
use crate::archive::error::ArchiveError;
use crate::archive::merge_files::merge_next;
use crate::archive::place::Place;
use crate::archive::store::{Archive, Totals};
use crate::base::time::wall_us;
use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::{Out, bytes, counted, length_ms};
use crate::cli::serve::ServeArgs;
use crate::config::Config;
use crate::log::cursor::Cursors;
use crate::log::read::merge::{Merge, MergePosition};
use crate::log::read::reader::LogReader;

use super::args::{CompactArgs, MergeHours};
use super::progress::Progress;
use super::store::{self, StoreSummary};

/// What was done, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Summary {
    archive: String,
    records: u64,
    rows: u64,
    files: u64,
    bytes: u64,
    inflated_bytes: u64,
    merged_files: u64,
    repeats: u64,
    damaged_places: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<StoreSummary>,
    elapsed_ms: u64,
}

/// Runs the command.
pub fn run(args: &CompactArgs, data: &Path) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    let reader = log_folder::open(data)?;
    let stop = stop_on_signal()?;
    let is_stopping = || stop.load(Ordering::Relaxed);
    let settings = ServeArgs { config: args.config.clone(), set: args.set.clone(), ..ServeArgs::default() };
    let config = Config::load_settings(&settings.sources(data))?.config;
    let bounds = ChunkBounds {
        bytes: args.chunk << 20,
        age: Duration::MAX,
        inflated_max: usize::try_from(config.body_inflated_limit).unwrap_or(usize::MAX),
    };
    let place = Place::in_data(data);
    let mut compactor = Compactor::open(place.clone(), bounds, &is_stopping)?;
    let log = reader.log_uuid();
    let mut progress = Progress::new(&reader, compactor.begin_in(log))?;
    let mut totals = Totals::default();
    let (mut repeats, mut damaged_places) = (0, 0);
    // A turn more each time that somebody else has extended the archive meanwhile.
    loop {
        let mut merge = begin(&reader, compactor.begin_in(log))?;
        let end = to_the_end(&mut compactor, &mut merge, &mut progress, &mut totals, &is_stopping)?;
        repeats += merge.repeats();
        damaged_places += merge.damage_count();
        if end {
            progress.finish();
            log_folder::remark(&merge);
            break;
        }
    }
    let merged = merge_files(args.merge, compactor.archive(), &is_stopping)?;
    let set_aside = compactor.archive().set_aside();
    keep_cursor(&reader, compactor.begin_in(log))?;
    let url = args.store.as_ref().or(config.archive_store.as_ref());
    let store = url.map(|url| store::copy(url, &config, data, &is_stopping)).transpose()?;
    let summary = Summary {
        archive: place.dir().display().to_string(),
        records: totals.records,
        rows: totals.rows,
        files: totals.files,
        bytes: totals.bytes,
        inflated_bytes: totals.inflated_bytes,
        merged_files: merged,
        repeats,
        damaged_places,
        store,
        elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    print(&summary, args.json)?;
    // Everything else is done.
    if let Some(error) = set_aside {
        return Err(CliError::Other(format!("not merged: {error}")));
    }
    match &summary.store {
        Some(StoreSummary { url, remark: Some(remark), .. }) => {
            Err(CliError::Other(format!("{url} {remark}. All else was copied")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Reads what is durable now, and puts it into the archive. Returns false if somebody else extended the archive, and reading begins anew.
fn to_the_end(
    compactor: &mut Compactor,
    merge: &mut Merge,
    progress: &mut Progress,
    totals: &mut Totals,
    is_stopping: &dyn Fn() -> bool,
) -> Result<bool, CliError> {
    let mut flush = |compactor: &mut Compactor, to: &MergePosition| match compactor.flush(to, is_stopping)? {
        Flushed::Done(written) => {
            totals.add(written);
            Ok::<_, CliError>(true)
        }
        Flushed::Moved => Ok(false),
    };
    while let Some(record) = merge.next_settled()? {
        compactor.add(&record);
        progress.passed(&record);
        if is_stopping() {
            // What is not in the archive yet is read again next time.
            return Err(ArchiveError::Stopped.into());
        }
        if compactor.is_due() {
            compactor.note_damaged(merge.take_damaged());
        }
        if compactor.is_due() && !flush(compactor, &merge.position())? {
            return Ok(false);
        }
    }
    compactor.note_damaged(merge.take_damaged());
    if compactor.is_empty() { Ok(true) } else { flush(compactor, &merge.position()) }
}

/// Merges small files. Returns how many became part of larger ones.
fn merge_files(hours: MergeHours, archive: &Archive, is_stopping: &dyn Fn() -> bool) -> Result<u64, CliError> {
    let over_us = match hours {
        MergeHours::Over => wall_us(),
        MergeHours::All => u64::MAX,
        MergeHours::None => return Ok(0),
    };
    let mut inputs = 0;
    loop {
        match merge_next(archive, over_us, is_stopping) {
            Ok(Some(merged)) => inputs += merged.inputs,
            Ok(None) => return Ok(inputs),
            // The other files are merged all the same.
            Err(error) if archive.is_set_aside(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The log from where the archive ends; from its oldest record if the archive is new, or of another log.
fn begin(reader: &LogReader, from: Option<&MergePosition>) -> Result<Merge, CliError> {
    match from {
        Some(from) => Ok(Merge::resume(reader.clone(), from)?),
        None => Ok(Merge::new(reader.clone())),
    }
}

/// Moves the cursor of a server's compactor along, if there is one: what is in the archive need not be held for it.
fn keep_cursor(reader: &LogReader, to: Option<&MergePosition>) -> Result<(), CliError> {
    let name = CONSUMER.parse().map_err(|_| CliError::Other(format!("{CONSUMER}: no name of a consumer")))?;
    let cursors = Cursors::of(reader);
    if let Some(to) = to
        && cursors.read(&name)?.is_some()
    {
        cursors.keep(&name, to)?;
    }
    Ok(())
}

fn print(summary: &Summary, json: bool) -> Result<(), CliError> {
    let mut out = Out::stdout();
    if json {
        out.json(summary)?;
        return out.finish();
    }
    if summary.records == 0 {
        out.line(&format!("{}: nothing new in the log", summary.archive))?;
    } else {
        out.line(&format!(
            "{}: {} more, as {} in {} ({}; {} inflated), in {}",
            summary.archive,
            counted(summary.records, "record"),
            counted(summary.rows, "row"),
            counted(summary.files, "file"),
            bytes(summary.bytes),
            bytes(summary.inflated_bytes),
            length_ms(summary.elapsed_ms),
        ))?;
    }
    if let Some(StoreSummary { url, files, bytes: size, .. }) = &summary.store {
        out.line(&match files {
            0 => format!("{url}: up to date"),
            _ => format!("{url}: {} more ({})", counted(*files, "file"), bytes(*size)),
        })?;
    }
    out.finish()
}

/// Set by the first SIGINT or SIGTERM; a second one ends the process at once.
fn stop_on_signal() -> Result<Arc<AtomicBool>, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let failed = |error| CliError::Other(format!("cannot handle signals: {error}"));
        flag::register_conditional_default(signal, Arc::clone(&stop)).map_err(failed)?;
        flag::register(signal, Arc::clone(&stop)).map_err(failed)?;
    }
    Ok(stop)
}

impl From<ArchiveError> for CliError {
    fn from(error: ArchiveError) -> Self {
        Self::Other(error.to_string())
    }
}
