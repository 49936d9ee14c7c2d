//! The batches of records, inflated.

use std::fs::File;

use crate::checker::BodyReader;
use crate::log::format::record::Record;
use crate::tracker::split_parts;

use crate::cli::error::CliError;
use crate::cli::output::{plain, warn};

/// Reads the bodies of records.
pub struct Bodies {
    reader: BodyReader,
    inflated_max: usize,
}

/// What one request has sent: a batch, or two.
pub struct Body<'a> {
    parts: [Option<&'a [u8]>; 2],
}

impl Bodies {
    /// Inflates up to so many bytes each.
    pub fn new(inflated_max: usize) -> Bodies {
        Bodies { reader: BodyReader::default(), inflated_max }
    }

    /// The body of a record. `None`: it does not inflate, which is told on stderr.
    pub fn read<'a>(&'a mut self, record: &Record<'a>) -> Option<Body<'a>> {
        let told = |why: String| warn(&format!("record {}: {}", record.id, plain(&why, 200)));
        let bytes = match self.reader.plain(record, self.inflated_max) {
            Ok(bytes) => bytes,
            Err(error) => {
                told(error.to_string());
                return None;
            }
        };
        let split = (record.split != 0).then_some(record.split as usize);
        let (first, second) = match split_parts(bytes, split) {
            Ok(parts) => parts,
            Err(fault) => {
                told(fault.to_string());
                (bytes, None)
            }
        };
        Some(Body { parts: [Some(first), second] })
    }
}

impl<'a> Body<'a> {
    /// The batches in it.
    pub fn batches(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.parts.into_iter().flatten()
    }
}

/// A file without a name, for what may be larger than the memory.
pub fn temporary() -> Result<File, CliError> {
    tempfile::tempfile().map_err(|error| {
        let folder = std::env::temp_dir();
        CliError::Other(format!(
            "cannot make a file in {}: {error}; set TMPDIR to a folder with room",
            folder.display()
        ))
    })
}
