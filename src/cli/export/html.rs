//! `--html`: a session as one file that plays it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::assets::{Embedded, Store};
use crate::export::order::Told;
use crate::export::timeline::Timeline;
use crate::player::{Contained, is_embedded};
use crate::records::SessionRow;

use crate::cli::error::CliError;
use crate::cli::events::offset_text;
use crate::cli::output::{Out, bytes, counted, plain, warn, write_json};

use super::args::ExportArgs;
use super::collect::Collected;
use super::convert::{convert, options};

/// The longest text of a line of the timeline.
const TEXT_MAX: usize = 300;

/// What a file has of kept style sheets, pictures and fonts at most.
const ASSETS_BYTES_MAX: u64 = 32 << 20;

/// Says how to get a build that can make such files, if this one cannot.
pub fn is_possible() -> Result<(), CliError> {
    match is_embedded() {
        true => Ok(()),
        false => Err(CliError::Other(
            "this build does not have the library that plays sessions, and without it the file would need a network: \
             run scripts/player in takeup's sources, which needs npm, build takeup again, and then export"
                .to_owned(),
        )),
    }
}

/// Writes the file: the events as they become known, and the timeline, which is kept in a temporary file until they are written.
pub fn write(collected: Collected, args: &ExportArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let mut facts = facts(args.session, collected.start.as_ref());
    facts["tab"] = json!(args.tab);
    let Some(page) = Contained::begin(Output(out), &facts) else { return is_possible() };
    let mut page = page.map_err(CliError::Output)?;
    let mut lines = Lines::new()?;
    let embedded = Embedded::new(Store::in_data(data), collected.project, ASSETS_BYTES_MAX)?;
    let mut json = Vec::new();
    convert(collected, options(args, embedded.assets()), &mut |told| lines.add(told), &mut |event| {
        while let Some(asset) = embedded.take()? {
            page.asset(&asset).map_err(CliError::Output)?;
        }
        json.clear();
        write_json(&mut json, &event)?;
        page.event(&String::from_utf8_lossy(&json)).map_err(CliError::Output)
    })?;
    page.end(lines.read()?).map_err(CliError::Output)?;
    if embedded.passed() > 0 {
        let text = counted(embedded.passed(), "asset");
        warn(&format!("{text} left out: a file has at most {} of them", bytes(ASSETS_BYTES_MAX)));
    }
    Ok(())
}

/// What is known of the session, by the names that the page knows.
fn facts(session: u64, start: Option<&SessionRow<String>>) -> Json {
    let mut facts = json!({ "session": session.to_string(), "live": false });
    if let Some(start) = start {
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let versioned = |name: &str, version: &str| known(format!("{name} {version}").trim());
        facts["project"] = json!(start.project_id);
        facts["user"] = json!(known(&start.user_id));
        facts["browser"] = json!(versioned(&start.browser, &start.browser_version));
        facts["os"] = json!(versioned(&start.os, &start.os_version));
        facts["device"] = json!(known(&start.device));
        facts["country"] = json!(known(&start.country));
        facts["started_ms"] = json!(start.started_ms);
        facts["tracker"] = json!(known(&start.tracker_version));
    }
    facts
}

/// The timeline as text, in a file without a name.
struct Lines {
    file: BufWriter<File>,
    timeline: Timeline,
    began_ms: Option<i64>,
}

impl Lines {
    fn new() -> Result<Lines, CliError> {
        let file = tempfile::tempfile().map_err(CliError::Temporary)?;
        Ok(Lines { file: BufWriter::new(file), timeline: Timeline::default(), began_ms: None })
    }

    fn add(&mut self, told: &Told) -> Result<(), CliError> {
        let began_ms = *self.began_ms.get_or_insert(told.at_ms);
        let Some(line) = self.timeline.line(told) else { return Ok(()) };
        let offset = offset_text(told.at_ms.saturating_sub(began_ms));
        writeln!(self.file, "{offset} {}: {}", line.kind, plain(&line.text, TEXT_MAX)).map_err(CliError::Temporary)
    }

    fn read(self) -> Result<impl Iterator<Item = io::Result<String>>, CliError> {
        let mut file = self.file.into_inner().map_err(|error| CliError::Temporary(error.into_error()))?;
        file.rewind().map_err(CliError::Temporary)?;
        Ok(BufReader::new(file).lines())
    }
}

/// The command's output as a writer.
struct Output<'a>(&'a mut Out);

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.bytes(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(CliError::Output(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
