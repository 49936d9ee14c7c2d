//! The list of broken batches: an NDJSON file of bounded size, with the older half in a second file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

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
        let (file, bytes) = match &mut self.file {
            Some(open) => open,
            None => {
                let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                let bytes = file.metadata()?.len();
                self.file.insert((file, bytes))
            }
        };
        file.write_all(line)?;
        *bytes += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
