//! Reading a log from outside: which segments there are, how far each may be read, and the records of one.
//!
//! Nothing here writes, locks out a server, or maps a file. It works the same beside a running server, on a log that was left by one
//! that was killed, and on a folder copied by hand.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::control::{self, ControlSnapshot, ControlView};
use super::error::LogError;
use super::header::{PAGE_BYTES, VERSION};
use super::record::uuid_text;
use super::sidecar::Sidecar;

mod scan;

pub use scan::SegmentReader;
pub(super) use scan::{End, Found};

/// The name of the file that tells the log's UUID and version.
pub const LOG_FILE_NAME: &str = "log.json";

/// The name of the lock file: held by `flock` while a server runs, with its process id as text.
pub const LOCK_FILE_NAME: &str = "lock";

/// The folder for what recovery set aside.
pub const QUARANTINE_DIR_NAME: &str = "quarantine";

/// What `log.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// The version of the format.
    pub version: u32,
    /// The log's name for ever.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
}

impl LogFile {
    /// Reads `log.json` in a log's folder.
    pub fn read(log_dir: &Path) -> Result<LogFile, LogError> {
        let path = log_dir.join(LOG_FILE_NAME);
        let text = fs::read(&path).map_err(LogError::io(&path, "read what log this is"))?;
        let file: LogFile = serde_json::from_slice(&text)
            .map_err(|error| LogError::io(&path, "understand what log this is")(io::Error::from(error)))?;
        if file.version > VERSION {
            return Err(LogError::Version { path, found: file.version, known: VERSION });
        }
        Ok(file)
    }
}

/// What a segment is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentState {
    /// Finished: it never changes again.
    Sealed,
    /// Being written by a running server; readable up to the durable end.
    Writing,
    /// Full and durable, about to be sealed by a running server.
    Sealing,
    /// Made ready by a running server; nothing is in it.
    Ready,
    /// Left by a server that is gone. The next server settles it; until then what is known to be durable is readable.
    Left,
}

impl SegmentState {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            SegmentState::Sealed => "sealed",
            SegmentState::Writing => "writing",
            SegmentState::Sealing => "sealing",
            SegmentState::Ready => "ready",
            SegmentState::Left => "left",
        }
    }
}

/// A segment of a log.
#[derive(Debug, Clone)]
pub struct SegmentInfo {
    /// The log.
    pub log: Uuid,
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub id: u64,
    /// Its file.
    pub path: PathBuf,
    /// What it is at the moment.
    pub state: SegmentState,
    /// How far it may be read.
    pub bytes: u64,
    /// What its sidecar says, where it has one that can be read.
    pub sidecar: Option<Sidecar>,
    pub(super) end: End,
}

impl SegmentInfo {
    /// Whether it never changes again.
    pub fn sealed(&self) -> bool {
        self.state == SegmentState::Sealed
    }

    /// The same segment by its sealed name, where it was sealed after it was listed.
    pub(super) fn sealed_since(&self) -> Option<SegmentInfo> {
        let path = self.path.with_extension("seg");
        let bytes = fs::metadata(&path).ok().filter(|_| !self.sealed())?.len();
        let sidecar = Sidecar::read(&path).ok().flatten();
        Some(SegmentInfo { path, bytes, sidecar, state: SegmentState::Sealed, end: End::At(bytes), ..self.clone() })
    }
}

/// A log that is read from outside.
#[derive(Debug, Clone)]
pub struct LogReader {
    log_dir: PathBuf,
    log: Uuid,
}

impl LogReader {
    /// Opens the log in a folder (`<data>/log`).
    ///
    /// Where `log.json` is lost or damaged, the first segment with an intact first page tells which log this is. So it does where no
    /// segment is of the log that `log.json` names: a first page has a checksum, and that file has none.
    pub fn open(log_dir: &Path) -> Result<LogReader, LogError> {
        let mut segments = uuids_of_segments(log_dir);
        let first = segments.next();
        let log = match LogFile::read(log_dir) {
            Ok(LogFile { log, .. }) => match first {
                Some(first) if first != log && segments.all(|other| other != log) => first,
                _ => log,
            },
            Err(error @ LogError::Version { .. }) => return Err(error),
            Err(error) => first.ok_or(error)?,
        };
        Ok(LogReader { log_dir: log_dir.to_path_buf(), log })
    }

    /// The log's name for ever.
    pub fn log_uuid(&self) -> Uuid {
        self.log
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.log_dir
    }

