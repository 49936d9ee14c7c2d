//! The pictures of canvases and of a phone's screen, in a file for each stream.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::cli::error::CliError;
use crate::cli::output::warn;
use crate::records::frames::{FRAME_HEAD_BYTES, Frames, frame_head};
use crate::records::{Images, Source, Stream};

use crate::cli::export::args::Release;

use super::target::Target;

/// The longest number of a canvas in a name.
const ID_BYTES_MAX: usize = 64;

/// How a stream is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// A phone's screen.
    Screen,
    /// A canvas: when it was first seen, `_`, its number; and the ending of its pictures.
    Canvas(String, String),
}

/// Frames in the temporary file, one after the other.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: usize,
}

/// Collects them.
pub struct Pictures {
    release: Release,
    file: File,
    length: u64,
    streams: BTreeMap<Name, Vec<Place>>,
    unnamed: u64,
}

impl Pictures {
    /// Collects in an empty file.
    pub fn new(release: Release, file: File) -> Pictures {
        Pictures { release, file, length: 0, streams: BTreeMap::new(), unnamed: 0 }
    }

    /// Adds the frames of a record.
    pub fn add(&mut self, images: &Images<'_>) -> Result<(), CliError> {
        if images.stream == Stream::BrokenEnd {
            return Ok(());
        }
        let Some(name) = Name::of(images) else {
            self.unnamed += 1;
            return Ok(());
        };
        self.file.write_all_at(images.payload, self.length).map_err(CliError::Temporary)?;
        let place = Place { offset: self.length, length: images.payload.len() };
        self.length += images.payload.len() as u64;
        self.streams.entry(name).or_default().push(place);
        Ok(())
    }

    /// Writes the files.
    pub fn write(self, to: &mut Target<'_>) -> Result<(), CliError> {
        if self.unnamed > 0 {
            warn(&format!("{} records of pictures left out: no player looks for their names", self.unnamed));
        }
        for (name, places) in &self.streams {
            let stem = match name {
                Name::Screen => "replay",
                Name::Canvas(stem, _) => stem,
            };
            let pieces = places.iter().map(|place| self.piece(*place));
            match (self.release, name) {
                (Release::July2026, Name::Screen) => to.zstd("replay.frames.zst", &mut Joined::new(pieces))?,
                (Release::July2026, Name::Canvas(_, ending)) => {
                    to.zstd(&format!("{stem}.{ending}.frames.zst"), &mut Joined::new(pieces))?;
                }
                (Release::March2024, _) => {
                    let entries = pieces.map(|piece| piece.and_then(|frames| entries(name, &frames)));
                    let end = std::iter::once(Ok(vec![0; 2 * BLOCK_BYTES]));
                    to.zstd(&format!("{stem}.tar.zst"), &mut Joined::new(entries.chain(end)))?;
                }
            }
        }
        Ok(())
    }

    fn piece(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.length];
        self.file.read_exact_at(&mut bytes, place.offset)?;
        Ok(bytes)
    }
}

impl Name {
    /// What a client calls a stream becomes a name only if it is made of digits, letters and dashes.
    fn of(images: &Images<'_>) -> Option<Name> {
        if images.source == Source::Mobile {
            return Some(Name::Screen);
        }
        let (stem, ending) = std::str::from_utf8(images.name).ok()?.split_once('.')?;
        let ending = ending.strip_suffix(".frames").unwrap_or(ending);
        let (began, id) = stem.split_once('_')?;
        let is_plain = |text: &str| {
            (1..=ID_BYTES_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_good = began.bytes().all(|byte| byte.is_ascii_digit()) && [began, id, ending].into_iter().all(is_plain);
        is_good.then(|| Name::Canvas(stem.to_owned(), ending.to_owned()))
    }

    fn of_entry(&self, at_ms: u64) -> String {
        match self {
            // Phones of that time have sent names of this form, in which only the time counts.
            Name::Screen => format!("{at_ms}_1_{at_ms}.jpeg"),
            Name::Canvas(stem, ending) => format!("{stem}_{at_ms}.{ending}"),
        }
    }
}

const BLOCK_BYTES: usize = 512;

/// The frames as entries of an archive (tar).
fn entries(name: &Name, frames: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = Vec::with_capacity(frames.len() + 4 * BLOCK_BYTES);
    for frame in Frames::new(frames) {
        let Some((head, picture)) = frame.split_first_chunk::<FRAME_HEAD_BYTES>() else { continue };
        let (at_ms, _) = frame_head(*head);
        let mut header = tar::Header::new_ustar();
        header.set_path(name.of_entry(at_ms))?;
        header.set_size(picture.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(at_ms / 1000);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(picture);
        archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
    }
    Ok(archive)
}

/// Pieces, read one after the other.
struct Joined<I> {
    pieces: I,
    piece: Vec<u8>,
    read: usize,
}

impl<I: Iterator<Item = io::Result<Vec<u8>>>> Joined<I> {
    fn new(pieces: I) -> Joined<I> {
        Joined { pieces, piece: Vec::new(), read: 0 }
    }
}

impl<I: Iterator<Item = io::Result<Vec<u8>>>> Read for Joined<I> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() {
            match self.pieces.next() {
                Some(piece) => (self.piece, self.read) = (piece?, 0),
                None => return Ok(0),
            }
        }
        let length = to.len().min(self.piece.len() - self.read);
        to[..length].copy_from_slice(&self.piece[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}
