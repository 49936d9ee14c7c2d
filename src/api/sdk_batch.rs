//! `POST /v1/sdk/i`: the analytics SDK sends events.
//!
//! The body is stored as received. It is JSON, but that is for the reader of the queue to judge: the SDK leaves out the
//! wrapper that reader looks for when it sends at once, and a refusal would not make it say more.

use crate::log::record::{DataType, Entry, Flags, Kind, Topic};
use crate::session::SessionId;
use crate::session::inflate::{Coding, InflateError};

use super::body::{Question, encoding, refuse_inflate};
use super::reply::Refusal;

/// What the request brought.
#[derive(Debug, Clone, Copy)]
pub struct SdkBatchInput<'a> {
    /// The session that the token names.
    pub session: SessionId,
    /// Its project, 0 if not known.
    pub project: u32,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a [u8]>,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate a compressed body before the answer and refuse what is broken: at most so many bytes of it.
    pub inflate: Option<usize>,
}

impl<'a> SdkBatchInput<'a> {
    fn coding(&self) -> Option<Coding> {
        Coding::of_header(self.content_encoding)
    }

    /// What has to be known of the inside of the body, if anything.
    pub fn question(&self) -> Option<Question> {
        Some(Question { coding: self.coding()?, byte_at: None, whole: true, seam: false, limit: self.inflate? })
    }

    /// The refusal of a body that does not inflate. `None`: it is not in the coding that it names, and is taken as it is.
    pub fn unreadable(&self, error: &InflateError) -> Option<Refusal> {
        let binding = self.coding().is_some_and(Coding::is_binding);
        (error.is_too_large() || binding).then(|| refuse_inflate(error))
    }

    /// The record of the events. `plain`: whatever coding is named, the body is not in it.
    pub fn entry(&self, plain: bool) -> Entry<'a> {
        Entry {
            kind: Kind::Sdk,
            topic: Topic::RawAnalytics,
            data_type: DataType::All,
            encoding: encoding(self.coding().filter(|_| !plain)),
            session: self.session.0,
            project: self.project,
            split: 0,
            label: None,
            flags: Flags::NONE,
            ext: &[],
            payload: self.body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::body::Looker;
    use crate::log::record::Encoding;

    fn judge(body: &[u8], content_encoding: Option<&[u8]>, inflate: bool) -> Result<Encoding, (u16, String)> {
        let inflate = inflate.then_some(1000);
        let input = SdkBatchInput { session: SessionId(7), project: 3, content_encoding, body, inflate };
        let looked = input.question().map(|question| Looker::default().look(&question, body));
        let plain = match looked {
            Some(Err(error)) => match input.unreadable(&error) {
                Some(refusal) => return Err((refusal.status, refusal.text.into_owned())),
                None => true,
            },
            _ => false,
        };
        let entry = input.entry(plain);
        assert_eq!((entry.kind, entry.topic, entry.payload), (Kind::Sdk, Topic::RawAnalytics, body));
        Ok(entry.encoding)
    }

    #[test]
    fn events_are_stored_as_they_came() {
        assert_eq!(judge(br#"{"data":{}}"#, None, true), Ok(Encoding::Identity));
        assert_eq!(judge(b"not json", Some(b"GZIP"), true), Ok(Encoding::Identity));
        assert_eq!(judge(b"x", Some(b"gzip"), false), Ok(Encoding::Gzip));
        assert_eq!(judge(b"not deflate", Some(b"deflate"), true), Ok(Encoding::Identity));
    }

    #[test]
    fn events_that_do_not_inflate_are_refused_where_they_are_looked_at() {
        let text = "can't create gzip reader: unexpected EOF".to_owned();
        assert_eq!(judge(b"x", Some(b" gzip"), true), Err((413, text)));
    }
}
