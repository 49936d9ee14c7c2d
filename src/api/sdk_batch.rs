//! `POST /v1/sdk/i`: the analytics SDK sends events.
//!
//! The body is stored as received. It is JSON, but that is for the reader of the queue to judge: the SDK leaves out the
//! wrapper that reader looks for when it sends at once, and a refusal would not make it say more.

use crate::log::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::session::SessionId;
use crate::telemetry::Refusal as Reason;

use super::inflater::Inflater;
use super::reply::Refusal;

/// What the request brought.
#[derive(Debug, Clone, Copy)]
pub struct SdkBatchInput<'a> {
    /// The session that the token names.
    pub session: SessionId,
    /// Its project, 0 if not known.
    pub project: u32,
    /// `Content-Encoding`; only exactly `gzip` means something.
    pub content_encoding: Option<&'a [u8]>,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate a gzip body before the answer and refuse what is broken: at most so many bytes of it.
    pub inflate: Option<usize>,
}

/// The record that events become. `None`: there is nothing to store.
pub fn sdk_batch<'a>(input: &SdkBatchInput<'a>, inflater: &mut Inflater) -> Result<Option<Entry<'a>>, Refusal> {
    if input.body.is_empty() {
        return Ok(None);
    }
    let packed = input.content_encoding.map(<[u8]>::trim_ascii) == Some(b"gzip");
    if packed && let Some(limit) = input.inflate {
        let inflated = inflater.check(input.body, limit);
        inflated.map_err(|error| Refusal::new(413, Reason::Compression, error.to_string()))?;
    }
    Ok(Some(Entry {
        kind: Kind::Sdk,
        topic: Topic::RawAnalytics,
        data_type: DataType::All,
        encoding: if packed { Encoding::Gzip } else { Encoding::Identity },
        session: input.session.0,
        project: input.project,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload: input.body,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(body: &[u8], content_encoding: Option<&[u8]>, inflate: bool) -> Result<Option<Encoding>, (u16, String)> {
        let inflate = inflate.then_some(1000);
        let input = SdkBatchInput { session: SessionId(7), project: 3, content_encoding, body, inflate };
        match sdk_batch(&input, &mut Inflater::default()) {
            Ok(entry) => Ok(entry.map(|entry| {
                assert_eq!((entry.kind, entry.topic, entry.payload), (Kind::Sdk, Topic::RawAnalytics, body));
                entry.encoding
            })),
            Err(refusal) => Err((refusal.status, refusal.text.into_owned())),
        }
    }

    #[test]
    fn events_are_stored_as_they_came() {
        assert_eq!(judge(br#"{"data":{}}"#, None, true), Ok(Some(Encoding::Identity)));
        assert_eq!(judge(b"not json", Some(b"GZIP"), true), Ok(Some(Encoding::Identity)));
        assert_eq!(judge(b"x", Some(b"gzip"), false), Ok(Some(Encoding::Gzip)));
        assert_eq!(judge(b"", Some(b"gzip"), true), Ok(None));
    }

    #[test]
    fn events_that_do_not_inflate_are_refused_where_they_are_looked_at() {
        let text = "can't create gzip reader: unexpected EOF".to_owned();
        assert_eq!(judge(b"x", Some(b" gzip"), true), Err((413, text)));
    }
}
