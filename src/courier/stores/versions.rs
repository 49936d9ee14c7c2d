//! Versions of objects, as far as a store tells of them.
//!
//! A folder keeps none. S3's are listed, read and removed. Of Google's and Azure's only what `object_store` can do is done: whether a certain version is
//! there.

use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange};

use crate::courier::cause::{Cause, Trouble};

use super::fault::{cause_of, refusal_of};
use super::s3_versions::{ListMarker, ListedPage};
use super::store::{Backend, Store, small};

/// A version that a store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// The object's name, below the store's prefix.
    pub name: String,
    /// The version's id.
    pub id: String,
    /// Whether it is what the name stands for.
    pub is_latest: bool,
    /// Whether it is the mark of a removal, which has no content.
    pub is_marker: bool,
    /// Its length.
    pub bytes: u64,
}

impl KeptVersion {
    /// Whether it was written while the bucket kept no versions, and is no more than the object itself.
    pub fn is_the_object(&self) -> bool {
        self.id == "null" && self.is_latest && !self.is_marker
    }
}

/// A part of a list.
#[derive(Debug, Default)]
pub struct VersionPage {
    /// The versions; for each name the newest first.
    pub versions: Vec<KeptVersion>,
    /// How to ask for what comes next; `None` at the end.
    pub next: Option<ListMarker>,
}

impl Store {
    /// A part of the list of all versions of objects whose names begin so. `None` if that can't be told: the store lists no versions, or not to us.
    pub async fn versions(&self, begin: &str, after: Option<&ListMarker>) -> Result<Option<VersionPage>, Cause> {
        let versions = match self.backend() {
            Backend::Folder(_) => return Ok(Some(VersionPage::default())),
            Backend::Cloud { versions: None, .. } => return Ok(None),
            Backend::Cloud { versions: Some(versions), .. } => versions,
        };
        let doing = "list the versions of objects";
        let begin = self.path_text(begin);
        let ListedPage { versions, next } = match small(doing, versions.list(&begin, after)).await? {
            Ok(Some(listed)) => listed,
            Ok(None) => return Ok(None),
            Err(error) if is_refused(&error) => return Ok(None),
            Err(error) => return Err(cause_of(&error, doing)),
        };
        let kept = versions.into_iter().filter_map(|one| {
            let name = self.below(&one.key)?;
            let (id, is_latest, is_marker, bytes) = (one.id, one.is_latest, one.is_marker, one.bytes);
            Some(KeptVersion { name, id, is_latest, is_marker, bytes })
        });
        Ok(Some(VersionPage { versions: kept.collect(), next }))
    }

    /// Removes a version. False if the store does not let us.
    pub async fn delete_version(&self, name: &str, id: &str) -> Result<bool, Cause> {
        let Backend::Cloud { versions: Some(versions), .. } = self.backend() else { return Ok(false) };
        let doing = "remove a version of an object";
        match small(doing, versions.delete(&self.path(name), id)).await? {
            Ok(()) => Ok(true),
            Err(error) if is_no_such_version(&error) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(cause_of(&error, doing)),
        }
    }

    /// What the store calls the version that a name stands for; `None` if there is no such object, or the store keeps no versions.
    pub async fn version_of(&self, name: &str) -> Result<Option<String>, Cause> {
        let meta = self.head(name, None).await?;
        Ok(meta.and_then(|meta| meta.version))
    }

    /// Whether a version is there.
    pub async fn has_version(&self, name: &str, id: &str) -> Result<bool, Cause> {
        self.head(name, Some(id)).await.map(|meta| meta.is_some())
    }

    async fn head(&self, name: &str, version: Option<&str>) -> Result<Option<object_store::ObjectMeta>, Cause> {
        let Backend::Cloud { cloud, .. } = self.backend() else { return Ok(None) };
        let doing = "look for a version of an object";
        let path: ObjectPath = self.path(name);
        let mut options = GetOptions::new().with_head(true);
        options.version = version.map(str::to_owned);
        match small(doing, cloud.get_opts(&path, options)).await? {
            Ok(found) => Ok(Some(found.meta)),
            // 405: the version is the mark of a removal.
            Err(error) if refusal_of(&error).is_some_and(|refusal| matches!(refusal.status, 404 | 405)) => Ok(None),
            Err(error) => Err(cause_of(&error, doing)),
        }
    }

    /// Reads a part of a version, or of what the name stands for.
    ///
    /// # Errors
    /// Also if it ends before.
    pub async fn get_version(&self, name: &str, id: Option<&str>, at: u64, bytes: usize) -> Result<Vec<u8>, Cause> {
        let (Some(id), Backend::Cloud { cloud, .. }) = (id, self.backend()) else {
            return self.get(name, at, bytes).await;
        };
        let doing = format!("read version {id} of {name}");
        let mut options = GetOptions::new().with_range(Some(GetRange::Bounded(at..at + bytes as u64)));
        options.version = Some(id.to_owned());
        let got = cloud.get_opts(&self.path(name), options).await.map_err(|error| cause_of(&error, &doing))?;
        let body = got.bytes().await.map_err(|error| cause_of(&error, &doing))?;
        if body.len() == bytes {
            return Ok(body.into());
        }
        Err(Cause::new(Trouble::Other, "", format!("{doing}: it ends early")))
    }

    /// Removes an object; one that is not there is no fault.
    pub async fn remove(&self, name: &str) -> Result<(), Cause> {
        match self.delete(name).await {
            Err(cause) if cause.trouble == Trouble::Missing => self.check().await,
            other => other,
        }
    }
}

/// A store that does not know these requests, or a user who may not make them: 400, 403, 405, 501.
fn is_refused(error: &object_store::Error) -> bool {
    refusal_of(error).is_some_and(|refusal| matches!(refusal.status, 400 | 403 | 405 | 501))
}

fn is_no_such_version(error: &object_store::Error) -> bool {
    refusal_of(error).is_some_and(|refusal| refusal.status == 404 && refusal.code != "NoSuchBucket")
}
