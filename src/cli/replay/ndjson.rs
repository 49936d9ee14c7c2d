//! Replays to stdout, one JSON object per batch.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::cli::output::Out;

use super::args::ReplayArgs;
use super::line::put_line;
use super::outcome::Outcome;
use super::play::{Begin, Player};
use super::summary::Choice;

/// Runs the replay.
pub fn run(args: &ReplayArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    list(args, data, &mut out)
}

/// Prints the batches, as fast as the reader accepts them unless a pace is given.
pub fn list(args: &ReplayArgs, data: &Path, out: &mut Out) -> Result<ExitCode, CliError> {
    let begin = Begin { choice: Choice::Batches, speed: args.speed, to: "-", connections: 1 };
    let mut player = Player::begin(args, data, &begin)?;
    let is_paced = args.speed.is_some() || args.sessions_per_second.is_some();
    let mut outcome = Outcome::default();
    let printed = print(&mut player, out, is_paced, &mut outcome);
    if printed.as_ref().is_err_and(CliError::is_closed_pipe) {
        return printed.map(|()| ExitCode::SUCCESS);
    }
    player.finish(args, &mut outcome, printed, false)
}

/// How many bytes are gathered before they are written. One line more fits.
const WRITE_BYTES: usize = 256 << 10;

fn print(player: &mut Player, out: &mut Out, is_paced: bool, outcome: &mut Outcome) -> Result<(), CliError> {
    let mut last = None;
    let mut lines = Vec::with_capacity(2 * WRITE_BYTES);
    while let Some(mut item) = player.next()? {
        if player.was_sent(&item, 0) {
            continue;
        }
        if !player.set_due(&mut item) {
            // What was written before was flushed.
            let sent = outcome.batches;
            let is_due = player.wait(&item, |player| player.save_if_due(&[last], sent).map(|()| true))?;
            if !is_due {
                break;
            }
        }
        put_line(&item.held.record(), &mut lines)?;
        outcome.batches += 1;
        outcome.bytes += item.held.payload.len() as u64;
        last = Some(item.mark);
        let is_save_due = player.is_save_due();
        if is_paced || is_save_due || lines.len() >= WRITE_BYTES {
            out.bytes(&lines)?;
            lines.clear();
            lines.shrink_to(2 * WRITE_BYTES);
        }
        if is_paced || is_save_due {
            out.flush()?;
        }
        if is_save_due {
            player.save(&[last], outcome.batches, None)?;
        }
    }
    out.bytes(&lines)?;
    out.flush()?;
    player.save(&[last], outcome.batches, None)
}
