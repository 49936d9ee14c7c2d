//! Pictures of a canvas element or of a phone's screen, sent to `POST /v1/{web,mobile}/images`.

use crate::log::format::record::{Entry, ExtWriter, Flags, Kind, Record, Topic, ext_type};
use crate::session::SessionId;

use super::blank;
use super::source::Source;

pub mod frames;

/// What the payload of an image record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// One whole frame.
    OneFrame,
    /// Several whole frames, which may be cut apart.
    Frames,
    /// Bytes that are not a whole frame: what was left at the end of a stream. Kept, but never forwarded.
    BrokenEnd,
}

/// Frames of one stream of pictures, in the order of their arrival. [`frames`] describes the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Images<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// A page (`canvas-images`) or a phone (`raw-images`).
    pub source: Source,
    /// The stream's name, at most about 120 bytes of UTF-8; empty if the client gave none.
    pub name: &'a [u8],
    /// What the payload is.
    pub stream: Stream,
    /// The frames, or the broken end.
    pub payload: &'a [u8],
}

impl<'a> Images<'a> {
    /// The topic that the frames are bound for.
    pub const fn topic(&self) -> Topic {
        match self.source {
            Source::Web => Topic::CanvasImages,
            Source::Mobile | Source::Sdk => Topic::RawImages,
        }
    }

    /// The entry for the frames. The extension is written to `ext`, which is cleared first.
    pub fn entry(&self, ext: &'a mut Vec<u8>) -> Entry<'a> {
        debug_assert!(self.source != Source::Sdk);
        // Cannot fail: a name has at most about 120 bytes.
        let _ = ExtWriter::new(ext).push(ext_type::FILE_NAME, self.name);
        Entry {
            topic: self.topic(),
            flags: match self.stream {
                Stream::OneFrame => Flags::NONE,
                Stream::Frames => Flags::MAY_BE_SPLIT,
                Stream::BrokenEnd => Flags::UNUSABLE,
            },
            ext,
            ..blank::entry(Kind::Image, self.session.0, self.project, self.payload)
        }
    }

    /// The frames in a record; `None` if the record is something else.
    pub fn read(record: &Record<'a>) -> Option<Self> {
        let source = match (record.kind, record.topic) {
            (Kind::Image, Topic::CanvasImages) => Source::Web,
            (Kind::Image, Topic::RawImages) => Source::Mobile,
            _ => return None,
        };
        Some(Self {
            session: SessionId(record.session),
            project: record.project,
            source,
            name: record.ext.get(ext_type::FILE_NAME).unwrap_or_default(),
            stream: match record.flags {
                flags if flags.contains(Flags::UNUSABLE) => Stream::BrokenEnd,
                flags if flags.contains(Flags::MAY_BE_SPLIT) => Stream::Frames,
                _ => Stream::OneFrame,
            },
            payload: record.payload,
        })
    }
}

#[cfg(test)]
mod tests;
