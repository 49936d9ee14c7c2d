//! One pass: brings the store to where the archive is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::archive::error::ArchiveError;
use crate::archive::lock::ArchiveLock;
use crate::archive::manifest::{Day, FileEntry, Manifest, Partial};
use crate::archive::place::{LISTS_DIR_NAME, MANIFEST, Place};
use crate::archive::source::Source;
use crate::archive::tables;
use crate::base::units::counted;
use crate::courier::stores::{AttemptFault, ObjectUpload, Store, UnfinishedUpload, UploadSource, may_pass};
use crate::courier::{Cause, Trouble};
use crate::log::read::merge::MergePosition;

use super::aside::{Aside, is_of_file};
use super::local_file::{ListText, LocalFile};
use super::plan::{Plan, Wanted};
use super::record::{Record, RecordFile};

/// The file in the data folder that notes the upload under way.
const UPLOAD_FILE_NAME: &str = "archive-upload.json";

/// The lock in the data folder: one pass at a time, of whatever process.
const LOCK_FILE_NAME: &str = "archive-store.lock";

/// The largest `manifest.json` that is read of a store.
const HEAD_BYTES_MAX: u64 = 256 << 20;

/// A store and the archive that is copied there.
#[derive(Debug)]
pub struct Mirror {
    store: Store,
    address: String,
    place: Place,
    lock: PathBuf,
    record: RecordFile,
    noted: UnfinishedUpload,
    aside: Mutex<Aside>,
}

/// What a pass came to.
#[derive(Debug)]
pub enum Pass {
    /// There is no archive yet.
    NoArchive,
    /// Another process is at it.
    Busy,
    /// The archive has changed meanwhile, so that files to be uploaded are gone: another pass is needed.
    Overtaken,
    /// The store has this archive.
    Done {
        /// Up to where the log is there.
        to: Option<MergePosition>,
        /// When the newest record of it was received, in microseconds.
        last_us: Option<u64>,
        /// What is not as it should be, and kept nothing else from being copied.
        remark: Option<Cause>,
    },
}

/// Who is told what a pass does.
pub trait Watch {
    /// So much is to be uploaded.
    fn planned(&mut self, files: u64, bytes: u64);

    /// A file is there.
    fn uploaded(&mut self, file: &Wanted);

    /// An object that the archive no longer has is gone.
    fn removed(&mut self) {}

    /// An object that the archive no longer has stays: the store does not let it be removed.
    fn left(&mut self, _name: &str) {}

    /// The store has failed in a way that may pass. Returns when it is to be tried again.
    ///
    /// # Errors
    /// The pass is to be given up.
    fn waits(&mut self, cause: Cause) -> impl Future<Output = Result<(), Cause>>;
}

/// What the store has.
struct There {
    text: Option<Vec<u8>>,
    manifest: Option<Manifest>,
    /// Names that may be there besides.
    loose: Vec<String>,
}

impl Mirror {
    /// The archive of a data folder, and the store with this address.
    pub fn new(store: Store, address: String, data: &Path) -> Self {
        Self {
            store,
            address,
            place: Place::in_data(data),
            lock: data.join(LOCK_FILE_NAME),
            record: RecordFile::beside(data),
            noted: UnfinishedUpload::beside(data, UPLOAD_FILE_NAME),
            aside: Mutex::default(),
        }
    }

    fn aside(&self) -> MutexGuard<'_, Aside> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is told of another process that is at it for long.
    pub fn busy(&self) -> Cause {
        let lock = self.lock.display();
        let text = format!(
            "{lock}: another process has been copying the archive for long; see whether it goes on (`fuser {lock}`)"
        );
        Cause::new(Trouble::Local, "busy", text)
    }

    /// The archive's folder.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Gives up what an earlier process was uploading when it ended. Returns what was begun in another store, whose parts stay there.
    ///
    /// # Errors
    /// The store's.
    pub async fn drop_unfinished(&self) -> Result<(), Cause> {
        let Some(_lock) = ArchiveLock::try_take(&self.lock).map_err(|error| local(&error))? else { return Ok(()) };
        let unreadable = |error| Cause::new(Trouble::Local, "", format!("{}: {error}", self.noted.path().display()));
        if let Some(begun) = self.noted.read().map_err(unreadable)?.filter(|begun| begun.store == self.address) {
            self.store.give_up_id(&begun.object, &begun.upload).await?;
        }
        self.noted.clear().map_err(unreadable)
    }

