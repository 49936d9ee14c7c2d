//! Reading a log from outside: which segments there are, how far each may be read, and the records of one.
//!
//! Nothing here writes, locks out a server, or maps a file. It works the same beside a running server, on a log that was left by one
//! that was killed, and on a folder copied by hand.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::log::error::LogError;
use crate::log::format::control;
use crate::log::format::control::{ControlSnapshot, ControlView};
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::sidecar::Sidecar;
use crate::log::names;
use crate::log::recent::{Recent, RecentRecords};

mod end;
mod extent;
mod listing;
mod scan;
mod segment_info;
mod server;

pub use crate::log::format::identity::LogFile;
pub use crate::log::names::{LOCK_FILE_NAME, LOG_FILE_NAME, QUARANTINE_DIR_NAME, core_dir, segment_stem};
pub(in crate::log) use end::End;
pub(in crate::log) use extent::{is_torn, open_part};
pub(in crate::log) use listing::{SegmentFile, core_dirs, segment_files, strangers_of};
pub use scan::{ANOTHER_LOG, SegmentReader};
pub(in crate::log) use scan::{BLANK_BYTES_MAX, Found};
pub use segment_info::{SegmentInfo, SegmentStamp, SegmentState};
pub(in crate::log) use server::Server;

use server::server_of;

/// How long a reader waits for a log that a server is about to make.
const NEW_LOG_WAIT: Duration = Duration::from_secs(10);
const NEW_LOG_PAUSE: Duration = Duration::from_millis(10);

/// A log that is read from outside.
#[derive(Debug, Clone)]
pub struct LogReader {
    log_dir: PathBuf,
    log: Uuid,
    recent: Option<RecentRecords>,
}

impl LogReader {
    /// Opens the log in a folder (`<data>/log`).
    ///
    /// Where `log.json` is lost or damaged, the first segment with an intact first page tells which log this is. So it does where no
    /// segment is of the log that `log.json` names: a first page has a checksum, and that file has none. A server that runs has settled this.
    /// One that makes a new log just now is waited for.
    pub fn open(log_dir: &Path) -> Result<LogReader, LogError> {
        let deadline = Instant::now() + NEW_LOG_WAIT;
        loop {
            let held = server_of(log_dir) != Server::Absent;
            match LogReader::identify(log_dir, held) {
                Err(LogError::Io { source, .. })
                    if held && source.kind() == io::ErrorKind::NotFound && Instant::now() < deadline =>
                {
                    thread::sleep(NEW_LOG_PAUSE);
                }
                identified => return identified,
            }
        }
    }

    /// Which log this is, as it stands. Where a server that is past its start holds it, `log.json` is right.
    pub(in crate::log) fn identify(log_dir: &Path, held: bool) -> Result<LogReader, LogError> {
        let mut segments = uuids_of_segments(log_dir);
        let log = match LogFile::read(log_dir) {
            Ok(LogFile { log, .. }) if held => log,
            Ok(LogFile { log, .. }) => match segments.next() {
                Some(first) if first != log && segments.all(|other| other != log) => first,
                _ => log,
            },
            Err(error @ LogError::Version { .. }) => return Err(error),
            Err(error) => segments.next().ok_or(error)?,
        };
        Ok(LogReader { log_dir: log_dir.to_path_buf(), log, recent: None })
    }

    /// Borrows what an open log of this process still has in memory, and reads only the rest from its files.
    #[must_use]
    pub fn with_recent(mut self, recent: Option<RecentRecords>) -> LogReader {
        self.recent = recent.filter(|recent| recent.log() == self.log);
        self
    }

