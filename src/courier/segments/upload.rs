//! Uploading one segment: its sidecar first, so that a segment that is there always has one.
//!
//! The file is read once: its hash is computed on the way, and compared before the object gets its name. Afterwards the store is asked for the
//! object's length, and, unless it checks by itself what it receives, the object is read back and hashed.

use object_store::PutPayload;

use crate::courier::cause::{Cause, Trouble};

use super::sealed::{SealedSegment, SegmentFault};
use super::store::{PART_BYTES, Store, Upload};
use super::unfinished::{BegunUpload, UnfinishedUpload};

/// S3 takes no more parts of one object.
const PARTS_MAX: u64 = 10_000;

/// Uploads one segment in as many attempts as it takes.
#[derive(Debug)]
pub(super) struct SegmentUpload<'a> {
    pub(super) store: &'a Store,
    /// The store's address.
    pub(super) address: &'a str,
    pub(super) segment: &'a SealedSegment,
    pub(super) noted: &'a UnfinishedUpload,
    /// What is there of it, if an earlier attempt got so far.
    pub(super) begun: Option<Begun>,
}

/// An upload under way.
#[derive(Debug)]
pub(super) struct Begun {
    upload: Upload,
    sent: u64,
    hasher: blake3::Hasher,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum AttemptFault {
    /// The store's fault: to be tried again.
    Store(Cause),
    /// The segment's.
    Segment(SegmentFault),
}

impl From<Cause> for AttemptFault {
    fn from(cause: Cause) -> Self {
        Self::Store(cause)
    }
}

impl From<SegmentFault> for AttemptFault {
    fn from(fault: SegmentFault) -> Self {
        Self::Segment(fault)
    }
}

impl SegmentUpload<'_> {
    /// Makes sure that the segment is in the store. An attempt goes on where the one before failed.
    pub(super) async fn attempt(&mut self) -> Result<(), AttemptFault> {
        let object = self.segment.name.object();
        // Also tells whether the end of an attempt whose answer was lost has succeeded.
        if self.store.find(&object).await? == Some(self.segment.bytes) {
            self.give_up().await?;
            return self.read_back(&object).await;
        }
        self.store.put(&self.segment.name.sidecar(), self.segment.sidecar.clone()).await?;
        if self.segment.bytes <= PART_BYTES as u64 {
            self.put_whole(&object).await?;
        } else {
            self.put_parts(&object).await?;
        }
        self.check(&object).await
    }

    /// Gives up what was begun: the segment is not to be uploaded any more.
    pub(super) async fn give_up(&mut self) -> Result<(), Cause> {
        let Some(begun) = &self.begun else { return Ok(()) };
        // It stays known until the store has dropped it: nobody else knows its id.
        self.store.give_up(&begun.upload).await?;
        self.begun = None;
        self.noted.clear().map_err(|error| self.local(&error))
    }

    async fn put_whole(&self, object: &str) -> Result<(), AttemptFault> {
        let bytes = self.segment.read(0, self.segment.bytes as usize)?;
        self.segment.check(&blake3::hash(&bytes))?;
        Ok(self.store.put(object, bytes).await?)
    }

    async fn put_parts(&mut self, object: &str) -> Result<(), AttemptFault> {
        let mut begun = match self.begun.take() {
            Some(begun) => begun,
            None => self.begin(object).await?,
        };
        let part = part_bytes(self.segment.bytes);
        while begun.sent < self.segment.bytes {
            let mut hasher = begun.hasher.clone();
            let mut at = begun.sent;
            let mut next = || {
                let bytes = part.min(self.segment.bytes - at);
                if bytes == 0 {
                    return Ok(None);
                }
                let read = self.segment.read(at, bytes as usize)?;
                hasher.update(&read);
                at += bytes;
                Ok::<_, SegmentFault>(Some(PutPayload::from(read)))
            };
            let parts = next().and_then(|first| Ok((first, next()?)));
            let (first, second) = match parts {
                Ok((Some(first), second)) => (first, second),
                Ok((None, _)) => break,
                Err(fault) => {
                    self.begun = Some(begun);
                    return Err(fault.into());
                }
            };
            if let Err(fault) = self.store.put_parts(&mut begun.upload, &first, second.as_ref()).await {
                // What is gone begins anew.
                self.begun = (!fault.upload_is_gone).then_some(begun);
                return Err(fault.cause.into());
            }
            (begun.sent, begun.hasher) = (at, hasher);
        }
        if let Err(fault) = self.segment.check(&begun.hasher.finalize()) {
            self.begun = Some(begun);
            return Err(fault.into());
        }
        if let Err(fault) = self.store.complete(&mut begun.upload).await {
            self.begun = (!fault.upload_is_gone).then_some(begun);
            return Err(fault.cause.into());
        }
        Ok(self.noted.clear().map_err(|error| self.local(&error))?)
    }

    async fn begin(&self, object: &str) -> Result<Begun, Cause> {
        let upload = self.store.begin(object).await?;
        if let Some(id) = upload.id() {
            let (store, object) = (self.address.to_owned(), upload.name().to_owned());
            let noted = self.noted.note(&BegunUpload { store, object, upload: id.to_owned() });
            if let Err(error) = noted {
                self.store.give_up(&upload).await?;
                return Err(self.local(&error));
            }
        }
        Ok(Begun { upload, sent: 0, hasher: blake3::Hasher::new() })
    }

    /// Checks what the store has now.
    async fn check(&self, object: &str) -> Result<(), AttemptFault> {
        let there = self.store.find(object).await?;
        if there != Some(self.segment.bytes) {
            let there = there.map_or_else(|| "nothing".to_owned(), |bytes| format!("{bytes} bytes"));
            return Err(unlike(object, &format!("the store has {there} of {}", self.segment.bytes)).into());
        }
        self.read_back(object).await
    }

    async fn read_back(&self, object: &str) -> Result<(), AttemptFault> {
        if !self.store.must_be_read_back() {
            return Ok(());
        }
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < self.segment.bytes {
            let bytes = (PART_BYTES as u64).min(self.segment.bytes - at);
            hasher.update(&self.store.get(object, at, bytes as usize).await?);
            at += bytes;
        }
        if hasher.finalize().to_hex().as_str() == self.segment.name.blake3 {
            return Ok(());
        }
        // It must not be taken for the segment by the next attempt.
        self.store.delete(object).await?;
        Err(unlike(object, "what is read back is not what was written").into())
    }

    fn local(&self, error: &std::io::Error) -> Cause {
        Cause::new(Trouble::Local, "", format!("{}: {error}", self.noted.path().display()))
    }
}

fn unlike(object: &str, what: &str) -> Cause {
    Cause::new(Trouble::Other, "unlike-what-was-written", format!("{object}: {what}"))
}

/// The size of the parts of an object.
fn part_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(PARTS_MAX).max(PART_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_object_has_more_parts_than_a_store_takes() {
        for bytes in [1, PART_BYTES as u64, PART_BYTES as u64 + 1, 1 << 30, 256 << 30, (256 << 30) + 77] {
            assert!(bytes.div_ceil(part_bytes(bytes)) <= PARTS_MAX, "{bytes}");
        }
    }
}