    /// Brings the store to where the archive is. Tried again after an error, it passes over what is there already.
    ///
    /// # Errors
    /// Those of the store, of this disk, and of an archive that is damaged; a store with another archive, or another writer.
    pub async fn pass(&self, watch: &mut impl Watch) -> Result<Pass, Cause> {
        let Some(_lock) = ArchiveLock::try_take(&self.lock).map_err(|error| local(&error))? else {
            return Ok(Pass::Busy);
        };
        let source = Source::folder(&self.place);
        let Some(text) = source.read(MANIFEST, HEAD_BYTES_MAX).map_err(|error| local(&error))? else {
            return Ok(Pass::NoArchive);
        };
        let now = Manifest::parse(&source, &text).map_err(|error| local(&error))?;
        if now.is_old() {
            let text = "the archive is as an older takeup has written it; run `takeup compact` once";
            return Err(Cause::new(Trouble::Local, "old-archive", text));
        }
        let mut result = self.bring(&source, &text, &now, watch).await;
        if matches!(result, Err(Stopped::SetAside)) {
            // Once more without what was set aside. What was uploaded is there.
            result = self.bring(&source, &text, &now, watch).await;
        }
        match result {
            Ok((last_us, remark)) => Ok(Pass::Done { to: now.to, last_us, remark }),
            Err(Stopped::Store(cause)) => Err(cause),
            Err(Stopped::SetAside) => Ok(Pass::Overtaken),
            Err(Stopped::Archive(error @ ArchiveError::Missing { .. })) => {
                let newer = source.read(MANIFEST, HEAD_BYTES_MAX).map_err(|error| local(&error))?;
                if newer.is_some_and(|newer| newer != text) { Ok(Pass::Overtaken) } else { Err(local(&error)) }
            }
            Err(Stopped::Archive(error)) => Err(local(&error)),
        }
    }

    /// The archive as the store is to have it: without the files that can't be copied.
    fn as_copied(&self, source: &Source, text: &[u8], now: &Manifest) -> Result<(Partial, Vec<u8>), ArchiveError> {
        let mut aside = self.aside();
        let partial = now.without(source, &aside.paths(&self.place))?;
        aside.keep(&partial.left_out);
        let text = if partial.left_out.is_empty() { text.to_vec() } else { partial.manifest.text(&self.place)? };
        Ok((partial, text))
    }

    async fn bring(
        &self,
        source: &Source,
        text: &[u8],
        archive: &Manifest,
        watch: &mut impl Watch,
    ) -> Result<(Option<u64>, Option<Cause>), Stopped> {
        let (partial, text) = self.as_copied(source, text, archive)?;
        let (now, text) = (&partial.manifest, &text[..]);
        let known = self.record.read(&self.address)?;
        let there = self.there(now, known.as_ref()).await?;
        let last_us = last_us(source, now)?;
        if there.text.as_deref() == Some(text) && there.loose.is_empty() {
            if known.is_none_or(|known| known.manifest.is_none() || known.next.is_some()) {
                self.record.write(&self.settled(now, text, Vec::new()))?;
            }
            return Ok((last_us, self.aside().cause()));
        }
        let plan = self.plan(source, now, &there).await?;
        let before = match there.text {
            Some(before) => before,
            None => self.claim(now).await?,
        };
        let next = Some(hash(text));
        let loose = plan.names();
        self.record.write(&Record { next, loose, ..self.settled(now, &before, Vec::new()) })?;
        watch.planned(plan.files.len() as u64, plan.files.iter().map(|file| file.bytes).sum());
        self.upload_files(&plan.files, source, watch).await?;
        for list in &plan.lists {
            match partial.lists.get(&list.path) {
                Some(text) => self.upload(&ListText { wanted: list, text }, watch).await?,
                None => self.upload(&LocalFile::open(&self.place, list)?, watch).await?,
            }
        }
        patiently(watch, async || self.publish(&before, text).await).await?;
        let (left, refusal) = self.remove(plan.gone, now, text, watch).await?;
        self.record.write(&self.settled(now, text, left))?;
        Ok((last_us, self.aside().cause().or(refusal)))
    }

    /// Uploads the tables' files. One that is damaged or lost is set aside, and keeps no other from being uploaded.
    async fn upload_files(&self, files: &[Wanted], source: &Source, watch: &mut impl Watch) -> Result<(), Stopped> {
        let mut is_whole = true;
        for file in files {
            let uploaded = match LocalFile::open(&self.place, file) {
                Ok(local) => self.upload(&local, watch).await,
                Err(error) => Err(error.into()),
            };
            match uploaded {
                Ok(()) => watch.uploaded(file),
                // Otherwise it was merged or removed meanwhile.
                Err(Stopped::Archive(error)) if is_of_file(&error) && Manifest::names_path_now(source, &file.path)? => {
                    self.aside().add(&self.place, &file.path, &error);
                    is_whole = false;
                }
                Err(stopped) => return Err(stopped),
            }
        }
        if is_whole { Ok(()) } else { Err(Stopped::SetAside) }
    }

