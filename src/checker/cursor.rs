//! The place that the checker has reached, kept over restarts.
//!
//! The checker is a consumer that does not hold: what it has not seen goes with the rest. Its place is worth a second look at some batches and
//! nothing else, so where it can't be believed, the checker decides for itself and begins anew from the start of the log.

use std::path::{Path, PathBuf};

use crate::log::LogError;
use crate::log::cursor::{ConsumerName, Cursor as Kept, Cursors, From, position_at};
use crate::log::read::merge::{Merge, MergePosition};
use crate::log::read::reader::LogReader;

use super::from_start;

/// The consumer's name.
const NAME: &str = "checker";

/// Where it is kept.
pub struct Cursor {
    log_dir: PathBuf,
    name: ConsumerName,
}

impl Cursor {
    /// The cursor in a data folder.
    pub fn new(data: &Path) -> Self {
        Self { log_dir: data.join("log"), name: NAME.parse().expect("a name of its own making is a good one") }
    }

    /// A merge that goes on where the last one was; from the log's start where there was none, or where it can't be believed.
    pub fn open(&self) -> Result<Merge, LogError> {
        let reader = LogReader::open(&self.log_dir)?;
        match Cursors::of(&reader).read(&self.name) {
            Ok(Some(cursor)) => Merge::resume(reader, &cursor.position),
            _ => from_start(&self.log_dir),
        }
    }

    /// A merge that begins with what comes next.
    pub fn open_at_end(&self) -> Result<Merge, LogError> {
        let reader = LogReader::open(&self.log_dir)?;
        let position = position_at(&reader, From::End)?;
        Merge::resume(reader, &position)
    }

    /// Keeps a place. A failure only means a second look.
    pub fn keep(&self, position: &MergePosition) {
        let _ = self.try_keep(position);
    }

    fn try_keep(&self, position: &MergePosition) -> Result<(), LogError> {
        let cursors = Cursors::beside(&self.log_dir, position.log);
        match cursors.keep(&self.name, position) {
            Ok(()) => return Ok(()),
            // Not registered yet, or no longer; it costs nobody a segment.
            Err(LogError::Consumer { .. }) => {}
            // Nobody's place but the checker's own, which would hold everything.
            Err(LogError::Cursor { .. }) => drop(cursors.remove(&self.name)?),
            Err(error) => return Err(error),
        }
        cursors.register(&Kept { consumer: self.name.clone(), holds: false, position: position.clone() })
    }
}

#[cfg(test)]
mod tests {
    use crate::log::{Ack, Log, Options};

    use super::*;

    #[test]
    fn the_checker_holds_nothing_and_mends_its_own_cursor() {
        let data = tempfile::tempdir().unwrap();
        let options = Options { dir: data.path().join("log"), ack: Ack::Memory, insist: true, ..Options::default() };
        Log::open(options).unwrap().0.close().unwrap();
        let cursor = Cursor::new(data.path());
        let position = cursor.open().unwrap().position();
        let cursors = Cursors::beside(&cursor.log_dir, position.log);
        // As an earlier build kept it, torn, and missing.
        let text = serde_json::to_vec(&position).unwrap();
        for before in [Some(&text[..]), Some(&text[..7]), None] {
            std::fs::create_dir_all(data.path().join("cursors")).unwrap();
            let path = cursors.path(&cursor.name);
            match before {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            assert!(cursor.open().is_ok());
            cursor.keep(&position);
            let kept = cursors.read(&cursor.name).unwrap().unwrap();
            assert_eq!((kept.holds, kept.position), (false, position.clone()));
        }
    }
}
