//! What the log, or an archive, has of one session, for the command.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::vec;

use crate::export::order::Batches;
use crate::log::format::record::Record;
use crate::records::SessionRow;
use crate::sessions::collect::{Collector, Witness};

use crate::cli::error::CliError;
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

/// What there is of a session. With `raw`, each batch is also written into a file in that folder.
pub fn collect(args: &ExportArgs, data: &Path, raw: Option<&Path>) -> Result<Collected, CliError> {
    let mut batches = Batches::new(temporary()?);
    let mut collector = Collector::new(args.inflated_max);
    let mut raw = Raw { folder: raw, files: 0 };
    source::records(args.session, &args.source, data, &mut |record| collector.add(record, &mut batches, &mut raw))?;
    let (is_of_phone, pictures) = (collector.is_of_phone(), collector.take_pictures().into_iter());
    let (start, project) = (collector.start().cloned(), collector.project());
    Ok(Collected { start, project, is_of_phone, batches, pictures })
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
