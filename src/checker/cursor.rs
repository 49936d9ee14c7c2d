//! The place that the checker has reached, kept over restarts.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::log::LogError;
use crate::log::merge::{Merge, MergePosition, Place};
use crate::log::reader::LogReader;

use super::from_start;

/// Where it is kept. Losing it costs a second look at some batches and nothing else, so it is not synced.
pub struct Cursor {
    path: PathBuf,
}

impl Cursor {
    /// The cursor in a data folder.
    pub fn new(data: &Path) -> Self {
        Self { path: data.join("cursors").join("checker.json") }
    }

    /// A merge that goes on where the last one was; from the log's start where there was none, or where the log is
    /// another one.
    pub fn open(&self, log_dir: &Path) -> Result<Merge, LogError> {
        let position = fs::read(&self.path).ok().and_then(|text| serde_json::from_slice::<MergePosition>(&text).ok());
        match position {
            Some(position) => Merge::resume(LogReader::open(log_dir)?, &position).or_else(|_| from_start(log_dir)),
            None => from_start(log_dir),
        }
    }

    /// A merge that begins with what comes next.
    pub fn open_at_end(&self, log_dir: &Path) -> Result<Merge, LogError> {
        let reader = LogReader::open(log_dir)?;
        let mut cores = BTreeMap::new();
        for segment in reader.segments()? {
            let place = Place { segment: segment.id, offset: segment.bytes };
            let newest = cores.entry(segment.core).or_insert(place);
            if segment.bytes > 0 && place > *newest {
                *newest = place;
            }
        }
        let position = MergePosition { log: reader.log_uuid(), cores, behind: BTreeMap::new() };
        Merge::resume(reader, &position)
    }

    /// Keeps a place. A failure only means a second look.
    pub fn keep(&self, position: &MergePosition) {
        let _ = self.replace(position);
    }

    fn replace(&self, position: &MergePosition) -> io::Result<()> {
        let text = serde_json::to_vec(position)?;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("new");
        io::Write::write_all(&mut fs::File::create(&new)?, &text)?;
        fs::rename(&new, &self.path)
    }
}
