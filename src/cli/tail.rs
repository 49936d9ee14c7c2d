//! `takeup tail`: prints records as they become durable, one line each, until interrupted.
//!
//! It follows the merge, so lines come in the order in which consumers get the records, all cores combined. It needs no server: without one
//! it prints what there is, and continues when a server starts. Damage that was skipped is reported on stderr at once.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::config::value;
use crate::log::error::LogError;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, Skipped};
use crate::log::read::reader::LogReader;

use super::error::CliError;
use super::log_folder;
use super::output::{Out, warn, write_json};
use super::project_key;
use super::record_line::RecordLine;

/// The options of `takeup tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// Only records of this project, by its number or its key.
    #[arg(long, value_name = "ID|KEY")]
    pub project: Option<String>,
    /// Only records of this session.
    #[arg(long, value_name = "ID")]
    pub session: Option<u64>,
    /// Where to begin: "start", "end", or how long ago, such as 10m.
    #[arg(long, value_name = "WHERE", default_value = "end", value_parser = from)]
    pub from: From,
    /// Begin with the last N records there are.
    #[arg(short = 'n', long = "last", value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000), conflicts_with = "from")]
    pub last: Option<u32>,
    /// Show repeats too: batches that were sent again because their answer was lost.
    #[arg(long)]
    pub with_repeats: bool,
    /// Print NDJSON, as `inspect --records --json` does.
    #[arg(long)]
    pub json: bool,
}

/// Where a `tail` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest record.
    Start,
    /// With what comes now.
    End,
    /// So long ago.
    Ago(Duration),
}

fn from(text: &str) -> Result<From, String> {
    match text {
        "start" => Ok(From::Start),
        "end" => Ok(From::End),
        ago => value::duration(ago).map(From::Ago).map_err(|error| format!("expected start, end, or a time: {error}")),
    }
}

/// How long to sleep if there is nothing new.
const REST: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The initial distance to look back for the last N records, and the factor by which it grows until enough are found.
const BACK_FIRST_US: u64 = 10_000_000;
const BACK_FACTOR: u64 = 16;

/// The most damaged places that are reported one by one.
const DAMAGE_TOLD_MAX: usize = 20;