    /// Removes what the archive no longer has. Returns what the store does not let takeup remove, and why.
    async fn remove(
        &self,
        gone: BTreeSet<String>,
        now: &Manifest,
        text: &[u8],
        watch: &mut impl Watch,
    ) -> Result<(Vec<String>, Option<Cause>), Stopped> {
        if !gone.is_empty() {
            self.record.write(&self.settled(now, text, gone.iter().cloned().collect()))?;
        }
        let (mut left, mut refusal) = (Vec::new(), None);
        for name in gone {
            if refusal.is_none() {
                match patiently(watch, async || self.store.remove(&name).await).await {
                    Ok(()) => {
                        watch.removed();
                        continue;
                    }
                    // It would say so of each.
                    Err(cause) if cause.trouble == Trouble::NoPermission => refusal = Some(cause),
                    Err(cause) => return Err(cause.into()),
                }
            }
            watch.left(&name);
            left.push(name);
        }
        let told = |cause: Cause| {
            let count = counted(left.len() as u64, "object");
            let text = format!("{count} that the archive no longer has can't be removed there: {}", cause.text);
            Cause { text, ..cause }
        };
        let refusal = refusal.map(told);
        Ok((left, refusal))
    }

    /// What is known once a manifest is there.
    fn settled(&self, now: &Manifest, text: &[u8], loose: Vec<String>) -> Record {
        Record { store: self.address.clone(), archive: now.archive, manifest: Some(hash(text)), next: None, loose }
    }

    /// Looks at what the store has, and refuses what is not this takeup's.
    async fn there(&self, now: &Manifest, known: Option<&Record>) -> Result<There, Stopped> {
        let text = self.store.get_whole(MANIFEST, HEAD_BYTES_MAX).await?;
        let Some(text) = text else {
            // New, or emptied by somebody. Nothing there is known to be ours, but for what is on record.
            let loose = known.map(|known| known.loose.clone()).unwrap_or_default();
            return Ok(There { text: None, manifest: None, loose });
        };
        // For messages: it is not read from.
        let named = Source::folder(&Place::at(Path::new(&self.address)));
        let manifest = Manifest::parse(&named, &text)
            .map_err(|error| Cause::new(Trouble::Mismatch, "manifest", error.to_string()))?;
        if manifest.archive != now.archive {
            let text = format!(
                "another archive is there ({}; this one is {}), and stays as it is; give this one another prefix",
                manifest.archive, now.archive
            );
            return Err(Cause::new(Trouble::Mismatch, "another-archive", text).into());
        }
        let found = hash(&text);
        let Some(known) = known.filter(|known| known.archive == now.archive) else {
            let loose = self.list().await?;
            return Ok(There { text: Some(text), manifest: Some(manifest), loose });
        };
        if ![&known.manifest, &known.next].into_iter().flatten().any(|one| *one == found) {
            return Err(self.another_writer().into());
        }
        Ok(There { text: Some(text), manifest: Some(manifest), loose: known.loose.clone() })
    }

    fn another_writer(&self) -> Cause {
        let text = format!(
            "another takeup, with a copy of this data folder, writes to the same place; stop it or give one another prefix, then remove {}",
            self.record.path().display()
        );
        Cause::new(Trouble::Mismatch, "another-writer", text)
    }

    /// The tables' files and lists that are in the store.
    async fn list(&self) -> Result<Vec<String>, Cause> {
        let mut found = Vec::new();
        let mut folders: Vec<String> = tables::ALL.iter().map(|table| format!("{}/", table.name)).collect();
        folders.push(format!("{LISTS_DIR_NAME}/"));
        while let Some(folder) = folders.pop() {
            let mut next = None;
            loop {
                let page = self.store.list(&folder, next.clone()).await?;
                found.extend(page.objects.into_iter().map(|object| object.name));
                // An archive's are no deeper than table, day and hour.
                let below = page.folders.into_iter().filter(|name| name.split('/').count() <= 3);
                folders.extend(below.map(|name| format!("{name}/")));
                if page.next.is_none() || page.next == next {
                    break;
                }
                next = page.next;
            }
        }
        Ok(found)
    }

    async fn plan(&self, source: &Source, now: &Manifest, there: &There) -> Result<Plan, Stopped> {
        let mut plan = Plan::default();
        let empty = Vec::new();
        let before = there.manifest.as_ref().map_or(&empty, |manifest| &manifest.days);
        for day in &now.days {
            let old = before.iter().find(|old| old.date == day.date);
            if old.is_some_and(|old| (&old.path, &old.blake3) == (&day.path, &day.blake3)) {
                continue;
            }
            let files = now.files_of(source, day)?;
            let old = match old {
                Some(old) => Some((old, self.files_there(old).await?)),
                None => None,
            };
            plan.day(Some((day, files)), old);
        }
        for old in before.iter().filter(|old| !now.days.iter().any(|day| day.date == old.date)) {
            plan.day(None, Some((old, self.files_there(old).await?)));
        }
        plan.loose(there.loose.iter().cloned(), source, now)?;
        Ok(plan)
    }

