//! The folder that files are written into.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cli::error::CliError;
use crate::cli::output::{Out, bytes};

/// The fastest level, which OpenReplay takes.
const ZSTD_LEVEL: i32 = 1;

/// The folder that files are written into.
pub struct Target<'a> {
    pub folder: PathBuf,
    pub out: &'a mut Out,
}

impl Target<'_> {
    pub fn zstd(&mut self, name: &str, from: &mut dyn Read) -> Result<(), CliError> {
        self.create(name, |file| {
            let mut encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?;
            let bytes = io::copy(from, &mut encoder)?;
            encoder.finish()?;
            Ok(bytes)
        })
    }

    pub fn gzip(&mut self, name: &str, from: &mut dyn Read) -> Result<(), CliError> {
        self.create(name, |file| {
            let mut encoder = GzEncoder::new(file, Compression::default());
            let bytes = io::copy(from, &mut encoder)?;
            encoder.finish()?;
            Ok(bytes)
        })
    }

    /// Makes a file; one that is there is never overwritten. `fill` tells how many bytes it put in before they were compressed.
    pub fn create(&mut self, name: &str, fill: impl FnOnce(&mut dyn Write) -> io::Result<u64>) -> Result<(), CliError> {
        let path = self.folder.join(name);
        let file: io::Result<File> = OpenOptions::new().write(true).create_new(true).open(&path);
        let filled = file.and_then(|mut file| fill(&mut file));
        let filled = filled.map_err(|error| CliError::Other(format!("cannot write {}: {error}", path.display())))?;
        self.out.line(&format!("{} ({})", path.display(), bytes(filled)))
    }
}
