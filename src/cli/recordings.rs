//! `takeup recordings`: lists the usability-test recordings that browsers uploaded to the log, or writes them out.
//!
//! A recording consists of many records. They are assembled in one pass; with `--out`, each part is written to its place as it is read, so
//! that no recording has to fit into memory. A file's name is built from the session and the time, never from anything that a client sent.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::records::RecordingPart;

use super::error::CliError;
use super::log_folder;
use super::output::{Align, Out, Table, bytes, thousands, time_us};

/// The options of `takeup recordings`.
#[derive(Debug, Clone, Default, Args)]
pub struct RecordingsArgs {
    /// Only recordings of this session.
    #[arg(long, value_name = "ID")]
    pub session: Option<u64>,
    /// Write each recording to a new file in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print NDJSON: session_id, project_id, began_ms, bytes, complete, file.
    #[arg(long)]
    pub json: bool,
}

/// The most recordings handled in one pass.
const RECORDINGS_MAX: usize = 1_000_000;

/// The most files held open at a time, for parts that are interleaved.
const FILES_MAX: usize = 64;

/// A recording, as far as its parts have been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Recording {
    /// As text: JavaScript numbers can't hold it.
    session_id: String,
    project_id: u32,
    began_ms: u64,
    bytes: u64,
    /// Whether all parts have been found, up to the last.
    complete: bool,
    file: Option<String>,
    #[serde(skip)]
    whole: bool,
}

/// Identifies an upload: when it began, its session, and the core that took it.
type Key = (u64, u64, u16);

/// Recordings as they are found in one pass over the log.
#[derive(Default)]
struct Collector {
    recordings: BTreeMap<Key, Recording>,
    out: Option<Folder>,
}

impl Collector {
    fn add(&mut self, core: u16, part: &RecordingPart<'_>) -> Result<(), CliError> {
        let key = (part.began_ms, part.session.0, core);
        if self.recordings.len() >= RECORDINGS_MAX && !self.recordings.contains_key(&key) {
            let limit = thousands(RECORDINGS_MAX as u64);
            return Err(CliError::Other(format!("more than {limit} recordings; narrow the list with --session")));
        }
        let recording = self.recordings.entry(key).or_insert_with(|| Recording {
            session_id: part.session.to_string(),
            project_id: part.project,
            began_ms: part.began_ms,
            bytes: 0,
            complete: false,
            file: None,
            whole: true,
        });
        // A part that does not follow the previous one shows that a part in between is missing.
        recording.whole &= part.offset == recording.bytes;
        recording.bytes = part.offset + part.piece.len() as u64;
        recording.complete = recording.whole && part.piece.is_empty();
        if let Some(folder) = &mut self.out {
            let name = match &recording.file {
                Some(name) => name.clone(),
                None => folder.new_file(part.session.0, part.began_ms)?,
            };
            folder.write(&name, part.piece, part.offset)?;
            recording.file = Some(name);
        }
        Ok(())
    }
}

/// The output folder for recordings.
struct Folder {
    path: PathBuf,
    names: HashSet<String>,
    open: Vec<(String, File)>,
}

impl Folder {
    fn make(path: &Path) -> Result<Self, CliError> {
        fs::create_dir_all(path)
            .map_err(|error| CliError::Other(format!("cannot make {}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), names: HashSet::new(), open: Vec::new() })
    }

    /// Creates an empty file for a recording. An existing file is never overwritten.
    fn new_file(&mut self, session: u64, began_ms: u64) -> Result<String, CliError> {
        let time = i64::try_from(began_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let time = time.map_or_else(|| began_ms.to_string(), |time| time.strftime("%Y%m%dT%H%M%S%.3fZ").to_string());
        let mut name = format!("{session}-{time}.webm");
        let mut count = 1;
        while self.names.contains(&name) {
            count += 1;
            name = format!("{session}-{time}-{count}.webm");
        }
        let file = OpenOptions::new().write(true).create_new(true).open(self.path.join(&name));
        let file = file.map_err(|error| self.fault("make", &name, &error))?;
        self.names.insert(name.clone());
        self.keep(name.clone(), file);
        Ok(name)
    }

    fn write(&mut self, name: &str, part: &[u8], offset: u64) -> Result<(), CliError> {
        if !self.open.iter().any(|(open, _)| open == name) {
            let file = OpenOptions::new().write(true).open(self.path.join(name));
            let file = file.map_err(|error| self.fault("open", name, &error))?;
            self.keep(name.to_owned(), file);
        }
        let file = self.open.iter().find(|(open, _)| open == name).map(|(_, file)| file);
        let written = file.map_or(Ok(()), |file| file.write_all_at(part, offset));
        written.map_err(|error| self.fault("write", name, &error))
    }

    fn keep(&mut self, name: String, file: File) {
        if self.open.len() == FILES_MAX {
            self.open.remove(0);
        }
        self.open.push((name, file));
    }

    fn fault(&self, what: &str, name: &str, error: &std::io::Error) -> CliError {
        CliError::Other(format!("cannot {what} {}: {error}", self.path.join(name).display()))
    }
}

/// Runs the command.
pub fn run(args: &RecordingsArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    list(args, data, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the recordings in the log in `data`, in the order in which they began, and writes them out if requested.
pub(super) fn list(args: &RecordingsArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let mut merge = log_folder::merge(data, false)?;
    let mut collector = Collector { out: args.out.as_deref().map(Folder::make).transpose()?, ..Collector::default() };
    while let Some(record) = merge.next_settled()? {
        if let Some(part) = RecordingPart::read(&record)
            && args.session.is_none_or(|session| session == part.session.0)
        {
            collector.add(record.id.core, &part)?;
        }
    }
    log_folder::remark(&merge);
    let recordings: Vec<Recording> = collector.recordings.into_values().collect();
    print(&recordings, args.json, out)
}

fn print(recordings: &[Recording], json: bool, out: &mut Out) -> Result<(), CliError> {
    if json {
        return recordings.iter().try_for_each(|recording| out.json(recording));
    }
    use Align::{Left, Right};
    let columns =
        [("SESSION", Right), ("PROJECT", Right), ("BEGAN", Left), ("BYTES", Right), ("STATE", Left), ("FILE", Left)];
    let mut table = Table::new(&columns);
    for recording in recordings {
        table.row(vec![
            recording.session_id.clone(),
            if recording.project_id == 0 { "-".to_owned() } else { recording.project_id.to_string() },
            time_us(recording.began_ms * 1000),
            bytes(recording.bytes),
            if recording.complete { "complete" } else { "incomplete" }.to_owned(),
            recording.file.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.print(out)
}
