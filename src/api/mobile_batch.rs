//! `POST /v1/mobile/i` and `late`: a phone sends a batch.
//!
//! The body is stored as received. How it is compressed is told from how it begins and not from its label: Android's
//! tracker labels what it failed to compress, and the one for iOS sends what it had kept without any label.

use crate::codec::inflate::gzip::BodyError;
use crate::codec::inflate::{Coding, InflateError};
use crate::records::{MobileBatch, encoding_of};
use crate::session::SessionId;

use super::body::Question;
use super::refusal::{Reason, Refusal};

/// What the request brought.
#[derive(Debug, Clone, Copy)]
pub struct MobileBatchInput<'a> {
    /// The session that the token names.
    pub session: SessionId,
    /// Its project, 0 if not known.
    pub project: u32,
    /// The token has expired a moment ago: the batch is kept, the client is told.
    pub just_expired: bool,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate a compressed body before the answer and refuse what is broken: at most so many bytes of it.
    pub inflate: Option<usize>,
}

impl<'a> MobileBatchInput<'a> {
    fn coding(&self) -> Option<Coding> {
        Coding::begun(self.body)
    }

    /// What has to be known of the inside of the batch, if anything.
    pub fn question(&self) -> Option<Question> {
        Some(Question { coding: self.coding()?, byte_at: None, whole: true, seam: false, limit: self.inflate? })
    }

    /// The batch's record.
    pub fn record(&self) -> MobileBatch<'a> {
        MobileBatch {
            session: self.session,
            project: self.project,
            encoding: encoding_of(self.coding()),
            just_expired: self.just_expired,
            body: self.body,
        }
    }
}

/// The refusal of a batch that does not inflate. It is the client's fault; OpenReplay answers 500 with the same text.
pub fn unreadable(error: &InflateError) -> Refusal {
    let text = match error {
        InflateError::Gzip(BodyError::Open(fault) | BodyError::Read(fault)) => fault.to_string(),
        other => other.to_string(),
    };
    if error.is_too_large() {
        return Refusal::new(413, Reason::BodyTooLarge, text);
    }
    Refusal::new(400, Reason::Compression, text)
}

#[cfg(test)]
mod tests {
    use crate::api::body::Looker;
    use crate::log::format::record::{Encoding, Kind, Topic};

    use super::*;

    fn input(body: &[u8]) -> MobileBatchInput<'_> {
        MobileBatchInput { session: SessionId(7), project: 3, just_expired: false, body, inflate: Some(1000) }
    }

    fn packed(body: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, body).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    #[test]
    fn how_a_batch_is_compressed_is_seen_and_not_believed() {
        let (plain, packed) = (b"k plain".to_vec(), packed(b"k plain"));
        for (body, encoding) in [(&plain, Encoding::Identity), (&packed, Encoding::Gzip)] {
            let entry = input(body).record().entry();
            assert_eq!((entry.encoding, entry.topic, entry.kind), (encoding, Topic::RawIos, Kind::Batch));
            assert_eq!(entry.payload, body);
        }
    }

    #[test]
    fn a_batch_that_does_not_inflate_is_the_clients_fault_where_it_is_looked_at() {
        let whole = packed(&[b'k'; 2000]);
        let mut damaged = packed(b"k plain");
        let crc = damaged.len() - 8;
        damaged[crc] ^= 1;
        for (body, status, text) in [
            (&whole[..], 413, "http: request body too large"),
            (&damaged[..], 400, "gzip: invalid checksum"),
            (&damaged[..12], 400, "unexpected EOF"),
            (&[0x1f, 0x8b][..], 400, "unexpected EOF"),
            (&[0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 0][..], 400, "gzip: invalid header"),
        ] {
            let question = input(body).question().expect("is looked into");
            let refusal =
                Looker::default().look(&question, body).map_err(|error| unreadable(&error)).expect_err("is refused");
            assert_eq!((refusal.status, &*refusal.text), (status, text));
            assert_eq!(MobileBatchInput { inflate: None, ..input(body) }.question(), None);
        }
    }
}
