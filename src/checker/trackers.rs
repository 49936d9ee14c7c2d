//! Which tracker wrote a session's batches. Batches do not say; starts do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use crate::log::format::record::Record;
use crate::records::Start;

/// Sessions remembered at a time: at least this many, at most twice as many.
const SESSIONS_MAX: usize = 32_768;

/// Versions that are distinguished: more than a fleet has, and a bound to what clients can make of them.
const VERSIONS_MAX: usize = 100;

/// Pairs of project and version that have counts of their own.
const PAIRS_MAX: usize = 200;

/// The longest text that is taken for a version.
const VERSION_BYTES_MAX: usize = 32;

/// The version of a session whose start was not seen.
pub const UNKNOWN: &str = "unknown";

/// All versions that have no count of their own.
pub const OTHER: &str = "other";

/// The version that a start's row names. `None`: the record is no start, or its row names none.
pub fn version_of(record: &Record<'_>) -> Option<String> {
    let row = Start::read(record)?.row()?;
    Some(row.tracker_version).filter(|version| !version.is_empty())
}

/// A session's project and the number of its tracker's version.
type Known = (u32, u16);

/// What starts said, for the sessions that were met last.
#[derive(Debug)]
pub struct Trackers {
    versions: Vec<String>,
    young: HashMap<u64, Known>,
    old: HashMap<u64, Known>,
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
    /// Takes note of a start.
    pub fn note(&mut self, start: &Record<'_>) {
        let version = version_of(start).map_or(0, |version| self.number(&version));
        self.insert(start.session, (start.project, version));
    }

    /// The project and the version of a batch's tracker.
    pub fn of(&mut self, batch: &Record<'_>) -> (u32, &str) {
        let known = match self.young.get(&batch.session) {
            Some(&known) => known,
            None => {
                let known = self.old.get(&batch.session).copied().unwrap_or_default();
                if known != Known::default() {
                    self.insert(batch.session, known);
                }
                known
            }
        };
        let project = if batch.project == 0 { known.0 } else { batch.project };
        (project, &self.versions[usize::from(known.1)])
    }

    fn insert(&mut self, session: u64, known: Known) {
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

/// Batches by project and version: all of them, and the broken ones.
#[derive(Debug, Default)]
pub struct Tally {
    pairs: Mutex<BTreeMap<(u32, String), [u64; 2]>>,
}

impl Tally {
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
