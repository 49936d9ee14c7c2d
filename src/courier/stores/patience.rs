//! A store for commands: what may pass is tried again for some minutes, and the rest is an error at once.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::courier::backoff::Backoff;
use crate::courier::cause::{Cause, Trouble};

use super::object::ObjectPage;
use super::s3_versions::ListMarker;
use super::store::Store;
use super::unfinished::UnfinishedUpload;
use super::upload::{AttemptFault, ObjectUpload, UploadSource};
use super::versions::KeptVersion;

/// For how long a store that does not answer is asked.
const PATIENCE: Duration = Duration::from_secs(300);

/// The store.
pub struct Patient<'a> {
    store: &'a Store,
    /// Told when a call has failed and will be tried again.
    told: &'a mut dyn FnMut(&Cause),
}

impl<'a> Patient<'a> {
    /// Asks this store.
    pub fn new(store: &'a Store, told: &'a mut dyn FnMut(&Cause)) -> Self {
        Self { store, told }
    }

    /// Lists a folder, page by page: see [`Store::list`].
    pub async fn list(&mut self, folder: &str, mut each: impl FnMut(ObjectPage)) -> Result<(), Cause> {
        let store = self.store;
        let mut next: Option<String> = None;
        loop {
            let mut page = self.patiently(async || store.list(folder, next.clone()).await).await?;
            let after = page.next.take();
            each(page);
            if after.is_none() {
                return Ok(());
            }
            if after == next {
                return Err(Cause::new(
                    Trouble::Other,
                    "",
                    "list the objects: the store gives the same page again and again",
                ));
            }
            next = after;
        }
    }

    /// Lists all versions of objects whose names begin so, and tells each. False if that can't be told.
    ///
    /// # Errors
    /// The store's.
    pub async fn versions(&mut self, begin: &str, mut each: impl FnMut(KeptVersion)) -> Result<bool, Cause> {
        let store = self.store;
        let mut next: Option<ListMarker> = None;
        loop {
            let Some(page) = self.patiently(async || store.versions(begin, next.as_ref()).await).await? else {
                return Ok(false);
            };
            page.versions.into_iter().for_each(&mut each);
            if page.next.is_none() {
                return Ok(true);
            }
            if page.next == next {
                let text = "list the versions of objects: the store gives the same page again and again";
                return Err(Cause::new(Trouble::Other, "", text));
            }
            next = page.next;
        }
    }

    /// See [`Store::get`].
    pub async fn get(&mut self, name: &str, at: u64, bytes: usize) -> Result<Vec<u8>, Cause> {
        let store = self.store;
        self.patiently(async || store.get(name, at, bytes).await).await
    }

    /// See [`Store::get_whole`].
    ///
    /// # Errors
    /// The store's.
    pub async fn get_whole(&mut self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Cause> {
        let store = self.store;
        self.patiently(async || store.get_whole(name, bytes_max).await).await
    }

    /// See [`Store::find`].
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&mut self, name: &str) -> Result<Option<u64>, Cause> {
        let store = self.store;
        self.patiently(async || store.find(name).await).await
    }

    /// Reads two parts at the same time.
    pub async fn get_both(
        &mut self,
        name: &str,
        first: (u64, usize),
        second: (u64, usize),
    ) -> Result<[Vec<u8>; 2], Cause> {
        let store = self.store;
        let both = async || {
            let (first, second) = tokio::join!(store.get(name, first.0, first.1), store.get(name, second.0, second.1));
            Ok([first?, second?])
        };
        self.patiently(both).await
    }

    /// The store itself.
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// Makes sure that an object is in the store.
    ///
    /// # Errors
    /// The store's, or that of what is uploaded.
    pub async fn upload<S: UploadSource>(
        &mut self,
        address: &str,
        source: &S,
        noted: &UnfinishedUpload,
    ) -> Result<(), AttemptFault<S::Fault>> {
        let mut upload = ObjectUpload::new(self.store, address, source, noted);
        let mut backoff = Backoff::default();
        // Whatever has arrived shows that the store answers.
        let (mut began, mut sent) = (Instant::now(), 0);
        loop {
            let fault = match upload.attempt().await {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            if upload.sent() > sent {
                (began, sent) = (Instant::now(), upload.sent());
                backoff.reset();
            }
            match fault {
                AttemptFault::Store(cause) if may_pass(cause.trouble) && began.elapsed() <= PATIENCE => {
                    (self.told)(&cause);
                    sleep(backoff.failed()).await;
                }
                fault => {
                    upload.give_up().await?;
                    return Err(fault);
                }
            }
        }
    }

    /// Makes a call until it succeeds, fails in a way that does not pass, or some minutes are over.
    ///
    /// # Errors
    /// The store's.
    pub async fn patiently<T>(&mut self, call: impl AsyncFn() -> Result<T, Cause>) -> Result<T, Cause> {
        let began = Instant::now();
        let mut backoff = Backoff::default();
        let mut told: Option<Cause> = None;
        loop {
            let cause = match call().await {
                Ok(done) => return Ok(done),
                Err(cause) => cause,
            };
            if !may_pass(cause.trouble) || began.elapsed() > PATIENCE {
                return Err(cause);
            }
            if told.as_ref() != Some(&cause) {
                (self.told)(&cause);
            }
            told = Some(cause);
            sleep(backoff.failed()).await;
        }
    }
}

/// Whether the same store may do it in another minute.
pub fn may_pass(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::Unreachable | Trouble::TimedOut | Trouble::NotReady | Trouble::Busy)
}
