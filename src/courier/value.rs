//! The queue messages of a record: what OpenReplay's services expect to find in their topics.
//!
//! | record | messages |
//! |---|---|
//! | batch | its bytes, inflated; a `visual` upload as two, the second bound for `raw-assets` |
//! | start | the session's first message, as stored |
//! | sdk | its JSON, inflated |
//! | image | `{"Name":"…","Data":"…"}`, the data in base64, to the byte as Go's encoder prints it |
//! | row, recording, pad, tombstone | none |
//!
//! A record that is marked as unusable has none. What is too large is cut where the format allows: a batch between its messages, pictures
//! between frames. All of a record is decided before any of it is handed out: it goes whole, or it does not go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::codec::inflate::{Coding, InflateError, Inflater};
use crate::codec::json::write_string;
use crate::log::format::record::{Flags, Kind, Record, Topic, ext_type};
use crate::tracker::frames::{Frames, message_bytes};
use crate::tracker::{BatchFault, split_parts};

use super::cut::{CannotCut, Part, cut};

/// One message of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Where it is bound for.
    pub topic: Topic,
    /// Its key.
    pub session: u64,
    /// What the services read.
    pub bytes: &'a [u8],
}

/// Why a record cannot be sent, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum CannotSend {
    /// A message, a frame or a row is larger than a queue message.
    #[error("{bytes} bytes that cannot be cut do not fit a queue message of {limit}")]
    TooLarge {
        /// How large.
        bytes: usize,
        /// The largest queue message.
        limit: usize,
    },
    /// It is too large, and too broken to be cut.
    #[error("too large for a queue message, and it cannot be cut: {0}")]
    Broken(BatchFault),
    /// It is too large, and of a form of old that is not cut.
    #[error("too large for a queue message, and its form cannot be cut")]
    Form,
    /// No batch begins at the split of a `visual` upload.
    #[error("the split is wrong: {0}")]
    Split(BatchFault),
    /// It does not inflate.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// Pictures that are no stream of whole frames.
    #[error("the pictures are no whole frames")]
    Frames,
}

/// Makes messages of records. The buffers are used again.
#[derive(Debug)]
pub struct Values {
    message_bytes_max: usize,
    inflated_bytes_max: usize,
    inflater: Inflater,
    inflated: Vec<u8>,
    message: Vec<u8>,
}

