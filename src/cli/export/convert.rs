//! What was collected, as events.

use crate::cli::error::CliError;
use crate::cli::output::{counted, warn};
use crate::export::clean::Assets;
use crate::export::order::Told;
use crate::export::rrweb::event::Event;
use crate::export::rrweb::ledger::Limits;
use crate::export::rrweb::recorder::{Flow, Sink};
use crate::export::rrweb::session::{LeftOut, Options};
use crate::export::rrweb::teller::Teller;

use super::args::ExportArgs;
use super::collect::Collected;

/// Who is told of each message.
pub type ToldTo<'a> = &'a mut dyn FnMut(&Told) -> Result<(), CliError>;

/// Hands on each message, and each event as it becomes known: a session of any length needs no more memory than its largest page. What the events do not
/// show is told on stderr.
pub fn convert(
    collected: Collected,
    options: Options,
    told: ToldTo<'_>,
    made: &mut dyn FnMut(Event) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let (left_out, faults) = convert_quietly(collected, options, told, made)?;
    tell(left_out, faults);
    Ok(())
}

/// How the events are made that these arguments ask for: at most `--events-max` bytes of them, or, without it, not far more than the session has sent.
pub fn options(args: &ExportArgs, assets: Assets) -> Options {
    let limits = args.events_max.map_or_else(Limits::default, Limits::of);
    Options { assets, limits, tab: args.tab.clone(), ..Options::default() }
}

/// Has a session's pages ask `assets` for each address that a player would load, and makes nothing of them.
pub fn look_for_assets(collected: Collected, assets: Assets) -> Result<(), CliError> {
    let options = Options { assets, ..Options::default() };
    convert_quietly(collected, options, &mut |_| Ok(()), &mut |_| Ok(())).map(drop)
}

/// What the events do not show, and how many batches could not be read to their end.
fn convert_quietly(
    collected: Collected,
    options: Options,
    told: ToldTo<'_>,
    made: &mut dyn FnMut(Event) -> Result<(), CliError>,
) -> Result<(LeftOut, u64), CliError> {
    let mut teller = match collected.is_of_phone {
        true => {
            let (width, height) = collected.start.as_ref().map_or((0, 0), |row| (row.width, row.height));
            Teller::of_phone(width, height, options.limits)
        }
        false => Teller::of_page(options),
    };
    let mut done = Ok(());
    let mut sink = |event| {
        done = made(event);
        if done.is_ok() { Flow::Continue(()) } else { Flow::Break(()) }
    };
    let faults = play(collected, &mut teller, told, &mut sink)?;
    done?;
    Ok((teller.left_out(), faults))
}

/// Tells messages and pictures in the order of their times, to the end or until no more is wanted. How many batches could not be read to their end.
fn play(collected: Collected, teller: &mut Teller, told_to: ToldTo<'_>, sink: &mut Sink<'_>) -> Result<u64, CliError> {
    let Collected { batches, pictures, .. } = collected;
    let (mut pictures, store) = (pictures.peekable(), batches.store());
    let mut ordered = batches.in_order();
    loop {
        let told = ordered.next_told().map_err(CliError::Temporary)?;
        let until_ms = told.as_ref().map_or(i64::MAX, |told| told.at_ms);
        while let Some(picture) = pictures.next_if(|picture| picture.at_ms <= until_ms) {
            let bytes = picture.read(&store).map_err(CliError::Temporary)?;
            if teller.picture(&picture.canvas, picture.at_ms, &bytes, sink).is_break() {
                return Ok(ordered.faults());
            }
        }
        let flow = match &told {
            Some(told) => {
                told_to(told)?;
                teller.tell(told, sink)
            }
            None => teller.flush(sink),
        };
        if told.is_none() || flow.is_break() {
            return Ok(ordered.faults());
        }
    }
}

/// Tells on stderr what the events do not show.
fn tell(left_out: LeftOut, faults: u64) {
    let LeftOut { unknown, no_tree, full, gaps, repeats, rest } = left_out;
    if gaps > 0 {
        warn(&format!("batches are missing in {}", counted(gaps, "place")));
    }
    if faults > 0 {
        warn(&format!("{} could not be read to the end", counted(faults, "batch")));
    }
    if unknown + no_tree > 0 {
        warn(&format!("{} of nodes that no message has made, left out", counted(unknown + no_tree, "change")));
    }
    if full > 0 {
        warn(&format!("{} left out: the page is larger than a player can be given", counted(full, "change")));
    }
    if repeats > 0 {
        let snapshots = counted(repeats, "snapshot");
        warn(&format!(
            "{snapshots} left out, which would repeat a large page: a seek may take longer; --events-max allows more"
        ));
    }
    if rest {
        warn(
            "the rest of the session is left out: its events are far larger than what was sent; --events-max allows more",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::order::Batches;
    use crate::tracker::captured::uploads;

    #[test]
    fn nothing_more_is_read_when_the_output_fails() {
        let mut batches = Batches::new(tempfile::tempfile().unwrap());
        for upload in uploads().into_iter().filter(|upload| upload.split.is_none()).take(20) {
            batches.add(&upload.bytes, upload.era, upload.number).unwrap();
        }
        let pictures = Vec::new().into_iter();
        let collected = Collected { start: None, project: 0, is_of_phone: false, batches, pictures };
        let (read, made) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let mut told = |_: &Told| {
            assert_eq!(made.get(), 0, "read on after the output failed");
            read.set(read.get() + 1);
            Ok(())
        };
        let done = convert(collected, Options::default(), &mut told, &mut |_| {
            made.set(made.get() + 1);
            Err(CliError::Other("closed".to_owned()))
        });
        assert!(matches!(done, Err(CliError::Other(_))));
        assert_eq!(made.get(), 1);
    }
}
