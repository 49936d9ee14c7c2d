//! A file's bytes, before they are compressed.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

/// Bytes that are collected in a file.
#[derive(Debug)]
pub struct Spool {
    file: BufWriter<File>,
    length: u64,
}

impl Spool {
    /// Collects in an empty file.
    pub fn new(file: File) -> Spool {
        Spool { file: BufWriter::new(file), length: 0 }
    }

    /// Appends.
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The file, to be read from its beginning.
    pub fn read(self) -> io::Result<File> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }
}
