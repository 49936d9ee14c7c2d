//! The files that OpenReplay's own player takes, as its services would have stored them.

mod pictures;
mod target;

use std::io::Read;
use std::path::Path;

use crate::checker::version_of;
use crate::export::mob::{LeftOut, Received, Sorted, Spool, Unfit};
use crate::log::format::record::Record;
use crate::records::{Content, Start};
use crate::tracker::Era;

use crate::cli::error::CliError;
use crate::cli::output::{Out, counted, warn};

use super::args::{ExportArgs, Release};
use super::bodies::{Bodies, temporary};
use super::{collect, source};
use pictures::Pictures;
use target::Target;

/// In files of 2024-03, so many bytes of what is seen are in the first one.
const SPLIT_BYTES: u64 = 1_000_000;

/// The batches of a session on their way into files.
enum Files {
    Sorted(Sorted),
    Received(Box<Received>),
}

/// Writes the session's files into `folder`, and their names to `out`.
pub fn write(args: &ExportArgs, folder: &Path, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let spool = || temporary().map(Spool::new);
    let mut files = match args.release {
        Release::March2024 => Files::Sorted(Sorted::new(spool()?)),
        Release::July2026 => Files::Received(Box::new(Received::new(spool()?, spool()?, spool()?))),
    };
    let mut pictures = Pictures::new(args.release, temporary()?);
    let mut bodies = Bodies::new(args.inflated_max);
    let mut era = Era::default();
    source::records(args.session, &args.source, data, &mut |record| {
        if let Some(version) = version_of(record) {
            era = Era::of_tracker(&version);
        }
        match Content::of(record) {
            Content::Start(start) => files.start(&start),
            Content::Images(images) => pictures.add(&images)?,
            Content::WebBatch(_) | Content::MobileBatch(_) => files.batches(record, era, &mut bodies)?,
            _ => {}
        }
        Ok(())
    })?;
    let folder = folder.join(args.session.to_string());
    collect::make(&folder)?;
    let mut to = Target { folder, out };
    match files {
        Files::Sorted(sorted) => write_sorted(sorted, spool()?, spool()?, &mut to)?,
        Files::Received(received) => write_received(*received, &mut to)?,
    }
    pictures.write(&mut to)
}

impl Files {
    fn start(&mut self, start: &Start<'_>) {
        if let (Self::Received(received), Some(row)) = (self, start.row()) {
            received.started(row.started_ms);
        }
    }

    fn batches(&mut self, record: &Record<'_>, era: Era, bodies: &mut Bodies) -> Result<(), CliError> {
        let Some(body) = bodies.read(record) else { return Ok(()) };
        for batch in body.batches() {
            match self {
                Self::Sorted(sorted) => sorted.batch(batch, era).map_err(unfit)?,
                Self::Received(received) => received.batch(batch, era).map_err(CliError::Temporary)?,
            }
        }
        Ok(())
    }
}

fn unfit(error: Unfit) -> CliError {
    match error {
        Unfit::Io(error) => CliError::Temporary(error),
        other => CliError::Other(format!("{other}; --release 2026-07 writes it")),
    }
}

fn write_sorted(sorted: Sorted, mut dom: Spool, mut devtools: Spool, to: &mut Target<'_>) -> Result<(), CliError> {
    tell(sorted.finish(&mut dom, &mut devtools).map_err(unfit)?);
    let is_split = dom.length() > SPLIT_BYTES;
    let dom_bytes = dom.length();
    let mut dom = dom.read().map_err(CliError::Temporary)?;
    if dom_bytes > 0 {
        to.gzip("dom.mobs", &mut (&mut dom).take(SPLIT_BYTES))?;
    }
    if is_split {
        to.gzip("dom.mobe", &mut dom)?;
    }
    if !devtools.is_empty() {
        to.gzip("devtools.mob", &mut devtools.read().map_err(CliError::Temporary)?)?;
    }
    Ok(())
}

fn write_received(received: Received, to: &mut Target<'_>) -> Result<(), CliError> {
    let files = received.finish();
    tell(files.left_out);
    let read = |spool: Spool| spool.read().map_err(CliError::Temporary);
    match (files.start.is_empty(), files.end.is_empty()) {
        (true, true) => {}
        // The only file is the first one. What its player looks for at the beginning is put there.
        (true, false) => to.zstd("dom.mobs", &mut files.header.chain(read(files.end)?))?,
        (false, is_alone) => {
            to.zstd("dom.mobs", &mut read(files.start)?)?;
            if !is_alone {
                to.zstd("dom.mobe", &mut read(files.end)?)?;
            }
        }
    }
    if files.devtools.is_empty() {
        return Ok(());
    }
    to.zstd("devtools.mob", &mut read(files.devtools)?)
}

/// Tells on stderr what the files do not have.
fn tell(left_out: LeftOut) {
    let LeftOut { broken, foreign } = left_out;
    if broken > 0 {
        warn(&format!("{} left out: broken, as OpenReplay's own services would", counted(broken, "batch")));
    }
    if foreign > 0 {
        warn(&format!("{} left out: the player of this release does not know them", counted(foreign, "message")));
    }
}
