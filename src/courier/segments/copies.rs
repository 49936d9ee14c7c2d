//! The copies of a log's segments that are in a store, one by one: for erasing records from them.
//!
//! [`Copies::list`] finds them, also those that the store keeps as older versions alone. [`Copies::fetch`] brings one here, as a log of one segment in a
//! scratch folder, so that whatever works on a log works on it. [`Copies::upload`] puts a segment there, under the name that its content has, and
//! [`Copies::remove`] takes one away, with its versions. Of two copies with the same id the newer one counts ([`restore`](super::restore())), so a new one is
//! uploaded before the old one is removed: at every moment there is one.
//!
//! Calls wait. A store that does not answer is asked for some minutes. One segment at a time is on this disk.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::courier::cause::{Cause, Trouble};
use crate::courier::stores::{
    AttemptFault, LeftVersion, ObjectPage, Patient, Store, StoreAccess, UnfinishedUpload, remove_for_good,
};
use crate::log::format::sidecar::Sidecar;
use crate::log::read::reader::{LogReader, SegmentInfo};
use crate::log::repair::rebuild::{Expected, RebuiltLog};

use super::catalog::{self, SIDECAR_BYTES_MAX};
use super::copy_fault::CopyFault;
use super::object_name::{ObjectKind, SegmentName};
use super::parts::next_parts;
use super::sealed::{SealedSegment, SegmentFault};
use super::segment_copy::{At, SegmentCopy};
use super::upload_file;

/// The folder for the segment that is here, below the one that is given.
const SCRATCH_DIR_NAME: &str = "copies";

/// The file that notes the upload under way, in the same folder.
const UPLOAD_FILE_NAME: &str = "copies-upload.json";

/// A store with copies of a log's segments.
pub struct Copies<'a> {
    store: Store,
    access: StoreAccess,
    address: String,
    log: Uuid,
    scratch: PathBuf,
    noted: UnfinishedUpload,
    runtime: Runtime,
    /// Told when a call has failed and will be tried again.
    told: &'a dyn Fn(&Cause),
}

impl fmt::Debug for Copies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copies").field("address", &self.address).field("log", &self.log).finish_non_exhaustive()
    }
}

