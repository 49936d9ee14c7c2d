//! The folder for what recovery set aside: whole files that are no segments, and copies of damaged stretches, each with a report.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::log::disk::calls::Disk;
use crate::log::error::{Damage, LogError};
use crate::log::names::{core_name, segment_stem};

use super::sync::sync_dir;

/// Names are tried with a number at their end until one is free; so often.
const TRIES_MAX: u32 = 10_000;

/// How much of a damaged stretch is copied at a time.
const PIECE_BYTES: usize = 1 << 16;

/// The quarantine of a log, as one core's recovery uses it.
pub(super) struct Quarantine {
    disk: &'static dyn Disk,
    dir: PathBuf,
    core: u16,
}

/// What a report says.
#[derive(Serialize)]
struct QuarantineReport<'a> {
    /// The file that it is about.
    from: String,
    core: u16,
    /// The moment of the report, seconds since 1970.
    unix_seconds: u64,
    reason: &'a str,
    /// Where in the file; absent where it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    bytes: u64,
}

impl Quarantine {
    pub(super) fn new(disk: &'static dyn Disk, dir: PathBuf, core: u16) -> Quarantine {
        Quarantine { disk, dir, core }
    }

    /// Moves a whole file here; gives its new path.
    pub(super) fn take(&self, path: &Path, reason: &str) -> Result<PathBuf, LogError> {
        let set_aside = || LogError::io(path, "move the file to quarantine");
        let bytes = fs::symlink_metadata(path).map_err(set_aside())?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let to = self.free_name(&format!("{}-{name}", core_name(self.core)))?;
        if path.is_dir() {
            // A folder can't take the name of a file, which is held for it until now.
            self.disk.remove(&to).map_err(set_aside())?;
        }
        self.disk.rename(path, &to).map_err(set_aside())?;
        self.report(&to, path, reason, None, bytes)?;
        sync_dir(self.disk, &self.dir)?;
        Ok(to)
    }

    /// Copies a damaged stretch here, as far as it can be read.
    pub(super) fn copy(&self, file: &File, damage: &Damage) -> Result<(), LogError> {
        let name = format!("{}-{}-{}.bytes", core_name(self.core), segment_stem(damage.segment), damage.offset);
        let to = self.free_name(&name)?;
        let copy = || {
            let into = self.disk.create(&to)?;
            let mut piece = vec![0; PIECE_BYTES];
            let mut copied = 0;
            while copied < damage.bytes {
                let want = piece.len().min((damage.bytes - copied) as usize);
                let got = file.read_at(&mut piece[..want], damage.offset + copied)?;
                if got == 0 {
                    break;
                }
                self.disk.write_at(&into, &piece[..got], copied)?;
                copied += got as u64;
            }
            self.disk.sync(&into)
        };
        let copied = copy().map_err(LogError::io(&to, "copy the damaged bytes to quarantine"));
        // The report is worth having without the copy.
        self.report(&to, &damage.path, damage.reason, Some(damage.offset), damage.bytes)?;
        copied
    }

    fn report(&self, of: &Path, from: &Path, reason: &str, offset: Option<u64>, bytes: u64) -> Result<(), LogError> {
        let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let report =
            QuarantineReport { from: from.display().to_string(), core: self.core, unix_seconds, reason, offset, bytes };
        let mut path = of.as_os_str().to_owned();
        path.push(".report.json");
        let path = PathBuf::from(path);
        let write = || {
            let mut text = serde_json::to_vec_pretty(&report)?;
            text.push(b'\n');
            let file = self.disk.create(&path)?;
            self.disk.write_at(&file, &text, 0)?;
            self.disk.sync(&file)
        };
        write().map_err(LogError::io(&path, "write the report"))
    }

    /// The folder's name has to be durable before anything is moved into it.
    fn make_dir(&self) -> io::Result<()> {
        match self.disk.make_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.disk.sync_dir(self.dir.parent().unwrap_or(Path::new("."))),
        }
    }

    /// A path here that nothing has yet. It is created empty, so that nobody else takes it.
    fn free_name(&self, name: &str) -> Result<PathBuf, LogError> {
        self.make_dir().map_err(LogError::io(&self.dir, "create the quarantine folder"))?;
        let mut path = self.dir.join(name);
        for number in 1..TRIES_MAX {
            match self.disk.create_new(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    path = self.dir.join(format!("{name}.{number}"));
                }
                Err(error) => return Err(LogError::io(&path, "create a file in quarantine")(error)),
            }
        }
        Err(LogError::io(&path, "find a free name in quarantine")(io::ErrorKind::AlreadyExists.into()))
    }
}