    /// Every segment, by core and then by id, with how far it may be read.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, LogError> {
        let mut all = Vec::new();
        let server = self.server();
        for (core, dir) in core_dirs(&self.log_dir)? {
            let page = ControlView::read(&dir.join(control::FILE_NAME));
            let live = page.map(|page| (page, server.owns(&page)));
            let files = segment_files(&dir)?;
            for (at, file) in files.iter().enumerate() {
                let later = || files[at + 1..].iter().any(|later| self.holds_records(core, later));
                match self.info(core, file, live.as_ref(), &later) {
                    Ok(info) => all.push(info),
                    // Sealed, or deleted, between the listing and the look.
                    Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(all)
    }

    /// Whether a server holds the log now.
    ///
    /// The lock tells, and not a process id: in a container a dead server's id is soon another's, and one in another container cannot be
    /// seen. A server that starts just now waits for the instant in which this looks.
    pub(super) fn server(&self) -> Server {
        match super::lock::share(&self.log_dir) {
            None => Server::Present { pid: super::lock::pid(&self.log_dir.join(LOCK_FILE_NAME)) },
            Some(_) => Server::Absent,
        }
    }

    fn info(
        &self,
        core: u16,
        file: &SegmentFile,
        live: Option<&(ControlSnapshot, bool)>,
        later: &dyn Fn() -> bool,
    ) -> Result<SegmentInfo, LogError> {
        let path = file.path_now();
        let length = fs::metadata(&path).map_err(LogError::io(&path, "find the segment's length"))?.len();
        let sealed = path.extension().is_some_and(|extension| extension == "seg");
        let (state, end) = if sealed {
            (SegmentState::Sealed, End::At(length))
        } else {
            match live {
                Some((page, true)) => open_part(page, file.id, length),
                left => (SegmentState::Left, self.left_end(core, file, left.map(|(page, _)| page), length, later())),
            }
        };
        let bytes = match end {
            End::At(bytes) => bytes,
            End::Within(_) => self.survey(core, file.id, &path, length).map_or(0, |survey| survey.records_end),
        };
        let sidecar = if sealed { Sidecar::read(&path).ok().flatten() } else { None };
        Ok(SegmentInfo { log: self.log, core, id: file.id, path, state, bytes, sidecar, end })
    }

    /// How far a segment may be read whose server is gone.
    ///
    /// Where a later one holds records, all of this one was durable before them. Otherwise what its control page and its records vouch
    /// for is; recovery will look at the rest.
    pub(super) fn left_end(
        &self,
        core: u16,
        file: &SegmentFile,
        page: Option<&ControlSnapshot>,
        length: u64,
        later: bool,
    ) -> End {
        // The segment that the page names is the oldest that is not durable as a whole: a later one may hold records already.
        if later && page.is_none_or(|page| file.id < page.segment) {
            return End::Within(length);
        }
        let told = page.filter(|page| page.segment == file.id).map_or(0, |page| page.durable);
        let vouched = self.survey(core, file.id, &file.path_now(), length).map_or(0, |survey| survey.durable);
        End::At(told.max(vouched).max(PAGE_BYTES as u64).min(length))
    }

    /// Whether a segment's first record is there.
    pub(super) fn holds_records(&self, core: u16, file: &SegmentFile) -> bool {
        let path = file.path_now();
        let Ok(length) = fs::metadata(&path).map(|meta| meta.len()) else { return false };
        SegmentReader::open_path(&path, self.log, core, file.id, End::Within(length))
            .and_then(|mut reader| reader.step())
            .is_ok_and(|found| found.is_some())
    }

    fn survey(&self, core: u16, id: u64, path: &Path, length: u64) -> Option<Survey> {
        let mut reader = SegmentReader::open_path(path, self.log, core, id, End::Within(length)).ok()?;
        let mut survey = Survey { durable: PAGE_BYTES as u64, records_end: PAGE_BYTES as u64 };
        loop {
            match reader.step() {
                Ok(Some(found)) => {
                    survey.durable = survey.durable.max(found.header.durable_bytes());
                    survey.records_end = reader.offset();
                }
                Ok(None) => return Some(survey),
                Err(LogError::Damaged { .. }) => {
                    reader.resync().ok()?;
                }
                Err(_) => return Some(survey),
            }
        }
    }
}

/// Whether a server holds a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    /// None does: everything is as it was left.
    Absent,
    /// One does.
    Present {
        /// Its process id as it wrote it down itself; None while it is starting.
        pid: Option<u32>,
    },
}

impl Server {
    /// Whether a control page is this server's, and not one that an earlier server left.
    pub(super) fn owns(self, page: &ControlSnapshot) -> bool {
        self == Server::Present { pid: Some(page.pid) }
    }
}

/// What the records of an open segment say about it.
struct Survey {
    /// The durable end that they vouch for.
    durable: u64,
    /// The end of the last of them.
    records_end: u64,
}

/// How far an `.open` file of a running server may be read: see "How far a reader may read" in [`super`].
pub(super) fn open_part(page: &ControlSnapshot, id: u64, length: u64) -> (SegmentState, End) {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match id.cmp(&page.segment) {
        Equal => (SegmentState::Writing, End::At(page.durable.max(PAGE_BYTES as u64).min(length))),
        Less => (SegmentState::Sealing, End::Within(length)),
        Greater => (SegmentState::Ready, End::At(PAGE_BYTES as u64)),
    }
}

/// A segment's file as a listing found it. It may bear its sealed name by the time it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentFile {
    pub(super) id: u64,
    pub(super) path: PathBuf,
}