impl<'a> Copies<'a> {
    /// The copies of this log's segments. What an earlier run left in the scratch folder, below `dir`, is removed.
    ///
    /// # Errors
    /// Settings that can't be used; the folder can't be cleared.
    pub fn open(access: &StoreAccess, log: Uuid, dir: &Path, told: &'a dyn Fn(&Cause)) -> Result<Self, CopyFault> {
        let address = access.url.to_string();
        let settings = |reason: String| CopyFault::Settings { store: address.clone(), reason };
        let store = Store::open(access).map_err(settings)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| settings(format!("no connection can be waited for: {error}")))?;
        let (scratch, noted) = (dir.join(SCRATCH_DIR_NAME), UnfinishedUpload::beside(dir, UPLOAD_FILE_NAME));
        let copies = Self { store, access: access.clone(), address, log, scratch, noted, runtime, told };
        copies.clear()?;
        Ok(copies)
    }

    /// The store's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives up uploads that were never finished, whose parts the store keeps: that of an earlier erasure, and, if `courier` names the data folder of a
    /// courier that does not run, the courier's.
    ///
    /// # Errors
    /// The store's; a note can't be read.
    pub fn drop_unfinished(&self, courier: Option<&Path>) -> Result<(), CopyFault> {
        let of_courier = courier.map(|data| UnfinishedUpload::beside(data, upload_file::UPLOAD_FILE_NAME));
        for noted in [Some(&self.noted), of_courier.as_ref()].into_iter().flatten() {
            let failed = |error: io::Error| CopyFault::Io { path: noted.path().to_path_buf(), error };
            let Some(begun) = noted.read().map_err(failed)?.filter(|begun| begun.store == self.address) else {
                continue;
            };
            self.ask(async |store| {
                let inner = store.store();
                store.patiently(async || inner.give_up_id(&begun.object, &begun.upload).await).await
            })?;
            noted.clear().map_err(failed)?;
        }
        Ok(())
    }

    /// All copies of the log's segments and of their sidecars, by name.
    ///
    /// # Errors
    /// The store's.
    pub fn list(&self) -> Result<Vec<SegmentCopy>, CopyFault> {
        let log = format!("{}/", self.log);
        let mut copies: BTreeMap<SegmentName, SegmentCopy> = BTreeMap::new();
        let mut add = |object: &str, at: At| {
            let Some((name, kind)) = SegmentName::parse(object).filter(|(name, _)| name.log == self.log) else {
                return;
            };
            let copy = copies.entry(name.clone()).or_insert_with(|| SegmentCopy::new(name));
            let place = match kind {
                ObjectKind::Segment => &mut copy.segment,
                ObjectKind::Sidecar => &mut copy.sidecar,
            };
            // What the name stands for comes before versions, and of those the newest first.
            place.get_or_insert(at);
        };
        self.ask(async |store| {
            let mut folders = Vec::new();
            store.list(&log, |page| folders.extend(page.folders)).await?;
            for folder in folders {
                let each = |page: ObjectPage| {
                    page.objects.iter().for_each(|object| add(&object.name, At::current(object.bytes)));
                };
                store.list(&format!("{folder}/"), each).await?;
            }
            let versions = store.versions(&log, |version| {
                // What came there since it was listed by its name is no older version.
                let is_older = !version.is_latest;
                if !version.is_marker {
                    add(&version.name, At { bytes: version.bytes, version: is_older.then_some(version.id) });
                }
            });
            versions.await
        })?;
        Ok(copies.into_values().collect())
    }

    /// The sidecar of a copy; `None` if there is none that belongs to it.
    ///
    /// # Errors
    /// The store's; [`CopyFault::Unlike`] if it can't be read, or is of a newer takeup.
    pub fn sidecar(&self, copy: &SegmentCopy) -> Result<Option<Sidecar>, CopyFault> {
        let Some(at) = copy.sidecar.as_ref().filter(|at| (1..=SIDECAR_BYTES_MAX).contains(&at.bytes)) else {
            return Ok(None);
        };
        let object = copy.name.sidecar();
        let text = self.ask(async |store| {
            let (inner, version) = (store.store(), at.version.as_deref());
            store.patiently(async || inner.get_version(&object, version, 0, at.bytes as usize).await).await
        });
        let text = text.map_err(|fault| of_copy(&object, fault))?;
        let bytes = copy.segment.as_ref().map(|at| at.bytes);
        let newer = |cause| CopyFault::Unlike { object: object.clone(), reason: Cause::to_string(&cause) };
        catalog::parse_sidecar(&copy.name, bytes, &text).map_err(newer)
    }

    /// Brings a copy here: a log of this one segment. The one that was here before goes. Read a second time if its content is not what its name says: it may
    /// have been the way here.
    ///
    /// # Errors
    /// The store's; [`CopyFault::Unlike`] if it is damaged or can't be read; the folder can't be written.
    pub fn fetch(&self, copy: &SegmentCopy, sidecar: Option<&Sidecar>) -> Result<LogReader, CopyFault> {
        let object = copy.name.object();
        let damaged = |reason: &str| CopyFault::Unlike { object: object.clone(), reason: reason.to_owned() };
        let at = copy.segment.as_ref().ok_or_else(|| damaged("it is not there"))?;
        self.clear()?;
        let (unfinished, log_dir) = (self.scratch.join("log.unfinished"), self.scratch.join("log"));
        let rebuilt = RebuiltLog::in_folder(&unfinished, self.log)?;
        let (core, segment, blake3) = (copy.name.core, copy.name.segment, copy.name.blake3.clone());
        let expected = Expected { core, segment, bytes: at.bytes, blake3 };
        let mut attempts = 0;
        let fetched = loop {
            attempts += 1;
            let mut fetched = rebuilt.begin(expected.clone())?;
            let mut read = 0;
            while read < at.bytes {
                let version = at.version.as_deref();
                let parts = self.ask(async |store| next_parts(store, &object, version, read, at.bytes).await);
                for part in parts.map_err(|fault| of_copy(&object, fault))? {
                    fetched.write(&part)?;
                    read += part.len() as u64;
                }
            }
            if fetched.is_whole() || attempts == 2 {
                break fetched;
            }
        };
        if !fetched.is_whole() {
            return Err(damaged("its content is not what its name says"));
        }
        if !fetched.is_what_its_name_says(sidecar)? {
            return Err(damaged("it is a segment of another log, core or id than its name says"));
        }
        fetched.finish(sidecar)?;
        rebuilt.finish(&log_dir)?;
        Ok(LogReader::open(&log_dir)?)
    }

    /// Makes sure that a sealed segment of this disk is in the store. Returns its object's name.
    ///
    /// # Errors
    /// The store's; the segment can't be read.
    pub fn upload(&self, info: &SegmentInfo) -> Result<String, CopyFault> {
        let unreadable = |fault: SegmentFault| CopyFault::Unlike {
            object: info.path.display().to_string(),
            reason: fault.to_string(),
        };
        let segment = SealedSegment::open(info).map_err(unreadable)?;
        let mut told = |cause: &Cause| (self.told)(cause);
        let mut patient = Patient::new(&self.store, &mut told);
        match self.runtime.block_on(patient.upload(&self.address, &segment, &self.noted)) {
            Ok(()) => Ok(segment.name.object()),
            Err(AttemptFault::Store(cause)) => Err(self.failed(cause)),
            Err(AttemptFault::Source(fault)) => Err(unreadable(fault)),
        }
    }

    /// Removes a copy, its sidecar last, and all versions of both. Returns what is left, each with its object's name and how it is removed by hand.
    ///
    /// # Errors
    /// The store's.
    pub fn remove(&self, copy: &SegmentCopy) -> Result<Vec<(String, String)>, CopyFault> {
        let mut left = Vec::new();
        for object in [copy.name.object(), copy.name.sidecar()] {
            let versions: Vec<LeftVersion> = self.ask(async |store| {
                let inner = store.store();
                store.patiently(async || remove_for_good(inner, &object).await).await
            })?;
            left.extend(versions.iter().map(|version| (object.clone(), version.advice(&self.access, &object))));
        }
        Ok(left)
    }

    /// Removes what is in the scratch folder.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn clear(&self) -> Result<(), CopyFault> {
        match fs::remove_dir_all(&self.scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(CopyFault::Io { path: self.scratch.clone(), error })
            }
            _ => Ok(()),
        }
    }

    fn ask<T>(&self, work: impl AsyncFnOnce(&mut Patient<'_>) -> Result<T, Cause>) -> Result<T, CopyFault> {
        let mut told = |cause: &Cause| (self.told)(cause);
        let mut patient = Patient::new(&self.store, &mut told);
        self.runtime.block_on(work(&mut patient)).map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: Cause) -> CopyFault {
        match cause.trouble {
            Trouble::Local => CopyFault::Local(cause),
            _ => CopyFault::Store { store: self.address.clone(), cause },
        }
    }
}

/// A fault of one object alone: it is gone by now, the key may not read it, or it was moved to where it can't be read at once.
fn of_copy(object: &str, fault: CopyFault) -> CopyFault {
    match fault {
        CopyFault::Store { cause, .. } if matches!(cause.trouble, Trouble::Missing | Trouble::NoPermission) => {
            CopyFault::Unlike { object: object.to_owned(), reason: cause.to_string() }
        }
        fault => fault,
    }
}
