//! The list of broken batches: an NDJSON file of bounded size, with the older half in a second file.
//!
//! The checker appends to the file that has the list's name, under a shared lock. Who takes lines out ([`edit`]) puts another file in its place under
//! the exclusive lock of the old one, so no line is lost and none is added to a file that is gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use crate::log::disk::owner;
use crate::log::format::record::Record;

use super::body::BodyFault;

/// The list's name in the data folder.
pub const FILE: &str = "broken.ndjson";

/// At this size the file is renamed to `broken.ndjson.1`, and a new one begins.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Appends to the list.
pub struct BrokenList {
    path: PathBuf,
    file: Option<(File, u64)>,
    bytes_max: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    received_us: u64,
    session_id: String,
    project_id: u32,
    bytes: usize,
    fault: &'a str,
}

impl BrokenList {
    /// The list at `path`. The file is created with the first entry.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, bytes_max: BYTES_MAX }
    }

    /// Adds a batch.
    pub fn add(&mut self, record: &Record<'_>, fault: &BodyFault) -> io::Result<()> {
        let line = Line {
            id: record.id.to_string(),
            received_us: record.order_us,
            session_id: record.session.to_string(),
            project_id: record.project,
            bytes: record.payload.len(),
            fault: &fault.to_string(),
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        self.append(&line)
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.file.as_ref().is_some_and(|(_, bytes)| bytes + line.len() as u64 > self.bytes_max) {
            self.file = None;
            fs::rename(&self.path, self.path.with_extension("ndjson.1"))?;
        }
        loop {
            let (file, bytes) = match &mut self.file {
                Some(open) => open,
                None => {
                    let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                    let bytes = file.metadata()?.len();
                    self.file.insert((file, bytes))
                }
            };
            flock(&*file, FlockOperation::LockShared)?;
            if file.metadata()?.nlink() == 0 {
                // Lines were taken out of the list, which is another file now.
                self.file = None;
                continue;
            }
            let written = file.write_all(line);
            flock(&*file, FlockOperation::Unlock)?;
            *bytes += line.len() as u64;
            return written;
        }
    }
}

/// The list's files in a data folder, whether or not they are there.
pub fn paths(data: &Path) -> [PathBuf; 2] {
    let newer = data.join(FILE);
    let older = newer.with_extension("ndjson.1");
    [newer, older]
}

/// Takes the lines out that `keep`, which is given each without its line break, does not keep. The file is replaced as a whole, unless all are kept
/// or it is only a `dry_run`. False if there is no such file.
///
/// # Errors
/// It can't be read or replaced.
pub fn edit(path: &Path, dry_run: bool, mut keep: impl FnMut(&[u8]) -> bool) -> io::Result<bool> {
    let file = loop {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        flock(&file, FlockOperation::LockExclusive)?;
        // The checker may have given it the older one's name meanwhile.
        let named = fs::metadata(path).ok().map(|meta| meta.ino());
        if named == Some(file.metadata()?.ino()) {
            break file;
        }
    };
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".tmp");
    let fresh = PathBuf::from(fresh);
    let mut rewrite = || {
        let made = OpenOptions::new().write(true).create(true).truncate(true).open(&fresh)?;
        made.set_permissions(file.metadata()?.permissions())?;
        owner::of_folder(&made, &fresh);
        let (mut reader, mut out, mut line, mut removed) = (BufReader::new(&file), BufWriter::new(made), Vec::new(), 0);
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if keep(line.strip_suffix(b"\n").unwrap_or(&line)) {
                out.write_all(&line)?;
            } else {
                removed += 1;
            }
        }
        let made = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if removed == 0 || dry_run {
            return fs::remove_file(&fresh);
        }
        made.sync_all()?;
        fs::rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    let rewritten = rewrite();
    if rewritten.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    rewritten.map(|()| true)
}

#[cfg(test)]
mod tests;