    /// The files of a day in the store.
    async fn files_there(&self, day: &Day) -> Result<Vec<FileEntry>, Cause> {
        let lost = |what: String| {
            let advice = format!("put it back, or remove {MANIFEST} there: the whole archive is then uploaded again");
            Cause::new(Trouble::Other, "damaged-store", format!("{}: {what}; {advice}", day.path))
        };
        let text = self.store.get_whole(&day.path, day.list_bytes.max(1)).await?;
        let text = text.ok_or_else(|| lost("missing in the store".to_owned()))?;
        day.parse(PathBuf::from(&day.path), &text).map_err(|error| lost(error.to_string()))
    }

    /// Puts an archive without files where there is none, so that nobody else takes the place while the first files are uploaded.
    async fn claim(&self, now: &Manifest) -> Result<Vec<u8>, Stopped> {
        let text = Manifest::begun(now.archive).text(&self.place)?;
        let loose = Vec::new();
        let (manifest, next) = (None, Some(hash(&text)));
        self.record.write(&Record { manifest, next, ..self.settled(now, &text, loose) })?;
        self.put(&text).await?;
        Ok(text)
    }

    /// Replaces the manifest, if it is still what it was.
    async fn publish(&self, before: &[u8], text: &[u8]) -> Result<(), Cause> {
        match self.store.get_whole(MANIFEST, HEAD_BYTES_MAX).await? {
            // The answer to an earlier attempt was lost.
            Some(found) if found == text => Ok(()),
            Some(found) if found == before => self.put(text).await,
            Some(_) => Err(self.another_writer()),
            None => {
                let text = format!("{MANIFEST} was removed there while the archive was uploaded");
                Err(Cause::new(Trouble::Lost, "", text))
            }
        }
    }

    async fn put(&self, text: &[u8]) -> Result<(), Cause> {
        self.store.put(MANIFEST, text.to_vec()).await?;
        let found = self.store.get_whole(MANIFEST, HEAD_BYTES_MAX).await?;
        if found.as_deref() == Some(text) {
            return Ok(());
        }
        Err(Cause::new(
            Trouble::Other,
            "unlike-what-was-written",
            format!("{MANIFEST}: what is read back is not what was written"),
        ))
    }

    async fn upload(
        &self,
        file: &impl UploadSource<Fault = ArchiveError>,
        watch: &mut impl Watch,
    ) -> Result<(), Stopped> {
        let mut upload = ObjectUpload::new(&self.store, &self.address, file, &self.noted);
        loop {
            let stopped = match upload.attempt().await {
                Ok(()) => return Ok(()),
                Err(AttemptFault::Store(cause)) if may_pass(cause.trouble) => match watch.waits(cause).await {
                    Ok(()) => continue,
                    Err(cause) => cause.into(),
                },
                Err(AttemptFault::Store(cause)) => Stopped::from(cause),
                Err(AttemptFault::Source(error)) => error.into(),
            };
            upload.give_up().await?;
            return Err(stopped);
        }
    }
}

/// Tries again what may pass.
async fn patiently(watch: &mut impl Watch, call: impl AsyncFn() -> Result<(), Cause>) -> Result<(), Cause> {
    loop {
        match call().await {
            Err(cause) if may_pass(cause.trouble) => watch.waits(cause).await?,
            other => return other,
        }
    }
}

/// Why a pass has not come to its end.
enum Stopped {
    Store(Cause),
    Archive(ArchiveError),
    /// Files were set aside.
    SetAside,
}

impl From<Cause> for Stopped {
    fn from(cause: Cause) -> Self {
        Self::Store(cause)
    }
}

impl From<ArchiveError> for Stopped {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

/// Something on this machine.
fn local(error: &ArchiveError) -> Cause {
    Cause::new(Trouble::Local, "", error.to_string())
}

fn hash(text: &[u8]) -> String {
    blake3::hash(text).to_hex().to_string()
}

/// When the newest record of the archive was received.
fn last_us(source: &Source, manifest: &Manifest) -> Result<Option<u64>, ArchiveError> {
    let Some(day) = manifest.days.last() else { return Ok(None) };
    let newest = manifest.files_of(source, day)?.iter().map(|file| file.last_us).max();
    Ok(newest.and_then(|us| u64::try_from(us).ok()))
}
