//! What goes to a queue, Redis or Kafka: messages, and the names of their topics.

use bytes::Bytes;

use crate::log::format::record::{Record, Topic};

use super::cause::{Cause, Trouble};
use super::destination::Packer;
use super::messages::{CannotSend, QueueMessages};

/// One message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueItem {
    /// The topic.
    pub topic: Topic,
    /// The key: the session.
    pub session: u64,
    /// The content.
    pub bytes: Bytes,
}

/// Makes queue messages from records.
#[derive(Debug)]
pub struct QueuePacker {
    messages: QueueMessages,
}

impl QueuePacker {
    /// Makes messages of at most `message_bytes_max`, from bodies of at most `inflated_bytes_max`.
    pub fn new(message_bytes_max: usize, inflated_bytes_max: usize) -> Self {
        Self { messages: QueueMessages::new(message_bytes_max, inflated_bytes_max) }
    }
}

impl Packer for QueuePacker {
    type Item = QueueItem;

    fn pack(&mut self, record: &Record<'_>, items: &mut Vec<QueueItem>) -> Result<(), Cause> {
        let added = self.messages.of(record, |message| {
            let bytes = Bytes::copy_from_slice(message.bytes);
            items.push(QueueItem { topic: message.topic, session: message.session, bytes });
        });
        added.map_err(|error| Cause::new(Trouble::CannotBuild, code(&error), error.to_string()))
    }

    fn item_bytes(item: &QueueItem) -> usize {
        size_of::<QueueItem>() + item.bytes.len()
    }
}

const fn code(error: &CannotSend) -> &'static str {
    match error {
        CannotSend::TooLarge { .. } => "too-large",
        CannotSend::Broken(_) => "broken",
        CannotSend::Form => "old-form",
        CannotSend::Split(_) => "wrong-split",
        CannotSend::Inflate(_) => "does-not-inflate",
        CannotSend::Frames => "broken-frames",
    }
}

/// The names of the topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    /// Web batches and the starts of web sessions.
    pub raw: String,
    /// What phones send.
    pub raw_ios: String,
    /// Phones' screenshots.
    pub raw_images: String,
    /// Pictures of canvas elements.
    pub canvas_images: String,
    /// Batches whose assets are to be rewritten.
    pub raw_assets: String,
    /// What the analytics SDK sends.
    pub raw_analytics: String,
}

impl TopicNames {
    /// The name of a topic; `None` for records that are bound for none.
    pub fn of(&self, topic: Topic) -> Option<&str> {
        Some(match topic {
            Topic::Raw => &self.raw,
            Topic::RawIos => &self.raw_ios,
            Topic::RawImages => &self.raw_images,
            Topic::CanvasImages => &self.canvas_images,
            Topic::RawAssets => &self.raw_assets,
            Topic::RawAnalytics => &self.raw_analytics,
            Topic::None => return None,
        })
    }

    /// Every name.
    pub fn all(&self) -> [&str; 6] {
        [&self.raw, &self.raw_ios, &self.raw_images, &self.canvas_images, &self.raw_assets, &self.raw_analytics]
    }
}
