//! Makes a log of what is in a store: `takeup restore`.
//!
//! In the new data folder, `restore.json` says what is being restored, and `log.restoring` is the log in the making. When all of it is there,
//! the folder becomes `log`, and the file goes. Until then the same command goes on where it was ended. What does not have the hash that its
//! name says, also when it is read again, is moved to `damaged/`, and the rest goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::courier::cause::Cause;
use crate::log::LogError;
use crate::log::format::record::uuid_text;
use crate::log::repair::rebuild::{Expected, RebuiltLog};

use super::access::StoreAccess;
use super::blocking::block_on;
use super::catalog::{self, CoreSegments, StoredSegment};
use super::patience::Patient;
use super::store::{PART_BYTES, Store};

const PLAN_FILE_NAME: &str = "restore.json";
const UNFINISHED_DIR_NAME: &str = "log.restoring";
const LOG_DIR_NAME: &str = "log";
const DAMAGED_DIR_NAME: &str = "damaged";

/// More than `restore.json` ever holds.
const PLAN_BYTES_MAX: u64 = 1 << 20;

/// What to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOptions {
    /// The new data folder.
    pub to: PathBuf,
    /// Which log; `None` if the store has one.
    pub log: Option<Uuid>,
    /// Only these cores; empty means all.
    pub cores: BTreeSet<u16>,
    /// Only segments with records from this order time on.
    pub from_us: Option<u64>,
    /// Only segments with records before this order time.
    pub until_us: Option<u64>,
}

/// What is being restored, as the file says it: another attempt must be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PlanFile {
    store: String,
    #[serde(with = "uuid_text")]
    log: Uuid,
    cores: BTreeSet<u16>,
    from_us: Option<u64>,
    until_us: Option<u64>,
}

/// What a restore tells while it runs.
#[derive(Debug)]
pub enum RestoreEvent<'a> {
    /// So much will be there at the end.
    Planned {
        /// Segments.
        segments: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// So many bytes more are there, by now or from an earlier attempt.
    Moved(u64),
    /// So many bytes are to be read again.
    Again(u64),
    /// The store does not answer as it should, and is asked again.
    Waits(&'a Cause),
    /// An object has no sidecar that can be used: the segment is described anew.
    NoSidecar(&'a str),
}

/// A segment whose object is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedObject {
    /// The object.
    pub object: String,
    /// Where what was read of it is.
    pub path: PathBuf,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// The store.
    pub store: String,
    /// The log.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// Where it is.
    pub to: PathBuf,
    /// Whether all that was asked for is there.
    pub complete: bool,
    /// Segments in the new log.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them were there from an earlier attempt.
    pub found: u64,
    /// What could not be restored.
    pub damaged: Vec<DamagedObject>,
}

/// Why nothing was restored, or not yet all.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The settings do not describe a store.
    #[error("{0}")]
    Settings(String),
    /// The store's fault.
    #[error("{store} {cause}; {}", .cause.trouble.advice())]
    Store {
        /// The store.
        store: String,
        /// The fault.
        cause: Cause,
    },
    /// The new log can't be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was asked for can't be done.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be waited for.
    #[error("no connection can be waited for: {0}")]
    Runtime(io::Error),
    /// A file or folder of this machine.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The fault.
        error: io::Error,
    },
}

