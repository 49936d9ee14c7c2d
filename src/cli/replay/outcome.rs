//! What became of the records that a replay was to send.

use super::latency::Latencies;

/// The most refusals reported in words; further ones are only counted.
const REFUSALS_TOLD_MAX: usize = 5;

/// What became of the records that a replay was to send.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Batches that were accepted, including those of the analytics SDK.
    pub batches: u64,
    /// Starts that were accepted.
    pub starts: u64,
    /// Records of images that were accepted.
    pub images: u64,
    /// Records of other kinds that a log got.
    pub others: u64,
    /// The messages that a queue got for all of these.
    pub messages: u64,
    /// Bytes of what was accepted, as received.
    pub bytes: u64,
    pub retries: u64,
    pub refused: u64,
    /// The first refusals, in words.
    pub refusals: Vec<String>,
    /// What ended the replay early.
    pub failure: Option<String>,
    /// How long a server took to answer.
    pub latencies: Option<Latencies>,
}

impl Outcome {
    /// How many records were accepted.
    pub fn sent(&self) -> u64 {
        self.batches + self.starts + self.images + self.others
    }
}

/// Notes a refusal, unless enough of them are known.
pub fn note_refusal(refusals: &mut Vec<String>, text: String) {
    if refusals.len() < REFUSALS_TOLD_MAX {
        refusals.push(text);
    }
}
