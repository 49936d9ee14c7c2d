//! What a server does for an erasure that another process makes in its log.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::admin::erasing::{LogUser, SealedSegments};
use crate::consume;
use crate::erase::pending;
use crate::log::Log;
use crate::sessions::Sessions;

use super::archive::Archive;
use super::couriers::Couriers;

/// How long the sealing of what is open may take: the sync of a group, and of the file, on a busy disk. Shorter than the command waits.
const SEAL_PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait for those who read the log. A destination that hangs keeps its courier for longer.
const REREAD_PATIENCE: Duration = Duration::from_secs(10);

const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Seals every open segment with records.
pub fn seal(log: &Log) -> Vec<SealedSegments> {
    let told = |core: crate::log::SealedCore| SealedSegments {
        core: core.core,
        sealed: core.sealed,
        left: core.left.iter().map(|path| path.display().to_string()).collect(),
        reason: core.reason,
    };
    log.seal_all(SEAL_PATIENCE).into_iter().map(told).collect()
}

/// Makes the log's memory forget what was erased from its files, and the checker, the keeper of the archive and the couriers what they have read
/// and not passed. The list of recent sessions is made anew, and the answers of those who watch what is erased are cut off.
pub fn reread(
    log: &Log,
    data: &Path,
    checker: &consume::Handle,
    archive: &Archive,
    couriers: &Couriers,
    sessions: &Sessions,
) -> Vec<LogUser> {
    let deadline = Instant::now() + REREAD_PATIENCE;
    // First: who reads again must not find it there.
    let left = log.forget_recent(deadline);
    let readers = [("checker", checker.clone())].into_iter().chain(archive.reader());
    let asked: Vec<_> = readers.map(|(name, handle)| (name, handle.ask_to_reread(), handle)).collect();
    let of_couriers = couriers.reread(deadline);
    let reread = |(name, number, handle): (&str, u64, consume::Handle)| {
        while !handle.has_reread(number) && !handle.is_stopping() && Instant::now() < deadline {
            std::thread::sleep(LOOK_PAUSE);
        }
        LogUser { name: name.to_owned(), reread: handle.has_reread(number), passed: None }
    };
    let mut readers: Vec<LogUser> = asked.into_iter().map(reread).chain(of_couriers).collect();
    // The command notes what it erases before it changes anything. Where that can't be read, it may be anything.
    let noted = pending::noted(data).ok().flatten();
    let is_erased = |session, project| noted.as_ref().is_none_or(|targets| targets.may_want(session, project));
    readers.push(LogUser { name: "sessions".to_owned(), reread: sessions.reread(&is_erased, deadline), passed: None });
    readers.extend(left.iter().map(|core| LogUser {
        name: format!("memory of core {core}"),
        reread: false,
        passed: None,
    }));
    readers
}
