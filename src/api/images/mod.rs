//! Uploads of pictures: canvas elements of a page, screens of a phone.
//!
//! The parts of a form go in, records come out. A picture's name gives its stream and its time; the pictures of a stream become frames in
//! the order of their arrival. Nothing here waits: after each step the caller asks how much memory the upload holds.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`Upload`]: one upload, fed step by step |
//! | `name` | the names of pictures and streams: what is accepted |
//! | `unpack` | the files of phones: tar archives or frame streams, usually under gzip |
//! | `pack` | pictures become frames, and frames become records |
//! | `dropped` | parts that were dropped because of their names |
//! | `fault` | what can be wrong with an upload, and its answer |

mod dropped;
mod fault;
mod name;
mod pack;
mod unpack;

use crate::records::{Images, Source, Stream};
use crate::session::SessionId;

pub use dropped::Dropped;
pub use fault::ImagesFault;
use name::PictureName;
pub use pack::PackedFrames;
use pack::Packer;
use unpack::{FileContent, Unpacker};

/// The form field that announces streams of frames, and its value.
const TYPE: &[u8] = b"type";
const FRAMES: &[u8] = b"frames";

/// Fields that phones send and nobody reads: the token identifies the sender.
const IGNORED: [&[u8]; 2] = [b"projectKey", b"projectID"];

/// Who uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A page: each file is a picture, or a stream of frames.
    Web,
    /// A phone: each file is an archive of pictures or a stream of frames, usually compressed with gzip.
    Mobile,
}

/// What an upload may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One picture.
    pub frame_bytes_max: usize,
    /// A queue message of its frames.
    pub message_bytes_max: usize,
    /// All files together, once unpacked.
    pub inflated_bytes_max: u64,
}

/// The file that is being received.
#[derive(Debug)]
enum File {
    Dropped,
    Picture(PictureName),
    Frames(String),
    Packed(Box<Unpacker>),
}

/// The result of an upload.
#[derive(Debug)]
pub struct Collected {
    /// The contents of its records, in order.
    pub records: Vec<PackedFrames>,
    /// What was dropped.
    pub dropped: Dropped,
    /// The number of files, including dropped ones.
    pub files: u64,
}

/// An upload that is being received.
#[derive(Debug)]
pub struct Upload {
    client: Client,
    packer: Packer,
    dropped: Dropped,
    left_bytes: u64,
    files: u64,
    file: File,
    /// The form says that it holds frames.
    says_frames: bool,
    /// A file had a name for frames.
    named_frames: bool,
    /// The fault of the first file that can only be frames; it counts unless the form says that it holds frames, which may come later.
    unless_frames: Option<ImagesFault>,
}

impl Upload {
    /// An upload that has not begun.
    pub fn new(client: Client, limits: Limits) -> Self {
        Self {
            client,
            packer: Packer::new(limits.frame_bytes_max, limits.message_bytes_max),
            dropped: Dropped::default(),
            left_bytes: limits.inflated_bytes_max,
            files: 0,
            file: File::Dropped,
            says_frames: false,
            named_frames: false,
            unless_frames: None,
        }
    }

    /// The memory that it holds, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.packer.held_bytes()
    }

    /// How many records it has become so far.
    pub fn records(&self) -> usize {
        self.packer.records()
    }

    /// A form field: its name, and at least the beginning of its value.
    ///
    /// A field that no known client sends may be a file whose name was lost, so it is reported like a dropped file.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if name == TYPE {
            self.says_frames = value == FRAMES;
        } else if !IGNORED.contains(&name) {
            self.dropped.add(name);
        }
    }

    /// A file begins.
    pub fn begin_file(&mut self, name: &[u8]) {
        self.files += 1;
        self.named_frames |= name::ends_as_frames(name);
        self.file = match self.client {
            Client::Mobile => File::Packed(Box::new(Unpacker::new())),
            Client::Web => match (name::picture(name), name::frames(name)) {
                (Some(picture), _) => {
                    self.packer.begin(picture.at_ms);
                    File::Picture(picture)
                }
                (None, Some(stream)) => File::Frames(stream),
                (None, None) => {
                    self.dropped.add(name);
                    File::Dropped
                }
            },
        };
    }

    /// Takes some of a file's next bytes and returns how many: at least one, and so few that the call is short.
    pub fn step(&mut self, bytes: &[u8]) -> Result<usize, ImagesFault> {
        match &mut self.file {
            File::Dropped => {}
            File::Picture(_) => self.packer.picture(bytes)?,
            File::Frames(name) => self.packer.stream(name, bytes)?,
            File::Packed(unpacker) => {
                return unpacker.step(bytes, &mut self.left_bytes, &mut self.packer, &mut self.dropped);
            }
        }
        Ok(bytes.len())
    }

    /// The file has ended.
    pub fn end_file(&mut self) -> Result<(), ImagesFault> {
        match std::mem::replace(&mut self.file, File::Dropped) {
            File::Dropped => {}
            File::Picture(name) => self.packer.end(&name.stream),
            File::Frames(name) => {
                self.packer.end_of_stream(&name);
            }
            File::Packed(unpacker) => {
                let content = unpacker.finish(&mut self.left_bytes, &mut self.packer, &mut self.dropped)?;
                if let FileContent::Frames { otherwise, .. } = content {
                    self.unless_frames.get_or_insert(otherwise);
                }
            }
        }
        Ok(())
    }

    /// Ends the form.
    pub fn finish(self) -> Result<Collected, ImagesFault> {
        match self.unless_frames {
            Some(fault) if !self.says_frames => return Err(fault),
            _ => {}
        }
        if self.client == Client::Web && self.says_frames && self.files > 0 && !self.named_frames {
            return Err(ImagesFault::NotFrames);
        }
        Ok(Collected { records: self.packer.records, dropped: self.dropped, files: self.files })
    }
}

/// The record of one content that an upload packed.
pub fn record(packed: &PackedFrames, client: Client, session: SessionId, project: u32) -> Images<'_> {
    let stream = match packed.frames {
        _ if packed.unusable => Stream::BrokenEnd,
        0 | 1 => Stream::OneFrame,
        2.. => Stream::Frames,
    };
    let source = match client {
        Client::Web => Source::Web,
        Client::Mobile => Source::Mobile,
    };
    Images { session, project, source, name: packed.name.as_bytes(), stream, payload: &packed.payload }
}

#[cfg(test)]
mod tests;
