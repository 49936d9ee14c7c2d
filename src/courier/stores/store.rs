//! An object store as couriers and commands need it: names, parts, pages of lists. Every fault is told as a [`Cause`].

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use object_store::list::PaginatedListOptions;
use object_store::multipart::PartId;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStoreExt, PutOptions, PutPayload};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::base::store_url::StoreUrl;
use crate::courier::cause::{Cause, Trouble};

use super::access::StoreAccess;
use super::cloud::{self, Cloud, Opened};
use super::fault::{cause_of, of_folder, refusal_of};
use super::folder::{self, Folder, UnfinishedFile};
use super::object::{Object, ObjectPage};
use super::s3_versions::S3Versions;

/// The size of the parts that objects are written and read in. S3 takes none below 5 MiB.
pub const PART_BYTES: usize = 8 << 20;

/// How long a request without a part in it may take.
const SMALL_REQUEST_MAX: Duration = Duration::from_secs(20);

/// A store that is ready to be asked. Opening it sends nothing.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    /// What all names begin with: empty, or with a slash at its end.
    prefix: String,
}

#[derive(Debug, Clone)]
pub(super) enum Backend {
    Cloud {
        cloud: Arc<dyn Cloud>,
        /// Whether it checks what it receives: S3, where the signature covers the SHA-256 of each part.
        checks: bool,
        /// What lists and removes versions.
        versions: Option<Arc<S3Versions>>,
    },
    Folder(Arc<Folder>),
}

/// An object that is being written in parts. Nobody sees it before it is complete.
#[derive(Debug)]
pub struct Upload {
    name: String,
    state: UploadState,
}

#[derive(Debug)]
enum UploadState {
    Cloud { id: String, parts: Vec<PartId> },
    Folder(UnfinishedFile),
}

impl Upload {
    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The store's name for the upload, by which it can be given up after a crash. A folder needs none.
    pub fn id(&self) -> Option<&str> {
        match &self.state {
            UploadState::Cloud { id, .. } => Some(id),
            UploadState::Folder(_) => None,
        }
    }
}

