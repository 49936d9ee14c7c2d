//! Turns a record into queue messages: what OpenReplay's services expect in their topics.
//!
//! | record | messages |
//! |---|---|
//! | batch of a page or a phone | its bytes, inflated; a `visual` upload becomes two, the second for `raw-assets` |
//! | start | the session's first message, as stored |
//! | events of the SDK | their JSON, inflated |
//! | images | `{"Name":"…","Data":"…"}`, the data in base64, byte for byte as Go's encoder prints it |
//! | unusable batch, broken end of a stream, row, part of a recording | none |
//!
//! What is too large for one message is cut where its format allows: a batch between its messages, images between frames. All decisions fall
//! before the first message is handed out, so a record is sent whole or not at all.

use crate::base::base64::push_base64;
use crate::codec::inflate::{InflateError, Inflater};
use crate::codec::json::write_string;
use crate::log::format::record::{Encoding, Record, Topic};
use crate::records::frames::{Frames, MESSAGE_PARTS, message_bytes};
use crate::records::{Content, Images, Stream, coding_of};
use crate::tracker::{BatchFault, split_parts};

use super::cut::{BatchPart, CannotCut, cut};

/// One message of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueMessage<'a> {
    /// The topic.
    pub topic: Topic,
    /// The key: the session.
    pub session: u64,
    /// The content.
    pub bytes: &'a [u8],
}

/// Why a record can never be sent.
#[derive(Debug, thiserror::Error)]
pub enum CannotSend {
    /// A batch's message, a frame, a start or an SDK body is larger than a queue message may be.
    #[error("{bytes} bytes that cannot be cut do not fit a queue message of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest queue message.
        limit: usize,
    },
    /// The batch is too large for one message, and broken, so it cannot be cut.
    #[error("too large for a queue message, and it cannot be cut: {0}")]
    Broken(BatchFault),
    /// The batch is too large for one message, and of an old form that cannot be cut.
    #[error("too large for a queue message, and its form cannot be cut")]
    Form,
    /// No second batch begins at the split of a `visual` upload.
    #[error("the split is wrong: {0}")]
    Split(BatchFault),
    /// The body does not inflate.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The images are not a stream of whole frames.
    #[error("the images are not whole frames")]
    Frames,
}

/// Turns records into queue messages. Its buffers are reused.
#[derive(Debug)]
pub struct QueueMessages {
    message_bytes_max: usize,
    inflated_bytes_max: usize,
    inflater: Inflater,
    inflated: Vec<u8>,
    message: Vec<u8>,
}

