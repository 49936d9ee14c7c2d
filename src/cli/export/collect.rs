//! What the log, or an archive, has of one session, for the command.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::vec;

use crate::export::order::Batches;
use crate::log::format::record::Record;
use crate::records::SessionRow;
use crate::sessions::collect::{Collector, Witness};

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::{plain, warn};

use super::args::ExportArgs;
use super::bodies::temporary;
use super::source;

pub use crate::sessions::collect::Picture;

/// A session's batches and pictures, in a file of their own: they may be larger than the memory.
pub struct Collected {
    /// What its start request told, if that is there.
    pub start: Option<SessionRow<String>>,
    /// Its project; 0 if it is not known.
    pub project: u32,
    /// Whether a phone has sent it.
    pub is_of_phone: bool,
    /// Its batches.
    pub batches: Batches,
    /// Its pictures, by time.
    pub pictures: vec::IntoIter<Picture>,
}

/// Writes batches into a folder, and warns of what cannot be read.
struct Raw<'a> {
    folder: Option<&'a Path>,
    files: u64,
}

impl Witness for Raw<'_> {
    type Error = CliError;

    fn batch(&mut self, record: &Record<'_>, bytes: &[u8]) -> Result<(), CliError> {
        self.files += 1;
        let Some(folder) = self.folder else { return Ok(()) };
        if self.files == 1 {
            make(folder)?;
        }
        write_new(folder, &format!("{:06}-{}.batch", self.files, record.id.offset), bytes)
    }

    fn left_out(&mut self, record: &Record<'_>, why: &str) {
        warn(&format!("record {}: {}", record.id, plain(why, 200)));
    }

    fn failed(error: io::Error) -> CliError {
        CliError::Temporary(error)
    }
}

/// A session while its records are read.
struct Collecting {
    batches: Batches,
    collector: Collector,
}

impl Collecting {
    fn new(inflated_max: usize) -> Result<Collecting, CliError> {
        Ok(Collecting { batches: Batches::new(temporary()?), collector: Collector::new(inflated_max) })
    }

    fn add(&mut self, record: &Record<'_>, raw: &mut Raw<'_>) -> Result<(), CliError> {
        self.collector.add(record, &mut self.batches, raw)
    }

    fn finish(self) -> Collected {
        let Collecting { batches, mut collector } = self;
        let (is_of_phone, pictures) = (collector.is_of_phone(), collector.take_pictures().into_iter());
        let (start, project) = (collector.start().cloned(), collector.project());
        Collected { start, project, is_of_phone, batches, pictures }
    }
}

/// What there is of a session. With `raw`, each batch is also written into a file in that folder.
pub fn collect(args: &ExportArgs, data: &Path, raw: Option<&Path>) -> Result<Collected, CliError> {
    let mut collecting = Collecting::new(args.inflated_max)?;
    let mut raw = Raw { folder: raw, files: 0 };
    source::records(args.session, &args.source, data, &mut |record| collecting.add(record, &mut raw))?;
    Ok(collecting.finish())
}

/// What the log has of several sessions, in one pass and in their order. Each has a file of its own.
pub fn of_log(sessions: &[u64], inflated_max: usize, data: &Path) -> Result<Vec<Collected>, CliError> {
    let mut found: HashMap<u64, Collecting> = HashMap::new();
    for session in sessions {
        found.insert(*session, Collecting::new(inflated_max)?);
    }
    let mut raw = Raw { folder: None, files: 0 };
    let mut merge = log_folder::merge(data, false)?;
    while let Some(record) = merge.next_settled()? {
        if let Some(collecting) = found.get_mut(&record.session) {
            collecting.add(&record, &mut raw)?;
        }
    }
    log_folder::remark(&merge);
    let collected = |session: &u64| {
        let collecting = found.remove(session).filter(|collecting| collecting.collector.records() > 0);
        collecting.map(Collecting::finish).ok_or_else(|| source::not_in_log(*session))
    };
    sessions.iter().map(collected).collect()
}

/// Makes a folder for files.
pub fn make(folder: &Path) -> Result<(), CliError> {
    fs::create_dir_all(folder).map_err(|error| CliError::Other(format!("cannot make {}: {error}", folder.display())))
}

/// Writes a new file. One that is there is never overwritten.
pub fn write_new(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CliError> {
    let path = folder.join(name);
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| CliError::Other(format!("cannot write {}: {error}", path.display())))
}