impl Store {
    /// Prepares a connection.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn open(access: &StoreAccess) -> Result<Self, String> {
        match &access.url {
            StoreUrl::Folder(path) => {
                Ok(Self { backend: Backend::Folder(Arc::new(Folder::new(path))), prefix: String::new() })
            }
            StoreUrl::Bucket { kind, bucket, prefix } => {
                let checks = *kind == crate::base::store_url::BucketKind::S3;
                let Opened { cloud, versions } = cloud::open(kind, bucket, access)?;
                let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
                Ok(Self { backend: Backend::Cloud { cloud, checks, versions }, prefix })
            }
        }
    }

    /// Whether what it was given must be read back to know that it arrived unharmed.
    pub fn must_be_read_back(&self) -> bool {
        !matches!(self.backend, Backend::Cloud { checks: true, .. })
    }

    /// Whether the bucket or folder is there, and lets us list it.
    pub async fn check(&self) -> Result<(), Cause> {
        match &self.backend {
            Backend::Folder(folder) => on_disk(|| folder.check()).await,
            Backend::Cloud { .. } => self.page("", None, Some(1)).await.map(drop),
        }
    }

    /// The length of an object; `None` if it is not there.
    pub async fn find(&self, name: &str) -> Result<Option<u64>, Cause> {
        let doing = "look for an object";
        match &self.backend {
            Backend::Folder(folder) => on_disk(|| folder.find(name)).await,
            Backend::Cloud { cloud, .. } => {
                let path = self.path(name);
                match small(doing, cloud.get_opts(&path, GetOptions::new().with_head(true))).await? {
                    Ok(found) => Ok(Some(found.meta.size)),
                    // The answer to a HEAD has no body and so no code: whether it is the bucket that is missing shows at the upload.
                    Err(error) if refusal_of(&error).is_some_and(|refusal| refusal.status == 404) => Ok(None),
                    Err(error) => Err(cause_of(&error, doing)),
                }
            }
        }
    }

    /// Writes an object whole. It replaces one of the same name.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Cause> {
        match &self.backend {
            Backend::Folder(folder) => {
                let mut file = on_disk(|| folder.begin(name)).await?;
                on_disk(|| file.write(&bytes).and_then(|()| file.finish())).await
            }
            Backend::Cloud { cloud, .. } => {
                let path = self.path(name);
                let put = cloud.put_opts(&path, PutPayload::from(bytes), PutOptions::default()).await;
                put.map(drop).map_err(|error| cause_of(&error, "write an object"))
            }
        }
    }

    /// Begins to write an object in parts.
    pub async fn begin(&self, name: &str) -> Result<Upload, Cause> {
        let doing = "begin an upload";
        let state = match &self.backend {
            Backend::Folder(folder) => UploadState::Folder(on_disk(|| folder.begin(name)).await?),
            Backend::Cloud { cloud, .. } => {
                let path = self.path(name);
                let id = small(doing, cloud.create_multipart(&path)).await?.map_err(|error| cause_of(&error, doing))?;
                UploadState::Cloud { id, parts: Vec::new() }
            }
        };
        Ok(Upload { name: name.to_owned(), state })
    }

    /// Writes the next one or two parts, at the same time. If it fails, both may be given again.
    pub async fn put_parts(
        &self,
        upload: &mut Upload,
        first: &PutPayload,
        second: Option<&PutPayload>,
    ) -> Result<(), PartFault> {
        match (&self.backend, &mut upload.state) {
            (Backend::Folder(_), UploadState::Folder(file)) => {
                for part in [Some(first), second].into_iter().flatten().flat_map(PutPayload::iter) {
                    on_disk(|| file.write(part)).await.map_err(|cause| PartFault { cause, upload_is_gone: true })?;
                }
                Ok(())
            }
            (Backend::Cloud { cloud, .. }, UploadState::Cloud { id, parts }) => {
                let path = self.path(&upload.name);
                let at = parts.len();
                let one = cloud.put_part(&path, id, at, first.clone());
                let done = match second {
                    None => [Some(one.await), None],
                    Some(second) => {
                        let (one, two) = tokio::join!(one, cloud.put_part(&path, id, at + 1, second.clone()));
                        [Some(one), Some(two)]
                    }
                };
                let done: Result<Vec<PartId>, object_store::Error> = done.into_iter().flatten().collect();
                parts.extend(done.map_err(|error| PartFault {
                    cause: cause_of(&error, "upload a part"),
                    upload_is_gone: is_no_such_upload(&error),
                })?);
                Ok(())
            }
            _ => unreachable!("an upload goes on in the store that it was begun in"),
        }
    }

    /// Makes an object of the parts. If that fails, it may have been made all the same.
    pub async fn complete(&self, upload: &mut Upload) -> Result<(), PartFault> {
        match (&self.backend, &mut upload.state) {
            (Backend::Folder(_), UploadState::Folder(file)) => {
                on_disk(|| file.finish()).await.map_err(|cause| PartFault { cause, upload_is_gone: true })
            }
            (Backend::Cloud { cloud, .. }, UploadState::Cloud { id, parts }) => {
                let done = cloud.complete_multipart(&self.path(&upload.name), id, parts.clone()).await;
                done.map(drop).map_err(|error| PartFault {
                    cause: cause_of(&error, "complete an upload"),
                    upload_is_gone: is_no_such_upload(&error),
                })
            }
            _ => unreachable!("an upload ends in the store that it was begun in"),
        }
    }

    /// Removes an object.
    pub async fn delete(&self, name: &str) -> Result<(), Cause> {
        match &self.backend {
            Backend::Folder(folder) => on_disk(|| folder.remove(name)).await,
            Backend::Cloud { cloud, .. } => {
                let doing = "remove an object";
                let path = self.path(name);
                small(doing, cloud.delete(&path)).await?.map_err(|error| cause_of(&error, doing))
            }
        }
    }

    /// Drops what was uploaded of an object.
    pub async fn give_up(&self, upload: &Upload) -> Result<(), Cause> {
        match &upload.state {
            UploadState::Folder(file) => {
                file.give_up();
                Ok(())
            }
            UploadState::Cloud { id, .. } => self.give_up_id(&upload.name, id).await,
        }
    }

    /// The same, for an upload of an earlier process.
    pub async fn give_up_id(&self, name: &str, id: &str) -> Result<(), Cause> {
        let Backend::Cloud { cloud, .. } = &self.backend else { return Ok(()) };
        let doing = "drop an unfinished upload";
        let path = self.path(name);
        match small(doing, cloud.abort_multipart(&path, &id.to_owned())).await? {
            Ok(()) => Ok(()),
            Err(error) if is_no_such_upload(&error) => Ok(()),
            Err(error) => Err(cause_of(&error, doing)),
        }
    }

    /// Reads a part of an object.
    ///
    /// # Errors
    /// Also if it ends before.
    pub async fn get(&self, name: &str, at: u64, bytes: usize) -> Result<Vec<u8>, Cause> {
        let doing = || format!("read {name}");
        match &self.backend {
            Backend::Folder(folder) => on_disk(|| folder.read(name, at, bytes)).await,
            Backend::Cloud { cloud, .. } => {
                let options = GetOptions::new().with_range(Some(GetRange::Bounded(at..at + bytes as u64)));
                let got =
                    cloud.get_opts(&self.path(name), options).await.map_err(|error| cause_of(&error, &doing()))?;
                if got.range.end - got.range.start != bytes as u64 {
                    return Err(Cause::new(Trouble::Other, "", format!("{}: it ends early", doing())));
                }
                let body = got.bytes().await.map_err(|error| cause_of(&error, &doing()))?;
                if body.len() == bytes {
                    return Ok(body.into());
                }
                Err(Cause::new(Trouble::Other, "", format!("{}: the answer is cut off", doing())))
            }
        }
    }

    /// Reads a small object as a whole; `None` if it is not there.
    ///
    /// # Errors
    /// Also if it has more than `bytes_max`.
    pub async fn get_whole(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Cause> {
        let doing = || format!("read {name}");
        let too_long = |bytes: u64| Cause::new(Trouble::Other, "", format!("{}: it has {bytes} bytes", doing()));
        match &self.backend {
            Backend::Folder(folder) => match on_disk(|| folder.find(name)).await? {
                Some(bytes) if bytes > bytes_max => Err(too_long(bytes)),
                Some(bytes) => on_disk(|| folder.read(name, 0, bytes as usize)).await.map(Some),
                None => Ok(None),
            },
            Backend::Cloud { cloud, .. } => {
                let got = match cloud.get_opts(&self.path(name), GetOptions::new()).await {
                    Ok(got) => got,
                    Err(error) if is_no_such_object(&error) => return Ok(None),
                    Err(error) => return Err(cause_of(&error, &doing())),
                };
                if got.meta.size > bytes_max {
                    return Err(too_long(got.meta.size));
                }
                let expected = got.meta.size;
                let body = got.bytes().await.map_err(|error| cause_of(&error, &doing()))?;
                if body.len() as u64 != expected {
                    return Err(Cause::new(Trouble::TimedOut, "", format!("{}: the answer is cut off", doing())));
                }
                Ok(Some(body.into()))
            }
        }
    }

    /// A part of the list of what is in a folder: `folder` is empty or ends in a slash.
    pub async fn list(&self, folder: &str, next: Option<String>) -> Result<ObjectPage, Cause> {
        match &self.backend {
            Backend::Folder(root) => on_disk(|| root.list(folder)).await,
            Backend::Cloud { .. } => self.page(folder, next, None).await,
        }
    }

    async fn page(&self, folder: &str, next: Option<String>, max: Option<usize>) -> Result<ObjectPage, Cause> {
        let Backend::Cloud { cloud, .. } = &self.backend else { return Ok(ObjectPage::default()) };
        let doing = "list the objects";
        let options = PaginatedListOptions {
            delimiter: Some("/".into()),
            max_keys: max,
            page_token: next,
            ..PaginatedListOptions::default()
        };
        let prefix = format!("{}{folder}", self.prefix);
        let listed = small(doing, cloud.list_paginated(Some(&prefix), options)).await?;
        let listed = listed.map_err(|error| cause_of(&error, doing))?;
        let below = |path: &ObjectPath| self.below(path.as_ref());
        let objects = listed.result.objects.into_iter().filter_map(|meta| {
            let modified = SystemTime::from(meta.last_modified);
            Some(Object { name: below(&meta.location)?, bytes: meta.size, modified })
        });
        let folders = listed.result.common_prefixes.iter().filter_map(below);
        Ok(ObjectPage { objects: objects.collect(), folders: folders.collect(), next: listed.page_token })
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(super) fn path(&self, name: &str) -> ObjectPath {
        ObjectPath::from(self.path_text(name))
    }

    /// An object's key in the bucket.
    pub(super) fn path_text(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The name that a key stands for here; `None` for one of others.
    pub(super) fn below(&self, key: &str) -> Option<String> {
        key.strip_prefix(&*self.prefix).map(str::to_owned)
    }
}

/// Why parts were not taken.
#[derive(Debug)]
pub struct PartFault {
    /// Why.
    pub cause: Cause,
    /// Whether the upload must begin anew.
    pub upload_is_gone: bool,
}

fn is_no_such_upload(error: &object_store::Error) -> bool {
    refusal_of(error).is_some_and(|refusal| refusal.status == 404 && refusal.code != "NoSuchBucket")
}

/// The bucket is there, but not the object.
fn is_no_such_object(error: &object_store::Error) -> bool {
    let is_of_bucket = |code: &str| matches!(code, "NoSuchBucket" | "ContainerNotFound");
    refusal_of(error).is_some_and(|refusal| refusal.status == 404 && !is_of_bucket(&refusal.code))
}

/// Calls a folder, which answers at once. Before that, whoever waits for this beside other things hears of those: a stop must not have to wait until
/// everything is copied.
async fn on_disk<T>(call: impl FnOnce() -> Result<T, folder::Fault>) -> Result<T, Cause> {
    yield_now().await;
    call().map_err(told)
}

fn told((error, path): folder::Fault) -> Cause {
    of_folder(&error, &path)
}

/// Bounds the time of a request that is answered at once by a store that is well.
pub(super) async fn small<T>(doing: &str, request: impl Future<Output = T>) -> Result<T, Cause> {
    timeout(SMALL_REQUEST_MAX, request).await.map_err(|_| {
        let seconds = SMALL_REQUEST_MAX.as_secs();
        Cause::new(Trouble::TimedOut, "", format!("{doing}: no answer within {seconds} s"))
    })
}