impl QueueMessages {
    /// Makes messages of at most `message_bytes_max`, from bodies of at most `inflated_bytes_max`.
    pub fn new(message_bytes_max: usize, inflated_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            inflated_bytes_max,
            inflater: Inflater::new(),
            inflated: Vec::new(),
            message: Vec::new(),
        }
    }

    /// Passes the messages of a record to `send`, in order.
    ///
    /// # Errors
    ///
    /// The record cannot be sent. No part of it has been passed to `send`.
    pub fn of(&mut self, record: &Record<'_>, mut send: impl FnMut(QueueMessage<'_>)) -> Result<(), CannotSend> {
        let session = record.session;
        let send = |topic, bytes: &[u8]| send(QueueMessage { topic, session, bytes });
        match Content::of(record) {
            Content::WebBatch(batch) => self.batch(batch.topic(), batch.encoding, batch.split, batch.body, send),
            Content::MobileBatch(batch) => self.batch(Topic::RawIos, batch.encoding, 0, batch.body, send),
            Content::SdkBatch(batch) => self.body(Topic::RawAnalytics, batch.encoding, batch.body, send),
            Content::Start(start) => self.body(start.topic(), Encoding::Identity, start.message, send),
            Content::Images(images) if images.stream != Stream::BrokenEnd => self.images(&images, send),
            Content::Images(_)
            | Content::UnusableBatch(_)
            | Content::TableRow(_)
            | Content::RecordingPart(_)
            | Content::Other => Ok(()),
        }
    }

    /// Inflates a body.
    fn inflate<'a>(&'a mut self, encoding: Encoding, body: &'a [u8]) -> Result<&'a [u8], CannotSend> {
        let Some(coding) = coding_of(encoding) else { return Ok(body) };
        match self.inflater.inflate(coding, body, self.inflated_bytes_max, &mut self.inflated) {
            Ok(()) => Ok(&self.inflated),
            // The label is wrong. OpenReplay only knows gzip, and takes a body with any other label as plain bytes.
            Err(error) if !error.is_too_large() && !coding.is_binding() => Ok(body),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a body that is never cut as one message.
    fn body(
        &mut self,
        topic: Topic,
        encoding: Encoding,
        body: &[u8],
        mut send: impl FnMut(Topic, &[u8]),
    ) -> Result<(), CannotSend> {
        let limit = self.message_bytes_max;
        let bytes = self.inflate(encoding, body)?;
        if bytes.len() > limit {
            return Err(CannotSend::TooLarge { bytes: bytes.len(), limit });
        }
        if !bytes.is_empty() {
            send(topic, bytes);
        }
        Ok(())
    }

    /// Sends a batch, or the two batches of a `visual` upload.
    fn batch(
        &mut self,
        topic: Topic,
        encoding: Encoding,
        split: u32,
        body: &[u8],
        mut send: impl FnMut(Topic, &[u8]),
    ) -> Result<(), CannotSend> {
        let limit = self.message_bytes_max;
        let mut message = std::mem::take(&mut self.message);
        let bytes = self.inflate(encoding, body)?;
        let split = (split > 0).then_some(split as usize);
        let (first, second) = split_parts(bytes, split).map_err(CannotSend::Split)?;
        let mut planned: Vec<(Topic, &[u8], Vec<BatchPart>)> = Vec::with_capacity(2);
        for (topic, batch) in [(topic, Some(first)), (Topic::RawAssets, second)] {
            if let Some(batch) = batch.filter(|batch| !batch.is_empty()) {
                planned.push((topic, batch, plan(batch, limit)?));
            }
        }
        for (topic, batch, parts) in planned {
            for part in parts {
                let mut bytes = &batch[part.messages];
                if !part.metadata.is_empty() {
                    message.clear();
                    message.extend_from_slice(&part.metadata);
                    message.extend_from_slice(bytes);
                    bytes = &message;
                }
                send(topic, bytes);
            }
        }
        self.message = message;
        Ok(())
    }

    /// Sends a stream of frames, cut between frames into messages that fit.
    fn images(&mut self, images: &Images<'_>, mut send: impl FnMut(Topic, &[u8])) -> Result<(), CannotSend> {
        let limit = self.message_bytes_max;
        let mut name = Vec::new();
        write_string(&mut name, &String::from_utf8_lossy(images.name));
        // Without the quotes.
        let name_bytes = name.len() - 2;
        let (mut lengths, mut length) = (Vec::new(), 0);
        let mut frames = Frames::new(images.payload);
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
        let mut rest = images.payload;
        for length in lengths.into_iter().filter(|length| *length > 0) {
            let (stream, behind) = rest.split_at(length);
            rest = behind;
            self.wrap(&name, stream);
            debug_assert_eq!(self.message.len(), message_bytes(name_bytes, stream.len()));
            send(images.topic(), &self.message);
        }
        Ok(())
    }

    /// Builds the message for a stream; `name` is the stream's name as a JSON string.
    fn wrap(&mut self, name: &[u8], stream: &[u8]) {
        let [before_name, before_data, behind_data] = MESSAGE_PARTS;
        let message = &mut self.message;
        message.clear();
        message.extend_from_slice(before_name);
        message.extend_from_slice(name);
        message.extend_from_slice(before_data);
        push_base64(stream, message);
        message.extend_from_slice(behind_data);
    }
}

/// The parts of a batch: one, unless it is too large. A batch that fits is not parsed.
fn plan(batch: &[u8], limit: usize) -> Result<Vec<BatchPart>, CannotSend> {
    if batch.len() <= limit {
        return Ok(vec![BatchPart { metadata: Vec::new(), messages: 0..batch.len() }]);
    }
    cut(batch, limit).map_err(|cannot| match cannot {
        CannotCut::Message(bytes) => CannotSend::TooLarge { bytes, limit },
        CannotCut::Broken(fault) => CannotSend::Broken(fault),
        CannotCut::Form => CannotSend::Form,
    })
}

#[cfg(test)]
mod tests;
