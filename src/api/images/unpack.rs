//! Unpacks the files of phones: an archive of pictures or a stream of frames, usually compressed with gzip.
//!
//! A file's first bytes decide what it is, because labels and file names are often wrong. It is read as it arrives, in steps that are short
//! for any input: one step inflates at most about a megabyte.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use tar::Header;

use super::dropped::Dropped;
use super::fault::ImagesFault;
use super::name::{PictureName, picture};
use super::pack::Packer;

/// Compressed bytes taken in one step. Deflate expands a byte to at most 1,032.
const STEP_BYTES: usize = 1024;

/// The capacity that the buffer of inflated bytes keeps between steps.
const KEPT_BYTES: usize = 64 * 1024;

/// The size of a tar block.
const BLOCK_BYTES: usize = 512;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The frame streams of phones have no name.
const NO_NAME: &str = "";

/// What comes next in the unpacked bytes.
#[derive(Debug)]
enum Place {
    /// The first block, which decides what the file is.
    Begin,
    /// The header of an archive's entry.
    Header,
    /// An entry's bytes, and then its padding.
    Entry { left: u64, padding: u64, name: Option<PictureName> },
    /// The zeros that fill an archive to its end.
    End,
    /// A stream of frames.
    Frames,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileContent {
    /// An archive, or nothing at all.
    Archive,
    /// Not an archive, so a stream of frames if the form says that it holds frames.
    Frames {
        /// The fault if the form does not say so, in the words of OpenReplay's service.
        otherwise: ImagesFault,
        /// It did not end with a whole frame.
        broken: bool,
    },
}

/// Unpacks one file.
#[derive(Debug)]
pub struct Unpacker {
    /// The first bytes, until there are enough to tell whether this is gzip.
    begin: Vec<u8>,
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    plain: bool,
    place: Place,
    block: Vec<u8>,
    unpacked_bytes: u64,
}

impl Unpacker {
    /// A new one, for the beginning of a file.
    pub fn new() -> Self {
        Self {
            begin: Vec::with_capacity(GZIP_MAGIC.len()),
            gzip: None,
            plain: false,
            place: Place::Begin,
            block: Vec::with_capacity(BLOCK_BYTES),
            unpacked_bytes: 0,
        }
    }

    /// Takes some of `bytes` and returns how many. `left_bytes` is how many unpacked bytes may still come.
    pub fn step(
        &mut self,
        bytes: &[u8],
        left_bytes: &mut u64,
        packer: &mut Packer,
        dropped: &mut Dropped,
    ) -> Result<usize, ImagesFault> {
        if self.plain {
            let now = &bytes[..bytes.len().min(KEPT_BYTES)];
            self.unpacked(now, left_bytes, packer, dropped)?;
            return Ok(now.len());
        }
        if let Some(decoder) = &mut self.gzip {
            let now = &bytes[..bytes.len().min(STEP_BYTES)];
            decoder.write_all(now).map_err(|error| gzip_fault(&error))?;
            self.drain(left_bytes, packer, dropped)?;
            return Ok(now.len());
        }
        let wanted = GZIP_MAGIC.len() - self.begin.len();
        let now = &bytes[..bytes.len().min(wanted)];
        self.begin.extend_from_slice(now);
        if self.begin.len() == GZIP_MAGIC.len() {
            self.choose(left_bytes, packer, dropped)?;
        }
        Ok(now.len())
    }

    /// Decides by the first bytes whether the file is compressed.
    fn choose(&mut self, left_bytes: &mut u64, packer: &mut Packer, dropped: &mut Dropped) -> Result<(), ImagesFault> {
        let begin = std::mem::take(&mut self.begin);
        if begin == GZIP_MAGIC {
            let mut decoder = MultiGzDecoder::new(Vec::new());
            decoder.write_all(&begin).map_err(|error| gzip_fault(&error))?;
            self.gzip = Some(decoder);
            return Ok(());
        }
        self.plain = true;
        self.unpacked(&begin, left_bytes, packer, dropped)
    }

    /// Passes the inflated bytes on.
    fn drain(&mut self, left_bytes: &mut u64, packer: &mut Packer, dropped: &mut Dropped) -> Result<(), ImagesFault> {
        let Some(decoder) = &mut self.gzip else { return Ok(()) };
        let mut inflated = std::mem::take(decoder.get_mut());
        let taken = self.unpacked(&inflated, left_bytes, packer, dropped);
        inflated.clear();
        inflated.shrink_to(KEPT_BYTES);
        if let Some(decoder) = &mut self.gzip {
            *decoder.get_mut() = inflated;
        }
        taken
    }

