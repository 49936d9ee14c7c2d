//! Which tracker version wrote a session's batches. Batches do not say, but session starts do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use crate::log::format::record::Record;
use crate::records::Start;

/// How many sessions are remembered: at least this many, at most twice as many.
const SESSIONS_MAX: usize = 32_768;

/// How many versions are distinguished: more than are in use at one site, and a limit on how many a client can make up.
const VERSIONS_MAX: usize = 100;

/// How many pairs of project and version have their own counts.
const PAIRS_MAX: usize = 200;

/// The longest text that counts as a version.
const VERSION_BYTES_MAX: usize = 32;

/// The version of a session whose start is unknown.
pub const UNKNOWN: &str = "unknown";

/// Stands for all versions without their own count.
pub const OTHER: &str = "other";

/// The tracker version in a start's row. `None`: the record is not a start, or its row has no version.
pub fn version_of(record: &Record<'_>) -> Option<String> {
    let row = Start::read(record)?.row()?;
    Some(row.tracker_version).filter(|version| !version.is_empty())
}

/// A session's project, and the index of its tracker version.
type KnownTracker = (u32, u16);

/// The trackers of the most recent sessions.
#[derive(Debug)]
pub struct Trackers {
    versions: Vec<String>,
    young: HashMap<u64, KnownTracker>,
    old: HashMap<u64, KnownTracker>,
    sessions_max: usize,
}

impl Default for Trackers {
    fn default() -> Self {
        Self {
            versions: vec![UNKNOWN.to_owned(), OTHER.to_owned()],
            young: HashMap::new(),
            old: HashMap::new(),
            sessions_max: SESSIONS_MAX,
        }
    }
}

impl Trackers {
    /// Remembers the tracker in a session start.
    pub fn note(&mut self, start: &Record<'_>) {
        let version = version_of(start);
        self.note_known(start.session, start.project, version.as_deref());
    }

    /// Remembers the tracker of a session, given what its start said.
    pub fn note_known(&mut self, session: u64, project: u32, version: Option<&str>) {
        let version = version.map_or(0, |version| self.number(version));
        self.insert(session, (project, version));
    }

    /// The project and the tracker version of a batch.
    pub fn of(&mut self, batch: &Record<'_>) -> (u32, &str) {
        let known = match self.young.get(&batch.session) {
            Some(&known) => known,
            None => {
                let known = self.old.get(&batch.session).copied().unwrap_or_default();
                if known != KnownTracker::default() {
                    self.insert(batch.session, known);
                }
                known
            }
        };
        let project = if batch.project == 0 { known.0 } else { batch.project };
        (project, &self.versions[usize::from(known.1)])
    }

    fn insert(&mut self, session: u64, known: KnownTracker) {
        if self.young.len() >= self.sessions_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(session, known);
    }

    fn number(&mut self, version: &str) -> u16 {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte);
        let version = if version.len() <= VERSION_BYTES_MAX && version.bytes().all(usual) { version } else { OTHER };
        let place = self.versions.iter().position(|known| known == version).unwrap_or_else(|| {
            if self.versions.len() >= VERSIONS_MAX {
                return 1;
            }
            self.versions.push(version.to_owned());
            self.versions.len() - 1
        });
        // Below VERSIONS_MAX.
        place as u16
    }
}

/// Counts of all batches and of broken ones, by project and version.
#[derive(Debug, Default)]
pub struct TrackerCounts {
    pairs: Mutex<BTreeMap<(u32, String), [u64; 2]>>,
}

impl TrackerCounts {
    /// Counts a batch.
    pub fn count(&self, project: u32, version: &str, broken: bool) {
        let Ok(mut pairs) = self.pairs.lock() else { return };
        let mut key = (project, version.to_owned());
        if pairs.len() >= PAIRS_MAX && !pairs.contains_key(&key) {
            key = (0, OTHER.to_owned());
        }
        let [all, of_them_broken] = pairs.entry(key).or_default();
        *all += 1;
        *of_them_broken += u64::from(broken);
    }

    /// The counts so far: project, version, batches, broken batches.
    pub fn read(&self) -> Vec<(u32, String, u64, u64)> {
        let Ok(pairs) = self.pairs.lock() else { return Vec::new() };
        pairs.iter().map(|((project, version), [all, broken])| (*project, version.clone(), *all, *broken)).collect()
    }
}

#[cfg(test)]
mod tests;
