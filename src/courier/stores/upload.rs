//! Uploading one object: in as many attempts as it takes, each of which goes on where the one before failed.
//!
//! What is uploaded is read once: its hash is computed on the way, and compared before the object gets its name. Afterwards the store is asked for the
//! object's length, and, unless it checks by itself what it receives, the object is read back and hashed.

use std::fmt::Debug;

use object_store::PutPayload;

use crate::courier::cause::{Cause, Trouble};

use super::removal::remove_for_good;
use super::store::{PART_BYTES, Store, Upload};
use super::unfinished::{BegunUpload, UnfinishedUpload};

/// S3 takes no more parts of one object.
const PARTS_MAX: u64 = 10_000;

/// What is uploaded.
pub trait UploadSource: Debug {
    /// Why it can't be read.
    type Fault;

    /// The name of its object.
    fn object(&self) -> String;

    /// Its length.
    fn bytes(&self) -> u64;

    /// BLAKE3 of it, in hexadecimal digits.
    fn blake3(&self) -> &str;

    /// A small object that must be there before it, and that object's name.
    fn forerunner(&self) -> Option<(String, Vec<u8>)> {
        None
    }

    /// Whether an object of its name and length is taken for it, from an earlier attempt.
    fn may_be_there(&self) -> bool {
        true
    }

    /// Reads a part.
    ///
    /// # Errors
    /// Its fault.
    fn read(&self, at: u64, bytes: usize) -> Result<Vec<u8>, Self::Fault>;

    /// What is wrong if what was read has another hash.
    fn damaged(&self) -> Self::Fault;
}

/// Uploads one object.
#[derive(Debug)]
pub struct ObjectUpload<'a, S> {
    store: &'a Store,
    /// The store's address.
    address: &'a str,
    source: &'a S,
    noted: &'a UnfinishedUpload,
    /// What is there of it, if an earlier attempt got so far.
    begun: Option<Begun>,
}

/// An upload under way.
#[derive(Debug)]
pub struct Begun {
    upload: Upload,
    sent: u64,
    hasher: blake3::Hasher,
}

/// Why an attempt failed.
#[derive(Debug)]
pub enum AttemptFault<F> {
    /// The store's fault: to be tried again.
    Store(Cause),
    /// That of what is uploaded.
    Source(F),
}

impl<F> From<Cause> for AttemptFault<F> {
    fn from(cause: Cause) -> Self {
        Self::Store(cause)
    }
}

impl<'a, S: UploadSource> ObjectUpload<'a, S> {
    /// An upload to a store with this address. What it begins is noted.
    pub fn new(store: &'a Store, address: &'a str, source: &'a S, noted: &'a UnfinishedUpload) -> Self {
        Self { store, address, source, noted, begun: None }
    }

    /// Makes sure that the object is in the store.
    ///
    /// # Errors
    /// After a fault of the store, the next attempt goes on.
    pub async fn attempt(&mut self) -> Result<(), AttemptFault<S::Fault>> {
        let object = self.source.object();
        // Also tells whether the end of an attempt whose answer was lost has succeeded.
        if self.source.may_be_there() && self.store.find(&object).await? == Some(self.source.bytes()) {
            self.give_up().await?;
            return self.read_back(&object).await;
        }
        if let Some((name, bytes)) = self.source.forerunner() {
            self.store.put(&name, bytes).await?;
        }
        if self.source.bytes() <= PART_BYTES as u64 {
            self.put_whole(&object).await?;
        } else {
            self.put_parts(&object).await?;
        }
        self.check(&object).await
    }

    /// How much of it the store has taken in parts.
    pub fn sent(&self) -> u64 {
        self.begun.as_ref().map_or(0, |begun| begun.sent)
    }

    /// Gives up what was begun: it is not to be uploaded any more.
    ///
    /// # Errors
    /// The store does not do it.
    pub async fn give_up(&mut self) -> Result<(), Cause> {
        let Some(begun) = &self.begun else { return Ok(()) };
        // It stays known until the store has dropped it: nobody else knows its id.
        self.store.give_up(&begun.upload).await?;
        self.begun = None;
        self.noted.clear().map_err(|error| self.local(&error))
    }

