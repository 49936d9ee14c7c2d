//! Collects what the log has of one session.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::vec;

use crate::checker::{BodyReader, version_of};
use crate::export::order::Batches;
use crate::log::format::record::{Kind, Record};
use crate::records::frames::{FRAME_HEAD_BYTES, Frames, frame_head};
use crate::records::{Content, Images};
use crate::tracker::{Era, split_parts};

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::{plain, warn};

/// A session's batches and pictures, in a file of their own: they may be larger than the memory.
pub struct Collected {
    /// How many records of it there are.
    pub records: u64,
    /// Its batches.
    pub batches: Batches,
    /// Its pictures, by time.
    pub pictures: vec::IntoIter<Picture>,
}

/// A picture in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// When it was taken: client time in Unix ms.
    pub at_ms: i64,
    /// The canvas: when it was first seen, `_`, and its node. Empty for a phone's screen.
    pub canvas: String,
    offset: u64,
    length: usize,
}

impl Picture {
    /// Its bytes.
    pub fn read(&self, file: &File) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        file.read_exact_at(&mut bytes, self.offset)?;
        Ok(bytes)
    }

    /// How files of this kind of picture are called.
    pub fn extension(bytes: &[u8]) -> &'static str {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => "jpeg",
            [0x89, b'P', b'N', b'G', ..] => "png",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
            _ => "bin",
        }
    }
}

struct Collector<'a> {
    collected: Collected,
    pictures: Vec<Picture>,
    era: Era,
    bodies: BodyReader,
    inflated_max: usize,
    raw: Option<&'a Path>,
    files: u64,
}

/// What the log in `data` has of a session. With `raw`, each batch is also written into a file in that folder.
pub fn collect(session: u64, data: &Path, inflated_max: usize, raw: Option<&Path>) -> Result<Collected, CliError> {
    let mut merge = log_folder::merge(data, false)?;
    raw.map_or(Ok(()), make)?;
    let file = tempfile::tempfile().map_err(|error| {
        let folder = std::env::temp_dir();
        CliError::Other(format!(
            "cannot make a file in {}: {error}; set TMPDIR to a folder with room",
            folder.display()
        ))
    })?;
    let collected = Collected { records: 0, batches: Batches::new(file), pictures: Vec::new().into_iter() };
    let mut collector = Collector {
        collected,
        pictures: Vec::new(),
        era: Era::default(),
        bodies: BodyReader::default(),
        inflated_max,
        raw,
        files: 0,
    };
    while let Some(record) = merge.next_settled()? {
        if record.session == session {
            collector.record(&record)?;
        }
    }
    log_folder::remark(&merge);
    collector.pictures.sort_by_key(|picture| picture.at_ms);
    Ok(Collected { pictures: collector.pictures.into_iter(), ..collector.collected })
}

impl Collector<'_> {
    fn record(&mut self, record: &Record<'_>) -> Result<(), CliError> {
        self.collected.records += 1;
        if let Some(version) = version_of(record) {
            self.era = Era::of_tracker(&version);
        }
        match Content::of(record) {
            Content::Images(images) => self.images(&images),
            _ if record.kind == Kind::Batch => self.batch(record),
            _ => Ok(()),
        }
    }

    fn batch(&mut self, record: &Record<'_>) -> Result<(), CliError> {
        // Taken out so that the batch can be borrowed; put back for the next record.
        let mut bodies = std::mem::take(&mut self.bodies);
        let done = match bodies.plain(record, self.inflated_max) {
            Ok(bytes) => self.body(record, bytes),
            Err(error) => {
                self.left_out(record, &error.to_string());
                Ok(())
            }
        };
        self.bodies = bodies;
        done
    }

    fn body(&mut self, record: &Record<'_>, bytes: &[u8]) -> Result<(), CliError> {
        self.files += 1;
        if let Some(folder) = self.raw {
            write_new(folder, &format!("{:06}-{}.batch", self.files, record.id.offset), bytes)?;
        }
        let split = (record.split != 0).then_some(record.split as usize);
        let (first, second) = match split_parts(bytes, split) {
            Ok(parts) => parts,
            Err(fault) => {
                self.left_out(record, &fault.to_string());
                (bytes, None)
            }
        };
        let number = record.label.map(|label| label.number);
        for part in [Some(first), second].into_iter().flatten() {
            self.collected.batches.add(part, self.era, number).map_err(CliError::Temporary)?;
        }
        Ok(())
    }

    /// Streams and files are named `<when the canvas was first seen>_<its node>`, the files of old trackers `_<time of the picture>` besides.
    fn images(&mut self, images: &Images<'_>) -> Result<(), CliError> {
        let name = String::from_utf8_lossy(images.name);
        let stem = name.split('.').next().unwrap_or_default();
        let mut parts = stem.split('_');
        let canvas = match (parts.next(), parts.next()) {
            (Some(began), Some(node)) => format!("{began}_{node}"),
            _ => String::new(),
        };
        for frame in Frames::new(images.payload) {
            let Some((head, picture)) = frame.split_first_chunk::<FRAME_HEAD_BYTES>() else { continue };
            let (at_ms, _) = frame_head(*head);
            let offset = self.collected.batches.keep(picture).map_err(CliError::Temporary)?;
            let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
            self.pictures.push(Picture { at_ms, canvas: canvas.clone(), offset, length: picture.len() });
        }
        Ok(())
    }

    fn left_out(&self, record: &Record<'_>, why: &str) {
        warn(&format!("record {}: {}", record.id, plain(why, 200)));
    }
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
