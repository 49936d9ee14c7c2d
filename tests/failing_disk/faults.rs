//! What a disk does wrong, as a test tells it.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fuser::Errno;

/// A call that can be made to fail or to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// fsync, fdatasync, msync.
    Sync,
    /// fsync of a folder.
    SyncFolder,
    /// Pages on their way to the disk.
    Write,
    /// fallocate.
    Allocate,
}

#[derive(Debug, Clone)]
struct Rule {
    call: Call,
    under: String,
    errno: Option<i32>,
    delay: Duration,
    times: u64,
}

/// What the disk does wrong.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    hits: AtomicU64,
}

impl Faults {
    /// The next `times` calls on files whose path contains `under` fail with `errno`.
    pub fn fail(&self, call: Call, under: &str, errno: i32, times: u64) {
        self.add(Rule { call, under: under.to_owned(), errno: Some(errno), delay: Duration::ZERO, times });
    }

    /// All such calls take this long.
    pub fn delay(&self, call: Call, under: &str, delay: Duration) {
        self.add(Rule { call, under: under.to_owned(), errno: None, delay, times: u64::MAX });
    }

    /// From now on the disk works.
    pub fn clear(&self) {
        self.rules.lock().expect("no panic").clear();
    }

    /// How many calls failed or were delayed.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }

    fn add(&self, rule: Rule) {
        self.rules.lock().expect("no panic").push(rule);
    }

    /// Makes this call on this path wait or fail as the rules say.
    pub fn look(&self, call: Call, path: &Path) -> Result<(), Errno> {
        let text = path.to_string_lossy();
        let found = {
            let mut rules = self.rules.lock().expect("no panic");
            let rule = rules.iter_mut().find(|rule| rule.call == call && rule.times > 0 && text.contains(&rule.under));
            rule.map(|rule| {
                rule.times -= 1;
                rule.clone()
            })
        };
        let Some(rule) = found else { return Ok(()) };
        self.hits.fetch_add(1, Ordering::SeqCst);
        thread::sleep(rule.delay);
        rule.errno.map_or(Ok(()), |errno| Err(Errno::from_i32(errno)))
    }
}
