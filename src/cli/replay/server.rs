//! Replays to a server.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::config::TokenSecrets;
use crate::session::token::Secrets;

use super::args::ReplayArgs;
use super::http::Target;
use super::order::Mark;
use super::play::{Begin, Player};
use super::summary::Choice;
use super::workers::{self, Queue};

/// Runs the replay.
pub fn run(args: &ReplayArgs, target: &Target, data: &Path) -> Result<ExitCode, CliError> {
    let secrets = secrets(args, data)?;
    let begin = Begin {
        choice: Choice::Batches,
        speed: if args.fast { None } else { Some(args.speed.unwrap_or(1.0)) },
        to: target.as_str(),
        connections: args.connections(),
    };
    let mut player = Player::begin(args, data, &begin)?;
    let mut fed = None;
    let (mut outcome, confirmed, read) =
        workers::run(args, target, &secrets, |queue| feed(&mut player, queue, &mut fed));
    let saved = player.save(&confirmed.marks(fed), outcome.sent() + outcome.refused, None);
    player.finish(args, &mut outcome, read.and(saved), true)
}

/// Queues everything. `fed` is the last record that was queued, or had been sent before.
fn feed(player: &mut Player, queue: &Queue<'_>, fed: &mut Option<Mark>) -> Result<(), CliError> {
    let fed_all = feed_each(player, queue, fed);
    if player.is_stopping() || fed_all.is_err() {
        queue.stop();
    }
    fed_all
}

fn feed_each(player: &mut Player, queue: &Queue<'_>, fed: &mut Option<Mark>) -> Result<(), CliError> {
    while let Some(mut item) = player.next()? {
        if player.was_sent(&item, queue.connection_of(item.held.head.session)) {
            *fed = Some(item.mark);
            continue;
        }
        player.set_due(&mut item);
        let last = *fed;
        let is_due = player.wait(&item, |player| {
            if player.is_save_due() {
                let (marks, sent) = queue.confirmed(last);
                player.save(&marks, sent, None)?;
            }
            Ok(!queue.stopped())
        })?;
        let mark = item.mark;
        if !is_due || !queue.push(item) {
            break;
        }
        *fed = Some(mark);
    }
    Ok(())
}

/// The secrets with which the receiving server verifies tokens.
fn secrets(args: &ReplayArgs, data: &Path) -> Result<Secrets, CliError> {
    let found = match &args.token_secret_file {
        Some(path) => TokenSecrets::read(path)?,
        None => TokenSecrets::find(&args.settings(data))?,
    };
    Secrets::new(found.to_vec()).map_err(|error| CliError::Other(error.to_string()))
}