    /// What is still in memory of a core's log.
    pub(in crate::log) fn recent(&self, core: u16) -> Option<&Arc<Recent>> {
        self.recent.as_ref()?.of_core(core)
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
    ///
    /// What only bears a segment's name, or a core's, is passed over: see [`strangers`](LogReader::strangers).
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, LogError> {
        self.segments_that(&|_, _| true)
    }

    /// The [`segments`](LogReader::segments) that are wanted, by core and id. The others are not looked at.
    pub fn segments_that(&self, wanted: &dyn Fn(u16, u64) -> bool) -> Result<Vec<SegmentInfo>, LogError> {
        let mut all = Vec::new();
        let server = self.server();
        for (core, dir) in core_dirs(&self.log_dir)? {
            let page = ControlView::read(&dir.join(control::FILE_NAME));
            let live = page.map(|page| (page, server.owns(&page)));
            let files = segment_files(&dir)?;
            for (at, file) in files.iter().enumerate().filter(|(_, file)| wanted(core, file.id)) {
                let later = || files[at + 1..].iter().any(|later| self.holds_records(core, later));
                match self.info_of(core, file, live.as_ref(), &later) {
                    Ok(info) => all.push(info),
                    // Deleted between the listing and the look.
                    Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(all)
    }

    /// What bears the name of a segment or of a core's folder and can't be one: a folder, a pipe, a link to nothing.
    pub fn strangers(&self) -> Vec<PathBuf> {
        listing::strangers(&self.log_dir)
    }

    /// Whether a server holds the log now.
    pub(in crate::log) fn server(&self) -> Server {
        server_of(&self.log_dir)
    }

    /// How far a segment may be read if its server is gone: see [`extent`].
    pub(in crate::log) fn left_end(
        &self,
        core: u16,
        file: &SegmentFile,
        page: Option<&ControlSnapshot>,
        length: u64,
        later: bool,
    ) -> End {
        extent::left_end(self.log, core, file, page, length, later)
    }

    /// Whether a segment's first record is there.
    pub(in crate::log) fn holds_records(&self, core: u16, file: &SegmentFile) -> bool {
        extent::holds_records(self.log, core, file)
    }

    /// Looks at a segment; again under its sealed name where it got that between two looks.
    fn info_of(
        &self,
        core: u16,
        file: &SegmentFile,
        live: Option<&(ControlSnapshot, bool)>,
        later: &dyn Fn() -> bool,
    ) -> Result<SegmentInfo, LogError> {
        match self.info(core, file, live, later) {
            Err(LogError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && !file.is_sealed() && file.sealed_path().is_file() =>
            {
                self.info(core, file, live, later)
            }
            looked => looked,
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
        let sealed = path.extension().is_some_and(|extension| extension == names::SEALED);
        let told = |page: &ControlSnapshot| page.segment == file.id && page.durable > PAGE_BYTES as u64;
        let (state, end) = match live {
            _ if sealed => (SegmentState::Sealed, End::At(length)),
            Some((page, true)) => extent::open_part(page, file.id, length),
            // In the making, by a server that has not come further, or was killed before it had.
            left if !left.is_some_and(|(page, _)| told(page)) && extent::is_blank(&path) => {
                (SegmentState::Ready, End::At(length.min(PAGE_BYTES as u64)))
            }
            left => (SegmentState::Left, self.left_end(core, file, left.map(|(page, _)| page), length, later())),
        };
        let bytes = match end {
            End::At(bytes) => bytes.min(length),
            End::Within(_) => {
                extent::survey(self.log, core, file.id, &path, length).map_or(0, |survey| survey.records_end)
            }
        };
        let sidecar = if sealed { Sidecar::read(&path).ok().flatten() } else { None };
        Ok(SegmentInfo { log: self.log, core, id: file.id, path, state, bytes, sidecar, end })
    }
}

/// Which log each segment belongs to, of those with an intact first page. Looked up one by one.
fn uuids_of_segments(log_dir: &Path) -> impl Iterator<Item = Uuid> {
    let dirs = core_dirs(log_dir).unwrap_or_default();
    let files = dirs.into_iter().filter_map(|(_, dir)| segment_files(&dir).ok()).flatten();
    files.filter_map(|file| first_page(&file.path_now())).map(|header| header.log)
}

fn first_page(path: &Path) -> Option<SegmentHeader> {
    use std::os::unix::fs::FileExt;
    let mut page = [0; PAGE_BYTES];
    File::open(path).ok()?.read_exact_at(&mut page, 0).ok()?;
    SegmentHeader::decode(&page).ok()
}

#[cfg(test)]
mod extremes_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
pub(crate) mod hand;
#[cfg(test)]
mod tests;
