//! Replays to another log: the same records with their times, under new ids.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::log::copy::{CopyEnd, LogCopy};
use crate::log::format::record::{Entry, Flags, Kind};

use super::args::ReplayArgs;
use super::order::{Item, Mark};
use super::outcome::Outcome;
use super::play::{Begin, Player};
use super::summary::Choice;

/// How large a segment is, as a server's by default.
const SEGMENT_BYTES: u64 = 64 << 20;

/// Runs the replay.
pub fn run(args: &ReplayArgs, to: &Path, data: &Path) -> Result<ExitCode, CliError> {
    let shown = format!("log:{}", to.display());
    let begin = Begin { choice: Choice::Everything, speed: None, to: &shown, connections: 1 };
    let mut player = Player::begin(args, data, &begin)?;
    let log = to.join("log");
    let end = match player.log_end() {
        Some(end) => end,
        None if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) => {
            return Err(CliError::Other(format!(
                "{} is not empty: a replay writes a new log; name a new folder, or go on with --resume and the file of the replay that \
                 was begun",
                to.display()
            )));
        }
        None => CopyEnd::of_new_log(),
    };
    // From now on the folder is this replay's, whatever happens.
    player.save(&[None], 0, Some(end.clone()))?;
    let mut copy = LogCopy::resume(&log, SEGMENT_BYTES, &end)?;
    let mut outcome = Outcome::default();
    let mut last = None;
    let written = write(&mut player, &mut copy, &mut outcome, &mut last);
    let ended = copy.finish().map_err(CliError::from);
    let saved = ended.and_then(|end| player.save(&[last], outcome.sent(), Some(end)));
    player.finish(args, &mut outcome, written.and(saved), true)
}

fn write(
    player: &mut Player,
    copy: &mut LogCopy,
    outcome: &mut Outcome,
    last: &mut Option<Mark>,
) -> Result<(), CliError> {
    while let Some(item) = player.next()? {
        if player.was_sent(&item, 0) {
            continue;
        }
        append(copy, &item)?;
        *last = Some(item.mark);
        let count = match item.held.head.kind {
            Kind::Batch | Kind::Sdk => &mut outcome.batches,
            Kind::Start => &mut outcome.starts,
            Kind::Image => &mut outcome.images,
            _ => &mut outcome.others,
        };
        *count += 1;
        outcome.bytes += item.held.payload.len() as u64;
        if player.is_save_due() {
            let end = copy.sync()?;
            player.save(&[*last], outcome.sent(), Some(end))?;
        }
    }
    Ok(())
}

fn append(copy: &mut LogCopy, item: &Item) -> Result<(), CliError> {
    let record = item.held.record();
    let entry = Entry {
        kind: record.kind,
        topic: record.topic,
        data_type: record.data_type,
        encoding: record.encoding,
        session: record.session,
        project: record.project,
        split: record.split,
        label: record.label,
        flags: record.flags.without(Flags::HAS_LABEL),
        ext: record.ext.0,
        payload: record.payload,
    };
    Ok(copy.append(&entry, item.mark.due_us)?)
}
