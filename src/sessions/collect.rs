//! Collects what the log has of one session: its batches, inflated, and its pictures.

use std::io;
use std::sync::Arc;

use crate::checker::{BodyReader, version_of};
use crate::export::order::{Batches, Store};
use crate::log::format::record::{Kind, Record};
use crate::records::frames::{FRAME_HEAD_BYTES, Frames, frame_head};
use crate::records::{Content, Images, SessionRow, Source};
use crate::tracker::{Era, split_parts};

/// A picture in the file of the batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// When it was taken: client time in Unix ms.
    pub at_ms: i64,
    /// The canvas: when it was first seen, `_`, and its node. Empty for a phone's screen.
    pub canvas: Arc<str>,
    offset: u64,
    length: usize,
}

impl Picture {
    /// Its bytes.
    pub fn read(&self, store: &Store) -> io::Result<Vec<u8>> {
        store.read(self.offset, self.length)
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.length
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

/// Who is told what is collected.
pub trait Witness {
    /// Why it gives up.
    type Error;

    /// A batch as it was sent, inflated.
    fn batch(&mut self, _record: &Record<'_>, _bytes: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A batch, or a part of it, that cannot be read.
    fn left_out(&mut self, _record: &Record<'_>, _why: &str) {}

    /// The file for batches cannot be written.
    fn failed(error: io::Error) -> Self::Error;
}

/// Puts a session's records into [`Batches`], in the order of the log.
#[derive(Debug)]
pub struct Collector {
    records: u64,
    project: u32,
    start: Option<SessionRow<String>>,
    is_of_phone: bool,
    pictures: Vec<Picture>,
    pictures_max: usize,
    era: Era,
    bodies: BodyReader,
    inflated_max: usize,
}

impl Collector {
    /// For one session; a batch is inflated to at most so many bytes.
    pub fn new(inflated_max: usize) -> Collector {
        let (era, bodies) = (Era::default(), BodyReader::default());
        Collector {
            records: 0,
            project: 0,
            start: None,
            is_of_phone: false,
            pictures: Vec::new(),
            pictures_max: usize::MAX,
            era,
            bodies,
            inflated_max,
        }
    }

    /// One that goes on where this one is, with other pictures.
    #[must_use]
    pub fn go_on(&self) -> Collector {
        let Collector { records, project, ref start, is_of_phone, pictures_max, era, inflated_max, .. } = *self;
        let (start, pictures, bodies) = (start.clone(), Vec::new(), BodyReader::default());
        Collector { records, project, start, is_of_phone, pictures, pictures_max, era, bodies, inflated_max }
    }

    /// Leaves out pictures while so many wait to be taken.
    #[must_use]
    pub fn with_pictures_max(self, pictures: usize) -> Collector {
        Collector { pictures_max: pictures, ..self }
    }

    /// How many records there were.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The session's project; 0 if it is not known.
    pub fn project(&self) -> u32 {
        self.project
    }

    /// What its start request told, if that is there.
    pub fn start(&self) -> Option<&SessionRow<String>> {
        self.start.as_ref()
    }

    /// Whether a phone has sent any of them.
    pub fn is_of_phone(&self) -> bool {
        self.is_of_phone
    }

    /// The pictures since the last call, by time.
    pub fn take_pictures(&mut self) -> Vec<Picture> {
        let mut pictures = std::mem::take(&mut self.pictures);
        pictures.sort_by_key(|picture| picture.at_ms);
        pictures
    }

    /// When the earliest of them was taken, of client time in Unix ms.
    pub fn first_picture_ms(&self) -> Option<i64> {
        self.pictures.iter().map(|picture| picture.at_ms).min()
    }

    /// Gives back what [`take_pictures`](Self::take_pictures) has returned.
    pub fn give_pictures(&mut self, pictures: Vec<Picture>) {
        self.pictures.extend(pictures);
    }

    /// Adds a record of the session.
    pub fn add<W: Witness>(
        &mut self,
        record: &Record<'_>,
        batches: &mut Batches,
        witness: &mut W,
    ) -> Result<(), W::Error> {
        self.records += 1;
        if self.project == 0 {
            self.project = record.project;
        }
        if let Some(version) = version_of(record) {
            self.era = Era::of_tracker(&version);
        }
        let content = Content::of(record);
        self.is_of_phone |= match &content {
            Content::Start(start) => start.source == Source::Mobile,
            Content::Images(images) => images.source == Source::Mobile,
            Content::MobileBatch(_) => true,
            _ => false,
        };
        match content {
            Content::Images(images) => self.images(&images, batches).map_err(W::failed),
            Content::Start(start) => {
                self.start = start.row().or(self.start.take());
                Ok(())
            }
            _ if record.kind == Kind::Batch => self.batch(record, batches, witness),
            _ => Ok(()),
        }
    }

    fn batch<W: Witness>(
        &mut self,
        record: &Record<'_>,
        batches: &mut Batches,
        witness: &mut W,
    ) -> Result<(), W::Error> {
        let bytes = match self.bodies.plain(record, self.inflated_max) {
            Ok(bytes) => bytes,
            Err(error) => {
                witness.left_out(record, &error.to_string());
                return Ok(());
            }
        };
        witness.batch(record, bytes)?;
        let split = (record.split != 0).then_some(record.split as usize);
        let (first, second) = match split_parts(bytes, split) {
            Ok(parts) => parts,
            Err(fault) => {
                witness.left_out(record, &fault.to_string());
                (bytes, None)
            }
        };
        let number = record.label.map(|label| label.number);
        for part in [Some(first), second].into_iter().flatten() {
            batches.add(part, self.era, number).map_err(W::failed)?;
        }
        Ok(())
    }

    /// Streams and files are named `<when the canvas was first seen>_<its node>`, the files of old trackers `_<time of the picture>` besides.
    fn images(&mut self, images: &Images<'_>, batches: &mut Batches) -> io::Result<()> {
        let name = String::from_utf8_lossy(images.name);
        let stem = name.split('.').next().unwrap_or_default();
        let mut parts = stem.split('_');
        let canvas: Arc<str> = match (parts.next(), parts.next()) {
            (Some(began), Some(node)) => format!("{began}_{node}").into(),
            _ => "".into(),
        };
        for frame in Frames::new(images.payload) {
            let Some((head, picture)) = frame.split_first_chunk::<FRAME_HEAD_BYTES>() else { continue };
            if self.pictures.len() >= self.pictures_max {
                break;
            }
            let (at_ms, _) = frame_head(*head);
            let offset = batches.keep(picture)?;
            let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
            self.pictures.push(Picture { at_ms, canvas: Arc::clone(&canvas), offset, length: picture.len() });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