    fn unpacked(
        &mut self,
        mut bytes: &[u8],
        left_bytes: &mut u64,
        packer: &mut Packer,
        dropped: &mut Dropped,
    ) -> Result<(), ImagesFault> {
        *left_bytes = left_bytes.checked_sub(bytes.len() as u64).ok_or(ImagesFault::InflatedTooLarge)?;
        self.unpacked_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            bytes = match &mut self.place {
                Place::Frames => {
                    packer.stream(NO_NAME, bytes)?;
                    return Ok(());
                }
                Place::End => return Ok(()),
                Place::Begin | Place::Header => {
                    let (now, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block.len()));
                    self.block.extend_from_slice(now);
                    if self.block.len() == BLOCK_BYTES {
                        self.block(packer, dropped)?;
                    }
                    rest
                }
                Place::Entry { left, padding, name } => {
                    let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    if name.is_some() {
                        packer.picture(&bytes[..now])?;
                    }
                    *left -= now as u64;
                    let rest = &bytes[now..];
                    let skipped = if *left > 0 { 0 } else { rest.len().min(*padding as usize) };
                    *padding -= skipped as u64;
                    self.end_entry(packer)?;
                    &rest[skipped..]
                }
            };
        }
        Ok(())
    }

    /// Interprets a whole block.
    fn block(&mut self, packer: &mut Packer, dropped: &mut Dropped) -> Result<(), ImagesFault> {
        if self.block.iter().all(|&byte| byte == 0) {
            self.place = Place::End;
            return Ok(());
        }
        let header = Header::from_byte_slice(&self.block);
        if !has_its_checksum(header) {
            if matches!(self.place, Place::Begin) {
                self.place = Place::Frames;
                return packer.stream(NO_NAME, &self.block);
            }
            return Err(ImagesFault::Tar("archive/tar: invalid tar header"));
        }
        let kind = header.entry_type();
        // Entries of these types have no content, whatever their size field says.
        let bare = kind.is_hard_link()
            || kind.is_symlink()
            || kind.is_character_special()
            || kind.is_block_special()
            || kind.is_dir()
            || kind.is_fifo();
        let size = header.size().map_err(|_| ImagesFault::Tar("archive/tar: invalid tar header"))?;
        let left = if bare { 0 } else { size };
        let mut name = None;
        if kind.is_file() {
            let path = header.path_bytes();
            name = picture(&path);
            if name.is_none() {
                dropped.add(&path);
            }
        }
        if let Some(name) = &name {
            packer.begin(name.at_ms);
        }
        let padding = (BLOCK_BYTES as u64 - left % BLOCK_BYTES as u64) % BLOCK_BYTES as u64;
        self.block.clear();
        self.place = Place::Entry { left, padding, name };
        self.end_entry(packer)
    }

    /// Moves on to the next header if the entry has ended.
    fn end_entry(&mut self, packer: &mut Packer) -> Result<(), ImagesFault> {
        let Place::Entry { left: 0, padding, name } = &mut self.place else { return Ok(()) };
        if let Some(name) = name.take() {
            packer.end(&name.stream);
            packer.check()?;
        }
        if *padding == 0 {
            self.place = Place::Header;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(
        mut self,
        left_bytes: &mut u64,
        packer: &mut Packer,
        dropped: &mut Dropped,
    ) -> Result<FileContent, ImagesFault> {
        if self.gzip.is_none() && !self.plain {
            if self.begin.is_empty() {
                return Err(ImagesFault::Gzip("EOF"));
            }
            self.choose(left_bytes, packer, dropped)?;
        }
        if let Some(decoder) = &mut self.gzip {
            let finished = decoder.try_finish();
            finished.map_err(|_| ImagesFault::Gzip("unexpected EOF, or gzip: invalid checksum"))?;
            self.drain(left_bytes, packer, dropped)?;
        }
        let otherwise = match (&self.gzip, self.unpacked_bytes < BLOCK_BYTES as u64) {
            (None, _) => ImagesFault::Gzip("gzip: invalid header"),
            (Some(_), true) => ImagesFault::Tar("unexpected EOF"),
            (Some(_), false) => ImagesFault::Tar("archive/tar: invalid tar header"),
        };
        match self.place {
            Place::Begin if self.block.is_empty() => Ok(FileContent::Archive),
            Place::Begin => {
                packer.stream(NO_NAME, &self.block)?;
                Ok(FileContent::Frames { otherwise, broken: packer.end_of_stream(NO_NAME) })
            }
            Place::Frames => Ok(FileContent::Frames { otherwise, broken: packer.end_of_stream(NO_NAME) }),
            Place::End => Ok(FileContent::Archive),
            Place::Header if self.block.is_empty() => Ok(FileContent::Archive),
            Place::Header | Place::Entry { left: 1.., .. } => Err(ImagesFault::Tar("unexpected EOF")),
            // Only the last entry's padding is missing, so nothing is lost.
            Place::Entry { .. } => Ok(FileContent::Archive),
        }
    }
}

/// Whether the block is a header: its checksum is the sum of its bytes, with the checksum field itself counted as blanks.
fn has_its_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    header.cksum().is_ok_and(|written| written == sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]))
}

/// The text that OpenReplay's service has for the decoder's error.
fn gzip_fault(error: &std::io::Error) -> ImagesFault {
    let text = error.to_string();
    ImagesFault::Gzip(match () {
        () if text.contains("header") => "gzip: invalid header",
        () if text.contains("checksum") => "gzip: invalid checksum",
        () => "flate: corrupt input",
    })
}