/// Restores a log. Runs until it is done.
///
/// # Errors
/// See [`RestoreError`]. What is there stays, and the same call goes on with it.
pub fn restore(
    access: &StoreAccess,
    options: &RestoreOptions,
    tell: &mut dyn FnMut(RestoreEvent<'_>),
) -> Result<RestoreReport, RestoreError> {
    let store = Store::open(access).map_err(RestoreError::Settings)?;
    block_on(work(&store, &access.url.to_string(), options, tell)).map_err(RestoreError::Runtime)?
}

async fn work(
    store: &Store,
    address: &str,
    options: &RestoreOptions,
    tell: &mut dyn FnMut(RestoreEvent<'_>),
) -> Result<RestoreReport, RestoreError> {
    let of_store = |cause: Cause| RestoreError::Store { store: address.to_owned(), cause };
    let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
    let mut patient = Patient::new(store, &mut waits);
    let earlier = look_into(&options.to)?;
    let log = which_log(&mut patient, options.log, address).await?;
    let plan = PlanFile {
        store: address.to_owned(),
        log,
        cores: options.cores.clone(),
        from_us: options.from_us,
        until_us: options.until_us,
    };
    if let Some(earlier) = earlier.filter(|earlier| *earlier != plan) {
        let text = format!(
            "{} holds part of another restore ({} of log {}, or another time or core); name a new folder, or the same again",
            options.to.display(),
            earlier.store,
            earlier.log
        );
        return Err(RestoreError::Refused(text));
    }
    let all = catalog::segments(&mut patient, log).await.map_err(of_store)?;
    let chosen = choose(&mut patient, all, options).await.map_err(of_store)?;
    if chosen.is_empty() {
        let text = format!("{address} has no segment of log {log} of that time and core; --list shows what is there");
        return Err(RestoreError::Refused(text));
    }
    let bytes = chosen.iter().map(|segment| segment.bytes).sum();
    tell(RestoreEvent::Planned { segments: chosen.len() as u64, bytes });
    plan.write(&options.to)?;
    let mut job = Job {
        address,
        rebuilt: RebuiltLog::in_folder(&options.to.join(UNFINISHED_DIR_NAME), log)?,
        damaged_dir: options.to.join(DAMAGED_DIR_NAME),
        report: RestoreReport {
            store: address.to_owned(),
            log,
            to: options.to.clone(),
            complete: false,
            segments: 0,
            bytes: 0,
            found: 0,
            damaged: Vec::new(),
        },
    };
    let mut missing = Vec::new();
    for segment in chosen {
        if job.rebuilt.has(&expected(&segment))? {
            tell(RestoreEvent::Moved(segment.bytes));
            job.report.found += 1;
            job.count(&segment);
        } else {
            missing.push(segment);
        }
    }
    check_room(&options.to, missing.iter().map(|segment| segment.bytes).sum())?;
    for segment in &missing {
        job.fetch(store, segment, tell).await?;
    }
    job.rebuilt.finish(&options.to.join(LOG_DIR_NAME))?;
    let path = options.to.join(PLAN_FILE_NAME);
    fs::remove_file(&path).map_err(|error| RestoreError::Io { path, error })?;
    job.report.complete = job.report.damaged.is_empty();
    Ok(job.report)
}

/// A restore under way.
struct Job<'a> {
    address: &'a str,
    rebuilt: RebuiltLog,
    damaged_dir: PathBuf,
    report: RestoreReport,
}

impl Job<'_> {
    /// Brings a segment here. One that is damaged is read a second time: it may have been the way here.
    async fn fetch(
        &mut self,
        store: &Store,
        segment: &StoredSegment,
        tell: &mut dyn FnMut(RestoreEvent<'_>),
    ) -> Result<(), RestoreError> {
        let of_store = |cause: Cause| RestoreError::Store { store: self.address.to_owned(), cause };
        let mut attempts = 0;
        let object = segment.name.object();
        let rebuilt = loop {
            attempts += 1;
            let mut rebuilt = self.rebuilt.begin(expected(segment))?;
            let mut at = 0;
            while at < segment.bytes {
                let parts = {
                    let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
                    let mut patient = Patient::new(store, &mut waits);
                    next_parts(&mut patient, &object, at, segment.bytes).await.map_err(of_store)?
                };
                for part in parts {
                    rebuilt.write(&part)?;
                    at += part.len() as u64;
                    tell(RestoreEvent::Moved(part.len() as u64));
                }
            }
            if rebuilt.is_whole() || attempts == 2 {
                break rebuilt;
            }
            tell(RestoreEvent::Again(segment.bytes));
        };
        if !rebuilt.is_whole() {
            let path = self.damaged_dir.join(format!("{}-{}.seg", segment.name.core, segment.name.segment));
            rebuilt.set_aside(&path)?;
            self.report.damaged.push(DamagedObject { object, path });
            return Ok(());
        }
        let sidecar = {
            let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
            catalog::sidecar(&mut Patient::new(store, &mut waits), segment).await.map_err(of_store)?
        };
        if sidecar.is_none() {
            tell(RestoreEvent::NoSidecar(&object));
        }
        rebuilt.finish(sidecar.as_ref())?;
        self.count(segment);
        Ok(())
    }

    fn count(&mut self, segment: &StoredSegment) {
        self.report.segments += 1;
        self.report.bytes += segment.bytes;
    }
}

/// The next one or two parts of an object.
async fn next_parts(store: &mut Patient<'_>, object: &str, at: u64, bytes: u64) -> Result<Vec<Vec<u8>>, Cause> {
    let first = (PART_BYTES as u64).min(bytes - at) as usize;
    let then = at + first as u64;
    let second = (PART_BYTES as u64).min(bytes - then) as usize;
    if second == 0 {
        return Ok(vec![store.get(object, at, first).await?]);
    }
    Ok(store.get_both(object, (at, first), (then, second)).await?.into())
}

fn expected(segment: &StoredSegment) -> Expected {
    let name = &segment.name;
    Expected { core: name.core, segment: name.segment, bytes: segment.bytes, blake3: name.blake3.clone() }
}

async fn which_log(store: &mut Patient<'_>, asked: Option<Uuid>, address: &str) -> Result<Uuid, RestoreError> {
    let logs = catalog::logs(store).await;
    let logs = logs.map_err(|cause| RestoreError::Store { store: address.to_owned(), cause })?;
    let named: Vec<String> = logs.iter().map(Uuid::to_string).collect();
    match (asked, &*logs) {
        (_, []) => Err(RestoreError::Refused(format!("{address} has no segments: check the prefix"))),
        (Some(log), _) if logs.contains(&log) => Ok(log),
        (Some(log), _) => {
            Err(RestoreError::Refused(format!("{address} has nothing of log {log}; there is: {}", named.join(", "))))
        }
        (None, [log]) => Ok(*log),
        (None, _) => Err(RestoreError::Refused(format!(
            "{address} has segments of several logs; choose one with --log: {}",
            named.join(", ")
        ))),
    }
}

/// The segments of the wanted cores and times, by core and id. Those that lie before the wanted time are looked for from the newest on,
/// so that no more sidecars are read than needed.
async fn choose(
    store: &mut Patient<'_>,
    all: BTreeMap<u16, CoreSegments>,
    options: &RestoreOptions,
) -> Result<Vec<StoredSegment>, Cause> {
    let mut chosen = Vec::new();
    for (core, segments) in all {
        if !options.cores.is_empty() && !options.cores.contains(&core) {
            continue;
        }
        let first = chosen.len();
        for segment in segments.into_values().rev() {
            // A segment's id is the time at which it was made: none of its records is older.
            if options.until_us.is_some_and(|until_us| segment.name.segment >= until_us) {
                continue;
            }
            if options.from_us.is_some() || options.until_us.is_some() {
                match catalog::times(store, &segment).await? {
                    Some((_, last_us)) if options.from_us.is_some_and(|from_us| last_us < from_us) => break,
                    Some((first_us, _)) if options.until_us.is_some_and(|until_us| first_us >= until_us) => continue,
                    _ => {}
                }
            }
            chosen.push(segment);
        }
        chosen[first..].reverse();
    }
    Ok(chosen)
}

/// What is in the new data folder: nothing, or an earlier attempt.
fn look_into(to: &Path) -> Result<Option<PlanFile>, RestoreError> {
    let failed = |error| RestoreError::Io { path: to.to_path_buf(), error };
    let entries = match fs::read_dir(to) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.insert(entry.map_err(failed)?.file_name());
    }
    if names.is_empty() {
        return Ok(None);
    }
    let has = |name: &str| names.iter().any(|there| there == name);
    let foreign =
        || names.iter().any(|name| name != PLAN_FILE_NAME && name != UNFINISHED_DIR_NAME && name != DAMAGED_DIR_NAME);
    if has(LOG_DIR_NAME) {
        return Err(RestoreError::Refused(format!("{} holds a log already; name a new folder", to.display())));
    }
    if !has(PLAN_FILE_NAME) || foreign() {
        return Err(RestoreError::Refused(format!("{} is not empty; name a new folder", to.display())));
    }
    PlanFile::read(to).map(Some)
}