/// Runs the command.
pub fn run(args: &TailArgs, data: &Path) -> Result<ExitCode, CliError> {
    let stop = stop_flag().map_err(|error| CliError::Other(format!("signals can't be waited for: {error}")))?;
    let mut out = Out::stdout();
    let mut tail = Tail::new(args, data, &mut out)?;
    while !stop.load(Ordering::Relaxed) {
        if !tail.show_next()? {
            tail.out.flush()?;
            if reader_is_gone() {
                break;
            }
        }
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Set by the first SIGINT or SIGTERM; a second one ends the process at once.
pub(super) fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Sleeps for a while. Returns true at once if nobody reads the output any more: on a quiet log, no write would ever fail to show it.
pub(super) fn reader_is_gone() -> bool {
    let stdout = io::stdout();
    let stdout = stdout.as_fd();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    // Interrupted by a signal: the caller checks its flag.
    let _ = poll(&mut watched, Some(&REST));
    watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// A merge that is followed, and the output for its records.
pub(super) struct Tail<'a> {
    merge: Merge,
    filter: Filter,
    json: bool,
    damage_told: u64,
    skipped_told: Skipped,
    strangers_told: usize,
    out: &'a mut Out,
}

impl<'a> Tail<'a> {
    /// Starts where the arguments say, and prints those of the last N records that already exist.
    pub(super) fn new(args: &TailArgs, data: &Path, out: &'a mut Out) -> Result<Tail<'a>, CliError> {
        let filter = Filter::new(args, data)?;
        if !args.json {
            out.line(&out.bold(&RecordLine::heading()))?;
        }
        let reader = log_folder::open(data)?;
        let now_us = reader.now_us();
        let (merge, lines) = match (args.last, args.from) {
            (Some(last), _) => last_records(args, &reader, &filter, last as usize, now_us)?,
            (None, From::Start) => (Merge::new(reader), VecDeque::new()),
            (None, From::End) => (Merge::since(reader, now_us)?, VecDeque::new()),
            (None, From::Ago(ago)) => {
                let ago_us = u64::try_from(ago.as_micros()).unwrap_or(u64::MAX);
                (Merge::since(reader, now_us.saturating_sub(ago_us))?, VecDeque::new())
            }
        };
        // A merge that has started already has its window.
        let begun = args.last.is_some();
        let merge = if begun { merge } else { log_folder::choose_repeats(merge, args.with_repeats) };
        lines.iter().try_for_each(|line| out.line(line))?;
        Ok(Tail {
            merge,
            filter,
            json: args.json,
            damage_told: 0,
            skipped_told: Skipped::default(),
            strangers_told: 0,
            out,
        })
    }

    /// Prints the next record if it was asked for. Returns false if there is none at the moment.
    pub(super) fn show_next(&mut self) -> Result<bool, CliError> {
        let next = self.merge.next()?;
        let some = next.is_some();
        if let Some(record) = next.filter(|record| self.filter.wants(record)) {
            self.out.line(&line(&record, self.json)?)?;
        }
        self.tell_damage();
        log_folder::remark_skipped(&self.merge, &mut self.skipped_told);
        log_folder::remark_strangers(&self.merge, &mut self.strangers_told);
        Ok(some)
    }

    fn tell_damage(&mut self) {
        let count = self.merge.damage_count();
        if count == self.damage_told {
            return;
        }
        for damage in self.merge.damage().iter().take(DAMAGE_TOLD_MAX).skip(self.damage_told as usize) {
            let (path, offset) = (damage.path.display(), damage.offset);
            warn(&format!("{path}: damaged at offset {offset}, {} bytes skipped: {}", damage.bytes, damage.reason));
        }
        if self.damage_told <= DAMAGE_TOLD_MAX as u64 && count > DAMAGE_TOLD_MAX as u64 {
            warn("more damage follows; `takeup verify` lists it all");
        }
        self.damage_told = count;
    }
}

/// A merge that has returned everything up to about now, and the lines of the last wanted records in it.
fn last_records(
    args: &TailArgs,
    reader: &LogReader,
    filter: &Filter,
    last: usize,
    now_us: u64,
) -> Result<(Merge, VecDeque<String>), CliError> {
    let mut back_us = BACK_FIRST_US;
    loop {
        let since_us = now_us.saturating_sub(back_us);
        let merge = Merge::since(reader.clone(), since_us)?;
        let mut merge = log_folder::choose_repeats(merge, args.with_repeats);
        let mut lines = VecDeque::new();
        loop {
            let record = match merge.next_settled() {
                Ok(Some(record)) => record,
                // Records that can't be returned yet are printed once they can.
                Ok(None) | Err(LogError::Unsettled { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            // Under load, it might never catch up with new records.
            let late = record.order_us >= now_us;
            if filter.wants(&record) {
                lines.push_back(line(&record, args.json)?);
                if lines.len() > last {
                    lines.pop_front();
                }
            }
            if late {
                break;
            }
        }
        if lines.len() >= last || since_us == 0 {
            return Ok((merge, lines));
        }
        back_us = back_us.saturating_mul(BACK_FACTOR);
    }
}

fn line(record: &Record<'_>, json: bool) -> Result<String, CliError> {
    let line = RecordLine::new(record);
    if !json {
        return Ok(line.text());
    }
    let mut text = Vec::new();
    write_json(&mut text, &line)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Which records are printed.
struct Filter {
    project: Option<u32>,
    session: Option<u64>,
}

impl Filter {
    fn new(args: &TailArgs, data: &Path) -> Result<Filter, CliError> {
        let project = args.project.as_deref().map(|text| project_key::number(text, data)).transpose()?;
        Ok(Filter { project, session: args.session })
    }

    fn wants(&self, record: &Record<'_>) -> bool {
        self.project.is_none_or(|project| project == record.project)
            && self.session.is_none_or(|session| session == record.session)
    }
}
