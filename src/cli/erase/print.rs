//! The receipt for people, and how far the erasure is.

use std::io::{self, IsTerminal, Write};

use crate::cli::error::CliError;
use crate::cli::output::{Align, Out, Table, bytes, counted, plain, thousands};
use crate::erase::{Receipt, Stage};

/// How many ids and places are shown; the JSON has more.
const SHOWN_MAX: usize = 20;

/// A line on a terminal that says how far it is.
pub(super) struct Progress {
    shown: bool,
    wrote: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { shown: io::stderr().is_terminal(), wrote: false }
    }

    pub(super) fn tell(&mut self, stage: Stage) {
        if !self.shown {
            return;
        }
        let text = match stage {
            Stage::Sealing => "the server seals what is open".to_owned(),
            Stage::Searching => "looking for the sessions".to_owned(),
            Stage::ArchiveSearch(done, all) => {
                format!("looking for the sessions: {done} of {all} files of the archive")
            }
            Stage::Log(done, all) => format!("log: {done} of {all} segments"),
            Stage::Archive => "archive".to_owned(),
            Stage::Copies(done, all) => format!("object store: {done} of {all} copies of segments"),
            Stage::ArchiveCopy => "object store: the archive's copy".to_owned(),
        };
        self.wrote = write!(io::stderr(), "\r\x1b[K{text}").and_then(|()| io::stderr().flush()).is_ok();
    }

    pub(super) fn finish(&mut self) {
        if self.wrote {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Prints a receipt.
pub(super) fn receipt(receipt: &Receipt, out: &mut Out) -> Result<(), CliError> {
    let did = if receipt.dry_run { "would be erased" } else { "erased" };
    out.line(&format!("{} {did}; receipt {}", counted(receipt.sessions, "session"), receipt.receipt))?;
    if let Some(resumed) = &receipt.resumed {
        out.line(&format!("an erasure that was not finished ({resumed}) is finished by this one"))?;
    }
    ids("sessions", &receipt.session_ids, receipt.sessions, out)?;
    let search = &receipt.search;
    out.line(&format!(
        "found: {} named, {} by start, {} by message, {} by project, {} in the archive alone",
        thousands(search.named),
        thousands(search.by_start),
        thousands(search.by_message),
        thousands(search.by_project),
        thousands(search.by_archive),
    ))?;
    if search.unreadable_batches > 0 {
        let count = counted(search.unreadable_batches, "batch that does");
        out.line(&format!("{count} not inflate could not be searched for the user"))?;
    }
    let mut table = Table::new(&[
        ("PLACE", Align::Left),
        ("FILES", Align::Right),
        ("CHANGED", Align::Right),
        ("RECORDS", Align::Right),
        ("BYTES", Align::Right),
    ]);
    for place in &receipt.places {
        table.row(vec![
            place.place.clone(),
            thousands(place.files),
            thousands(place.files_changed),
            thousands(place.records),
            bytes(place.bytes),
        ]);
    }
    table.print(out)?;
    for destination in &receipt.destinations {
        let records = thousands(destination.records);
        let more = if destination.may_follow { "; it may deliver more of them" } else { "" };
        let name = plain(&destination.name, 100);
        out.line(&format!("{name} had read {} of the records ({records}){more}", destination.told))?;
    }
    ids("sent something within the last 15 minutes, and may go on:", &receipt.recent_session_ids, 0, out)?;
    for missed in receipt.not_reached.iter().take(SHOWN_MAX) {
        let at = missed.offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
        let size = missed.bytes.map(|size| format!(" ({})", bytes(size))).unwrap_or_default();
        let line = format!("not reached: {}{at}{size}: {}", missed.path, missed.reason);
        out.line(&out.red(&plain(&line, 600)))?;
    }
    let shown = receipt.not_reached.len().min(SHOWN_MAX) as u64;
    if receipt.not_reached_count > shown {
        let more = thousands(receipt.not_reached_count - shown);
        out.line(&out.red(&format!("not reached: {more} more; the JSON receipt names the first 10,000")))?;
    }
    Ok(())
}

fn ids(what: &str, ids: &[String], count: u64, out: &mut Out) -> Result<(), CliError> {
    if ids.is_empty() {
        return Ok(());
    }
    let shown = ids.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(" ");
    let more = (ids.len() as u64).max(count) - ids.len().min(SHOWN_MAX) as u64;
    let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
    out.line(&format!("{what} {shown}{more}"))
}