impl Values {
    /// Messages of at most `message_bytes_max`, from batches of at most `inflated_bytes_max`.
    pub fn new(message_bytes_max: usize, inflated_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            inflated_bytes_max,
            inflater: Inflater::new(),
            inflated: Vec::new(),
            message: Vec::new(),
        }
    }

    /// Hands out the messages of a record, in order.
    ///
    /// # Errors
    ///
    /// When the record cannot be sent. Then nothing has been handed out.
    pub fn of(&mut self, record: &Record<'_>, send: impl FnMut(Value<'_>)) -> Result<(), CannotSend> {
        if record.flags.contains(Flags::UNUSABLE) || record.topic == Topic::None {
            return Ok(());
        }
        match record.kind {
            Kind::Batch => self.batch(record, send),
            Kind::Sdk => self.whole(record, send),
            Kind::Start => self.whole(record, send),
            Kind::Image => self.image(record, send),
            Kind::Row | Kind::Recording | Kind::Pad | Kind::Tombstone => Ok(()),
        }
    }

    /// The record's payload as its client made it.
    fn inflate<'a>(&'a mut self, record: &'a Record<'_>) -> Result<&'a [u8], CannotSend> {
        let Some(coding) = Coding::named(record.encoding.as_str()) else { return Ok(record.payload) };
        match self.inflater.inflate(coding, record.payload, self.inflated_bytes_max, &mut self.inflated) {
            Ok(()) => Ok(&self.inflated),
            // A label that is wrong: OpenReplay knows gzip alone, and takes everything else for bytes as they are.
            Err(error) if !error.is_too_large() && !coding.is_binding() => Ok(record.payload),
            Err(error) => Err(error.into()),
        }
    }

    fn whole(&mut self, record: &Record<'_>, mut send: impl FnMut(Value<'_>)) -> Result<(), CannotSend> {
        let limit = self.message_bytes_max;
        let bytes = self.inflate(record)?;
        if bytes.len() > limit {
            return Err(CannotSend::TooLarge { bytes: bytes.len(), limit });
        }
        if !bytes.is_empty() {
            send(Value { topic: record.topic, session: record.session, bytes });
        }
        Ok(())
    }

    fn batch(&mut self, record: &Record<'_>, mut send: impl FnMut(Value<'_>)) -> Result<(), CannotSend> {
        let limit = self.message_bytes_max;
        let mut message = std::mem::take(&mut self.message);
        let bytes = self.inflate(record)?;
        let split = (record.split > 0).then_some(record.split as usize);
        let (first, second) = split_parts(bytes, split).map_err(CannotSend::Split)?;
        let mut planned: Vec<(Topic, &[u8], Vec<Part>)> = Vec::with_capacity(2);
        for (topic, batch) in [(record.topic, Some(first)), (Topic::RawAssets, second)] {
            if let Some(batch) = batch.filter(|batch| !batch.is_empty()) {
                planned.push((topic, batch, plan(batch, limit)?));
            }
        }
        for (topic, batch, parts) in planned {
            for part in parts {
                let mut bytes = &batch[part.messages];
                if !part.head.is_empty() {
                    message.clear();
                    message.extend_from_slice(&part.head);
                    message.extend_from_slice(bytes);
                    bytes = &message;
                }
                send(Value { topic, session: record.session, bytes });
            }
        }
        self.message = message;
        Ok(())
    }

    fn image(&mut self, record: &Record<'_>, mut send: impl FnMut(Value<'_>)) -> Result<(), CannotSend> {
        let limit = self.message_bytes_max;
        let name = String::from_utf8_lossy(record.ext.get(ext_type::FILE_NAME).unwrap_or_default());
        let mut printed = Vec::new();
        write_string(&mut printed, &name);
        let name_bytes = printed.len() - 2;
        let (mut lengths, mut length) = (Vec::new(), 0);
        let mut frames = Frames::new(record.payload);
        for frame in frames.by_ref() {
            let alone = message_bytes(name_bytes, frame.len());
            if alone > limit {
                return Err(CannotSend::TooLarge { bytes: alone, limit });
            }
            if message_bytes(name_bytes, length + frame.len()) > limit {
                lengths.push(std::mem::take(&mut length));
            }
            length += frame.len();
        }
        if !frames.rest.is_empty() {
            return Err(CannotSend::Frames);
        }
        lengths.push(length);
        let mut rest = record.payload;
        for length in lengths.into_iter().filter(|length| *length > 0) {
            let (stream, behind) = rest.split_at(length);
            rest = behind;
            let message = &mut self.message;
            message.clear();
            message.extend_from_slice(b"{\"Name\":");
            message.extend_from_slice(&printed);
            message.extend_from_slice(b",\"Data\":\"");
            let begin = message.len();
            message.resize(begin + stream.len().div_ceil(3) * 4, 0);
            // The room is exactly what base64 takes.
            let _ = STANDARD.encode_slice(stream, &mut message[begin..]);
            message.extend_from_slice(b"\"}");
            send(Value { topic: record.topic, session: record.session, bytes: message });
        }
        Ok(())
    }
}

/// The parts of a batch: one, unless it is too large. A batch that is not too large is not looked into.
fn plan(batch: &[u8], limit: usize) -> Result<Vec<Part>, CannotSend> {
    if batch.len() <= limit {
        return Ok(vec![Part { head: Vec::new(), messages: 0..batch.len() }]);
    }
    cut(batch, limit).map_err(|cannot| match cannot {
        CannotCut::Message(bytes) => CannotSend::TooLarge { bytes, limit },
        CannotCut::Broken(fault) => CannotSend::Broken(fault),
        CannotCut::Form => CannotSend::Form,
    })
}

#[cfg(test)]
mod tests;
