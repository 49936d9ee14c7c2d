//! `takeup export`: one session in a form that other programs read.

mod collect;
mod timeline;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::config::value;
use crate::export::clean::Assets;
use crate::export::rrweb::session::{Converter, LeftOut, Options};

use super::error::CliError;
use super::output::{Out, counted, warn};
use collect::{Collected, Picture};
use timeline::TimelineForm;

/// What is written.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Form {
    /// A JSON array of events, which any player of rrweb shows.
    #[arg(long)]
    pub rrweb: bool,
    /// What happened: pages, clicks by label, inputs, requests, errors.
    #[arg(long, value_name = "FORM")]
    pub timeline: Option<TimelineForm>,
    /// The pictures of canvases and of phones' screens, as files in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// The batches as they were sent, inflated, as files in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub raw: Option<PathBuf>,
}

/// The options of `takeup export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The session, by its number.
    #[arg(value_name = "SESSION")]
    pub session: u64,
    #[command(flatten)]
    pub form: Form,
    /// Let the player fetch pictures, fonts and style sheets from the recorded site. Without it, it asks nobody for anything.
    #[arg(long, requires = "rrweb")]
    pub assets: bool,
    /// The largest batch to inflate.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>)]
    pub inflated_max: usize,
}

/// Runs the command.
pub fn run(args: &ExportArgs, data: &Path) -> Result<ExitCode, CliError> {
    let raw = args.form.raw.as_deref();
    let collected = collect::collect(args.session, data, args.inflated_max, raw)?;
    if collected.records == 0 {
        let session = args.session;
        return Err(CliError::Other(format!(
            "session {session} is not in this log; `takeup sessions` lists those that are"
        )));
    }
    let mut out = Out::stdout();
    if args.form.rrweb {
        rrweb(collected, args.assets, &mut out)?;
    } else if let Some(form) = args.form.timeline {
        timeline::write(collected, form, &mut out)?;
    } else if let Some(folder) = &args.form.images {
        images(&collected, folder, &mut out)?;
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the events as they become known: a session of any length needs no more memory than its largest page.
fn rrweb(collected: Collected, assets: bool, out: &mut Out) -> Result<(), CliError> {
    let assets = if assets { Assets::Fetched } else { Assets::Withheld };
    let mut converter = Converter::new(Options { assets, ..Options::default() });
    let Collected { batches, pictures, .. } = collected;
    let (mut pictures, file) = (pictures.peekable(), batches.file().map_err(CliError::Temporary)?);
    let mut ordered = batches.in_order();
    let mut failure = None;
    let mut first = true;
    out.bytes(b"[")?;
    let mut sink = |event| {
        if failure.is_none() {
            let comma = if std::mem::take(&mut first) { &b"\n"[..] } else { b",\n" };
            failure = out.bytes(comma).and_then(|()| out.value(&event)).err();
        }
    };
    while let Some(told) = ordered.next_told().map_err(CliError::Temporary)? {
        while let Some(picture) = pictures.next_if(|picture| picture.at_ms <= told.at_ms) {
            let bytes = picture.read(&file).map_err(CliError::Temporary)?;
            converter.picture(&picture.canvas, picture.at_ms, &bytes, &mut sink);
        }
        converter.tell(&told, &mut sink);
    }
    converter.flush(&mut sink);
    if let Some(error) = failure {
        return Err(error);
    }
    out.bytes(b"\n]\n")?;
    tell(converter.left_out(), ordered.faults());
    Ok(())
}

/// Tells on stderr what the events do not show.
fn tell(left_out: LeftOut, faults: u64) {
    let LeftOut { unknown, no_tree, full, gaps } = left_out;
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
}

/// Writes each picture into a file of its own, and its name to stdout.
fn images(collected: &Collected, folder: &Path, out: &mut Out) -> Result<(), CliError> {
    collect::make(folder)?;
    let file = collected.batches.file().map_err(CliError::Temporary)?;
    for (number, picture) in collected.pictures.clone().enumerate() {
        let bytes = picture.read(&file).map_err(CliError::Temporary)?;
        // Made of numbers alone: what a client calls a stream never becomes a name.
        let name = format!("{:06}-{}.{}", number + 1, picture.at_ms, Picture::extension(&bytes));
        collect::write_new(folder, &name, &bytes)?;
        out.line(&name)?;
    }
    Ok(())
}
