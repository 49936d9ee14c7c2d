//! What a server does for an erasure that another process makes in its log.

use std::time::{Duration, Instant};

use crate::admin::erasing::{LogUser, SealedSegments};
use crate::consume;
use crate::log::Log;

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

/// Makes the checker and the couriers forget what they have read and not passed.
pub fn reread(checker: &consume::Handle, couriers: &Couriers) -> Vec<LogUser> {
    let deadline = Instant::now() + REREAD_PATIENCE;
    let number = checker.ask_to_reread();
    let mut all = couriers.reread(deadline);
    while !checker.has_reread(number) && !checker.is_stopping() && Instant::now() < deadline {
        std::thread::sleep(LOOK_PAUSE);
    }
    all.insert(0, LogUser { name: "checker".to_owned(), reread: checker.has_reread(number), passed: None });
    all
}
