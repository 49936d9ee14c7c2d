//! What a courier has delivered, for destinations that can lose it: checkpoints, each a position in the log and what the destination held
//! when that was delivered.
//!
//! A destination that comes back without something is given it again from the newest checkpoint that it still holds. For that, the log is held
//! back to the oldest checkpoint, which is kept until nothing before it is needed any more. The file is written once a second; what was
//! delivered since is delivered again after a crash.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::log::cursor::ConsumerName;
use crate::log::read::merge::MergePosition;

/// The folder in the data folder.
const DIR_NAME: &str = "couriers";

/// The shortest time between two checkpoints.
const EVERY_MS: u64 = 1_000;

/// Checkpoints older than this are ten times as far apart.
const DENSE_MS: u64 = 30_000;

/// How many there may be. Above, every second one of the older half goes.
const CHECKPOINTS_MAX: usize = 1024;

/// Something delivered, and what the destination held then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Everything before it had been delivered.
    pub(super) position: MergePosition,
    /// When, ms since the Unix epoch.
    time_ms: u64,
    /// What the destination held, in its own words; empty for nothing.
    pub(super) mark: String,
}

/// The checkpoints of one courier.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
    /// Oldest first.
    checkpoints: VecDeque<Checkpoint>,
    changed: bool,
    written_ms: u64,
}

impl History {
    fn path(data: &Path, courier: &ConsumerName) -> PathBuf {
        data.join(DIR_NAME).join(format!("{courier}.json"))
    }

    /// Reads the history of a courier whose cursor was saved at this position. Without a cursor there is none. One that is missing, can't be read
    /// or is of another log begins with the saved position: what that has not passed is delivered again.
    pub(super) fn open(data: &Path, courier: &ConsumerName, saved: Option<MergePosition>) -> Self {
        let path = Self::path(data, courier);
        let mut history = Self { path, checkpoints: VecDeque::new(), changed: false, written_ms: 0 };
        let Some(saved) = saved else { return history };
        let read = fs::read(&history.path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        history.checkpoints = read.unwrap_or_default();
        history.checkpoints.retain(|checkpoint| checkpoint.position.log == saved.log);
        if history.checkpoints.is_empty() {
            // Nothing had been delivered there. As if long ago, so that the first shipment makes a checkpoint of its own.
            history.checkpoints.push_back(Checkpoint { position: saved, time_ms: 0, mark: String::new() });
        }
        history
    }

    /// Forgets a courier's history, because its cursor was removed.
    pub(super) fn forget(data: &Path, courier: &ConsumerName) -> io::Result<()> {
        let none =
            Self { path: Self::path(data, courier), checkpoints: VecDeque::new(), changed: false, written_ms: 0 };
        none.remove()
    }

    /// Where a courier goes on that has saved this position: after what it has delivered, which may be kept to be delivered again.
    pub(super) fn goes_on_at(data: &Path, courier: &ConsumerName, saved: MergePosition) -> MergePosition {
        let newest = Self::open(data, courier, Some(saved.clone())).checkpoints.pop_back();
        newest.map_or(saved, |checkpoint| checkpoint.position)
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The newest checkpoint.
    pub(super) fn newest(&self) -> Option<&Checkpoint> {
        self.checkpoints.back()
    }

    /// The position from which on the log must be held back.
    pub(super) fn oldest_position(&self) -> Option<MergePosition> {
        self.checkpoints.front().map(|checkpoint| checkpoint.position.clone())
    }

    /// The checkpoints, oldest first.
    pub(super) fn checkpoints(&self) -> &VecDeque<Checkpoint> {
        &self.checkpoints
    }

    /// Keeps only the oldest checkpoints: the destination no longer holds the others.
    pub(super) fn truncate(&mut self, count: usize) {
        self.checkpoints.truncate(count);
        self.changed = true;
    }

    /// Adds a checkpoint, unless the last one is too recent, and drops what is older than `resend` and not `needed`.
    pub(super) fn add(
        &mut self,
        position: &MergePosition,
        mark: String,
        resend: Duration,
        needed: impl Fn(&str) -> bool,
    ) {
        let now_ms = now_ms();
        // A clock that was set back: what was noted by the old time counts as noted now. It would be kept for as long as the clock was ahead.
        for checkpoint in self.checkpoints.iter_mut().rev().take_while(|checkpoint| checkpoint.time_ms > now_ms) {
            checkpoint.time_ms = now_ms;
        }
        let is_recent = |last: &Checkpoint| now_ms - last.time_ms < EVERY_MS;
        if self.checkpoints.back().is_some_and(is_recent) {
            return;
        }
        self.checkpoints.push_back(Checkpoint { position: position.clone(), time_ms: now_ms, mark });
        self.changed = true;
        let resend_ms = u64::try_from(resend.as_millis()).unwrap_or(u64::MAX);
        // The oldest may go if the one after it is old enough to begin at, and nothing that came before it is needed.
        while let Some(next) = self.checkpoints.get(1)
            && now_ms.saturating_sub(next.time_ms) >= resend_ms
            && !needed(&next.mark)
        {
            self.checkpoints.pop_front();
        }
        self.thin(now_ms);
    }

    /// Adds a last checkpoint, however recent the one before it.
    pub(super) fn end(&mut self, position: MergePosition, mark: String) {
        self.checkpoints.push_back(Checkpoint { position, time_ms: now_ms(), mark });
    }

    fn thin(&mut self, now_ms: u64) {
        // The one that has just become old is kept only if the one before it is far enough away.
        let dense = self.checkpoints.partition_point(|one| one.time_ms + DENSE_MS < now_ms);
        if dense >= 2 && self.checkpoints[dense - 1].time_ms < self.checkpoints[dense - 2].time_ms + 10 * EVERY_MS {
            self.checkpoints.remove(dense - 1);
        }
        if self.checkpoints.len() > CHECKPOINTS_MAX {
            let half = self.checkpoints.len() / 2;
            let mut at = 0;
            self.checkpoints.retain(|_| {
                at += 1;
                at == 1 || at > half || at % 2 == 0
            });
        }
    }

    /// Writes the file, if it has changed and was not written within a second.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        let now_ms = now_ms();
        if !self.changed || (self.written_ms..self.written_ms + EVERY_MS).contains(&now_ms) {
            return Ok(());
        }
        // A disk that takes nothing is not tried more often, either.
        self.written_ms = now_ms;
        self.write()?;
        self.changed = false;
        Ok(())
    }

    /// Writes the file.
    pub(super) fn write(&self) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let fresh = self.path.with_extension("json.tmp");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(&self.checkpoints)?)?;
        file.sync_data()?;
        fs::rename(&fresh, &self.path)?;
        File::open(dir)?.sync_all()
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests;
