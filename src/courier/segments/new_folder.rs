//! The data folder in which a log is restored: what an earlier attempt left in it, and that one restore at a time writes there.
//!
//! `restore.json` says what is being restored, and `log.restoring` is the log in the making. When all of it is there, the folder becomes
//! `log`, and the file goes.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::disk::locked_file::{LockedFile, has_no_locks};
use crate::log::format::record::uuid_text;

use super::restore_error::RestoreError;

const PLAN_FILE_NAME: &str = "restore.json";
const FRESH_PLAN_FILE_NAME: &str = "restore.json.tmp";
const UNFINISHED_DIR_NAME: &str = "log.restoring";
const LOG_DIR_NAME: &str = "log";
const DAMAGED_DIR_NAME: &str = "damaged";

/// More than `restore.json` ever holds.
const PLAN_BYTES_MAX: u64 = 1 << 20;

/// What is being restored, as the file says it: another attempt must be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) store: String,
    #[serde(with = "uuid_text")]
    pub(super) log: Uuid,
    pub(super) cores: BTreeSet<u16>,
    pub(super) from_us: Option<u64>,
    pub(super) until_us: Option<u64>,
}

/// What is in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// Nothing, or no folder.
    Nothing,
    /// A part of a log.
    Part(Plan),
    /// A whole log. The attempt that restored it ended before it could remove its plan.
    Whole(Plan),
}

/// A data folder that this restore has for itself.
#[derive(Debug)]
pub(super) struct NewFolder {
    path: PathBuf,
    is_whole: bool,
    /// `None` on a file system without locks, where it is taken for granted that there is no other restore.
    _lock: Option<LockedFile>,
}

impl NewFolder {
    /// Whether a restore may begin or go on there. Changes nothing.
    pub(super) fn look(to: &Path) -> Result<(), RestoreError> {
        Content::of(to).map(drop)
    }

    /// Makes the folder if it is missing, keeps other restores out, and notes the plan durably.
    pub(super) fn take(to: &Path, plan: &Plan) -> Result<Self, RestoreError> {
        let failed = |error| RestoreError::Io { path: to.to_path_buf(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(failed)?;
        let lock = File::open(to).map_err(failed)?;
        let lock = match LockedFile::alone(lock, Duration::ZERO) {
            Ok(None) => {
                let text =
                    format!("another restore into {} is running; wait for it, or name a new folder", to.display());
                return Err(RestoreError::Refused(text));
            }
            Ok(locked) => locked,
            Err(error) if has_no_locks(&error) => None,
            Err(error) => return Err(failed(error)),
        };
        let mut folder = Self { path: to.to_path_buf(), is_whole: false, _lock: lock };
        match Content::of(to)? {
            Content::Nothing => plan.write(to)?,
            Content::Part(earlier) if earlier == *plan => {}
            Content::Whole(earlier) if earlier == *plan => folder.is_whole = true,
            Content::Whole(_) => return Err(holds_a_log(to)),
            Content::Part(earlier) => {
                let text = format!(
                    "{} holds part of another restore ({} of log {}, or another time or core); name a new folder, or the same again",
                    to.display(),
                    earlier.store,
                    earlier.log
                );
                return Err(RestoreError::Refused(text));
            }
        }
        Ok(folder)
    }

    /// Whether an earlier attempt has restored everything, so that all there is to do is to remove its plan.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Where the log is made.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.path.join(UNFINISHED_DIR_NAME)
    }

    /// Where it is in the end.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join(LOG_DIR_NAME)
    }

    /// Where a segment of this name is set aside if it is damaged.
    pub(super) fn damaged(&self, core: u16, segment: u64) -> PathBuf {
        self.path.join(DAMAGED_DIR_NAME).join(format!("{core}-{segment}.seg"))
    }

    /// Whether the disk has room for so many bytes more.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), RestoreError> {
        let stat = rustix::fs::statvfs(&self.path)
            .map_err(|errno| RestoreError::Io { path: self.path.clone(), error: errno.into() })?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free >= bytes {
            return Ok(());
        }
        let to = self.path.display();
        Err(RestoreError::Refused(format!(
            "{to}: {bytes} bytes are needed, and its disk has {free} free; name a folder elsewhere, or make room"
        )))
    }

    /// Removes the plan: the log has its name.
    pub(super) fn finish(self) -> Result<(), RestoreError> {
        let path = self.path.join(PLAN_FILE_NAME);
        fs::remove_file(&path).map_err(|error| RestoreError::Io { path, error })
    }
}

impl Content {
    fn of(to: &Path) -> Result<Self, RestoreError> {
        let failed = |error| RestoreError::Io { path: to.to_path_buf(), error };
        let entries = match fs::read_dir(to) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(failed(error)),
        };
        let mut names = BTreeSet::new();
        for entry in entries {
            names.insert(entry.map_err(failed)?.file_name());
        }
        let mut had = |name: &str| names.remove(std::ffi::OsStr::new(name));
        // Half a plan: the attempt ended before it had begun.
        had(FRESH_PLAN_FILE_NAME);
        let (plan, part, log) = (had(PLAN_FILE_NAME), had(UNFINISHED_DIR_NAME), had(LOG_DIR_NAME));
        let damaged = had(DAMAGED_DIR_NAME);
        let is_foreign = !names.is_empty();
        match (plan, part, log) {
            (true, false, true) if !is_foreign => Plan::read(to).map(Self::Whole),
            (_, _, true) => Err(holds_a_log(to)),
            (true, _, false) if !is_foreign => Plan::read(to).map(Self::Part),
            (false, false, false) if !is_foreign && !damaged => Ok(Self::Nothing),
            _ => Err(RestoreError::Refused(format!("{} is not empty; name a new folder", to.display()))),
        }
    }
}

fn holds_a_log(to: &Path) -> RestoreError {
    RestoreError::Refused(format!("{} holds a log already; name a new folder", to.display()))
}

impl Plan {
    fn read(to: &Path) -> Result<Self, RestoreError> {
        let path = to.join(PLAN_FILE_NAME);
        let mut text = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(PLAN_BYTES_MAX).read_to_end(&mut text));
        read.and_then(|_| Ok(serde_json::from_slice(&text)?)).map_err(|error| RestoreError::Io { path, error })
    }

    fn write(&self, to: &Path) -> Result<(), RestoreError> {
        let write = || {
            let fresh = to.join(FRESH_PLAN_FILE_NAME);
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&fresh, to.join(PLAN_FILE_NAME))?;
            File::open(to)?.sync_all()
        };
        write().map_err(|error| RestoreError::Io { path: to.join(PLAN_FILE_NAME), error })
    }
}

#[cfg(test)]
mod tests;