    /// Removes what was uploaded, with the versions that the store keeps of it.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn take_back(&mut self) -> Result<(), Cause> {
        let forerunner = self.source.forerunner().map(|(object, _)| object);
        for name in [self.source.object()].into_iter().chain(forerunner) {
            remove_for_good(self.store, &name).await?;
        }
        Ok(())
    }

    async fn put_whole(&self, object: &str) -> Result<(), AttemptFault<S::Fault>> {
        let bytes = self.read(0, self.source.bytes())?;
        self.compare(&blake3::hash(&bytes))?;
        Ok(self.store.put(object, bytes).await?)
    }

    async fn put_parts(&mut self, object: &str) -> Result<(), AttemptFault<S::Fault>> {
        let mut begun = match self.begun.take() {
            Some(begun) => begun,
            None => self.begin(object).await?,
        };
        let part = part_bytes(self.source.bytes());
        while begun.sent < self.source.bytes() {
            let mut hasher = begun.hasher.clone();
            let mut at = begun.sent;
            let mut next = || {
                let bytes = part.min(self.source.bytes() - at);
                if bytes == 0 {
                    return Ok(None);
                }
                let read = self.read(at, bytes)?;
                hasher.update(&read);
                at += bytes;
                Ok::<_, AttemptFault<S::Fault>>(Some(PutPayload::from(read)))
            };
            let parts = next().and_then(|first| Ok((first, next()?)));
            let (first, second) = match parts {
                Ok((Some(first), second)) => (first, second),
                Ok((None, _)) => break,
                Err(fault) => {
                    self.begun = Some(begun);
                    return Err(fault);
                }
            };
            if let Err(fault) = self.store.put_parts(&mut begun.upload, &first, second.as_ref()).await {
                // What is gone begins anew.
                self.begun = (!fault.upload_is_gone).then_some(begun);
                return Err(fault.cause.into());
            }
            (begun.sent, begun.hasher) = (at, hasher);
        }
        if let Err(fault) = self.compare(&begun.hasher.finalize()) {
            self.begun = Some(begun);
            return Err(fault);
        }
        if let Err(fault) = self.store.complete(&mut begun.upload).await {
            self.begun = (!fault.upload_is_gone).then_some(begun);
            return Err(fault.cause.into());
        }
        Ok(self.noted.clear().map_err(|error| self.local(&error))?)
    }

    fn read(&self, at: u64, bytes: u64) -> Result<Vec<u8>, AttemptFault<S::Fault>> {
        self.source.read(at, bytes as usize).map_err(AttemptFault::Source)
    }

    fn compare(&self, hash: &blake3::Hash) -> Result<(), AttemptFault<S::Fault>> {
        if hash.to_hex().as_str() == self.source.blake3() {
            Ok(())
        } else {
            Err(AttemptFault::Source(self.source.damaged()))
        }
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
    async fn check(&self, object: &str) -> Result<(), AttemptFault<S::Fault>> {
        let there = self.store.find(object).await?;
        if there != Some(self.source.bytes()) {
            let there = there.map_or_else(|| "nothing".to_owned(), |bytes| format!("{bytes} bytes"));
            return Err(unlike(object, &format!("the store has {there} of {}", self.source.bytes())).into());
        }
        self.read_back(object).await
    }

    async fn read_back(&self, object: &str) -> Result<(), AttemptFault<S::Fault>> {
        if !self.store.must_be_read_back() {
            return Ok(());
        }
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < self.source.bytes() {
            let bytes = (PART_BYTES as u64).min(self.source.bytes() - at);
            hasher.update(&self.store.get(object, at, bytes as usize).await?);
            at += bytes;
        }
        if hasher.finalize().to_hex().as_str() == self.source.blake3() {
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
    use std::cell::Cell;

    use tokio::sync::watch;

    use crate::courier::stores::StoreAccess;

    use super::*;

    /// Some parts of zeros. Reading the first of them is when the courier is told to stop.
    #[derive(Debug)]
    struct Zeros {
        parts: u64,
        read: Cell<u64>,
        blake3: String,
        stop: watch::Sender<bool>,
    }

    impl UploadSource for Zeros {
        type Fault = String;

        fn object(&self) -> String {
            "zeros".to_owned()
        }

        fn bytes(&self) -> u64 {
            self.parts * PART_BYTES as u64
        }

        fn blake3(&self) -> &str {
            &self.blake3
        }

        fn read(&self, _: u64, bytes: usize) -> Result<Vec<u8>, String> {
            self.read.set(self.read.get() + 1);
            self.stop.send_replace(true);
            Ok(vec![0; bytes])
        }

        fn damaged(&self) -> String {
            "damaged".to_owned()
        }
    }

    #[test]
    fn a_copy_to_a_folder_is_left_soon_after_a_stop_and_not_at_its_end() {
        let folders = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folders.path().display()).parse().unwrap();
        let store = Store::open(&StoreAccess::to(url)).unwrap();
        let noted = UnfinishedUpload::beside(folders.path(), "noted.json");
        let (stop, mut stopping) = watch::channel(false);
        let zeros = Zeros { parts: 8, read: Cell::new(0), blake3: String::new(), stop };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let is_stopped = runtime.block_on(async {
            let mut upload = ObjectUpload::new(&store, "", &zeros, &noted);
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => true,
                _ = upload.attempt() => false,
            }
        });
        assert!(is_stopped && zeros.read.get() <= 2, "after {} of 8 parts", zeros.read.get());
    }

    #[test]
    fn no_object_has_more_parts_than_a_store_takes() {
        for bytes in [1, PART_BYTES as u64, PART_BYTES as u64 + 1, 1 << 30, 256 << 30, (256 << 30) + 77] {
            assert!(bytes.div_ceil(part_bytes(bytes)) <= PARTS_MAX, "{bytes}");
        }
    }
}