impl SegmentFile {
    pub(super) fn sealed_path(&self) -> PathBuf {
        self.path.with_extension("seg")
    }

    /// Whether the listing found it sealed.
    pub(super) fn is_sealed(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "seg")
    }

    pub(super) fn path_now(&self) -> PathBuf {
        let sealed = self.sealed_path();
        if sealed.exists() { sealed } else { self.path.clone() }
    }
}

/// The folder of a core.
pub fn core_dir(log_dir: &Path, core: u16) -> PathBuf {
    log_dir.join(format!("core-{core:02}"))
}

/// The file name of a segment, without its extension.
pub fn segment_stem(id: u64) -> String {
    format!("{id:020}")
}

/// Every `core-NN` folder there is, by core, whatever the number of cores now.
pub(super) fn core_dirs(log_dir: &Path) -> Result<Vec<(u16, PathBuf)>, LogError> {
    let list = || LogError::io(log_dir, "list the log's folder");
    let mut found = Vec::new();
    for entry in fs::read_dir(log_dir).map_err(list())? {
        let entry = entry.map_err(list())?;
        let name = entry.file_name();
        if let Some(core) = name.to_str().and_then(core_number) {
            found.push((core, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

pub(super) fn core_number(name: &str) -> Option<u16> {
    let digits = name.strip_prefix("core-")?;
    let core: u16 = digits.parse().ok()?;
    (format!("{core:02}") == digits).then_some(core)
}

/// The id in a segment's file name, for a name of the right form.
pub(super) fn segment_id(stem: &str) -> Option<u64> {
    let id: u64 = stem.parse().ok()?;
    (segment_stem(id) == stem).then_some(id)
}

/// The segments in a core's folder, by id; each once, also when it was renamed during the listing.
pub(super) fn segment_files(dir: &Path) -> Result<Vec<SegmentFile>, LogError> {
    let list = || LogError::io(dir, "list the core's folder");
    let mut found: Vec<SegmentFile> = Vec::new();
    for entry in fs::read_dir(dir).map_err(list())? {
        let path = entry.map_err(list())?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if let Some("open" | "seg") = extension
            && let Some(id) = path.file_stem().and_then(|stem| stem.to_str()).and_then(segment_id)
        {
            found.push(SegmentFile { id, path });
        }
    }
    found.sort_unstable_by(|a, b| (a.id, &b.path).cmp(&(b.id, &a.path)));
    found.dedup_by_key(|file| file.id);
    Ok(found)
}

/// Which log each segment belongs to, of those with an intact first page. Looked up one by one.
fn uuids_of_segments(log_dir: &Path) -> impl Iterator<Item = Uuid> {
    let dirs = core_dirs(log_dir).unwrap_or_default();
    let files = dirs.into_iter().filter_map(|(_, dir)| segment_files(&dir).ok()).flatten();
    files.filter_map(|file| first_page(&file.path_now())).map(|header| header.log)
}

fn first_page(path: &Path) -> Option<super::header::SegmentHeader> {
    use std::os::unix::fs::FileExt;
    let mut page = [0; PAGE_BYTES];
    File::open(path).ok()?.read_exact_at(&mut page, 0).ok()?;
    super::header::SegmentHeader::decode(&page).ok()
}

#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
pub(super) mod hand;
#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