impl PlanFile {
    fn read(to: &Path) -> Result<Self, RestoreError> {
        let path = to.join(PLAN_FILE_NAME);
        let mut text = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(PLAN_BYTES_MAX).read_to_end(&mut text));
        read.and_then(|_| Ok(serde_json::from_slice(&text)?)).map_err(|error| RestoreError::Io { path, error })
    }

    /// Writes it durably, in a folder that is made if it is missing.
    fn write(&self, to: &Path) -> Result<(), RestoreError> {
        let write = || {
            DirBuilder::new().recursive(true).mode(0o700).create(to)?;
            let fresh = to.join(format!("{PLAN_FILE_NAME}.tmp"));
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&fresh, to.join(PLAN_FILE_NAME))?;
            File::open(to)?.sync_all()
        };
        write().map_err(|error| RestoreError::Io { path: to.join(PLAN_FILE_NAME), error })
    }
}

/// Whether the disk has room for so many bytes more.
fn check_room(to: &Path, bytes: u64) -> Result<(), RestoreError> {
    let stat =
        rustix::fs::statvfs(to).map_err(|errno| RestoreError::Io { path: to.to_path_buf(), error: errno.into() })?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free >= bytes {
        return Ok(());
    }
    let to = to.display();
    Err(RestoreError::Refused(format!(
        "{to}: {bytes} bytes are needed, and its disk has {free} free; name a folder elsewhere, or make room"
    )))
}
