//! One file, and the last state seen of it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use blake3::Hash;

use super::open::read;

/// How often a file that has just changed is checked.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a changed text must have stayed the same.
const STILL: Duration = Duration::from_millis(200);

/// The same for a text whose last line has no line break: the rest may still be coming.
const STILL_UNENDED: Duration = Duration::from_secs(1);

/// A file that keeps changing is taken as it is after this long. That loses nothing.
const STILL_MAX: Duration = Duration::from_secs(2);

/// The longest wait for a file that is read only once.
const READ_MAX: Duration = Duration::from_secs(5);

/// How long a stop waits for a thread that watches files.
const LEAVE_MAX: Duration = Duration::from_secs(3);
const LEAVE_PAUSE: Duration = Duration::from_millis(2);

/// For this long after a file looked different, its content is read on every check: file times are only as fine as the file system makes
/// them, and a second change within one tick leaves them unchanged.
const COARSE: Duration = Duration::from_secs(3);

/// What can be seen of a file without reading it. No user can set its inode's change time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    bytes: u64,
    inode: u64,
    device: u64,
}

impl Stamp {
    /// The state at `path`; `None` if there is nothing that can be examined.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }

    /// How long ago the file was changed, by the wall clock; zero for a time in the future.
    fn age(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = Duration::from_secs(u64::try_from(self.changed.0).unwrap_or(0));
        now.saturating_sub(changed + Duration::from_nanos(u64::try_from(self.changed.1).unwrap_or(0)))
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            bytes: metadata.len(),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}

/// The outcome of a check, without the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Text(Hash),
    Failure(io::ErrorKind),
}

/// A file that is checked repeatedly.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    bytes_max: u64,
    stamp: Option<Stamp>,
    stamp_since: Instant,
    seen: Option<Seen>,
    seen_since: Instant,
}

impl Watched {
    /// Not checked yet: the first check counts as a change.
    pub fn new(path: &Path, bytes_max: u64) -> Self {
        let now = Instant::now();
        Self { path: path.to_owned(), bytes_max, stamp: None, stamp_since: now, seen: None, seen_since: now }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long the content has been the same, as far as the checks show.
    pub fn rest(&self) -> Duration {
        self.seen_since.elapsed()
    }

    /// Checks the file. `Some`: its content differs from that at the last check, or it can't be read for a different reason.
    pub fn look(&mut self) -> Option<io::Result<Vec<u8>>> {
        let (now, stamp) = (Instant::now(), Stamp::of(&self.path));
        if stamp != self.stamp || self.seen.is_none() {
            self.stamp_since = now;
        } else if now.duration_since(self.stamp_since) > COARSE {
            return None;
        }
        self.stamp = stamp;
        let text = read(&self.path, self.bytes_max);
        let seen = match &text {
            Ok(text) => Seen::Text(blake3::hash(text)),
            Err(error) => Seen::Failure(error.kind()),
        };
        if self.seen == Some(seen) {
            return None;
        }
        (self.seen, self.seen_since) = (Some(seen), now);
        Some(text)
    }

    /// Checks the file, and after a change waits until it has settled. A file that never settles is taken as it is after two seconds.
    pub fn look_until_still(&mut self) -> Option<io::Result<Vec<u8>>> {
        let (mut text, began) = (self.look()?, Instant::now());
        loop {
            let still = if text.as_deref().is_ok_and(is_ended) { STILL } else { STILL_UNENDED };
            if self.rest() >= still || began.elapsed() >= STILL_MAX {
                return Some(text);
            }
            thread::sleep(PAUSE);
            if let Some(newer) = self.look() {
                text = newer;
            }
        }
    }
}

/// Whether a text is not empty and its last line ends in a line break. A truncated text rarely does.
pub fn is_ended(text: &[u8]) -> bool {
    text.ends_with(b"\n")
}

/// Whether the file has been unchanged for `rest`, by its own times. A missing file is at rest.
pub fn at_rest(path: &Path, rest: Duration) -> bool {
    Stamp::of(path).is_none_or(|stamp| stamp.age() >= rest)
}

/// Joins a thread that watches files. A thread whose file system does not respond is left behind: a stop does not wait for it, and it ends
/// with the process. The panic hook has already printed any panic there; nothing depends on the thread.
pub fn leave(thread: JoinHandle<()>) {
    let began = Instant::now();
    while !thread.is_finished() && began.elapsed() < LEAVE_MAX {
        thread::sleep(LEAVE_PAUSE);
    }
}

/// Reads a file that is read only once, waiting if it looks incomplete and was changed a moment ago.
///
/// # Errors
/// The system's errors.
pub fn read_at_rest(path: &Path, is_whole: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let began = Instant::now();
    loop {
        let text = read(path, u64::MAX - 1);
        let whole = text.as_deref().is_ok_and(&is_whole);
        if whole || at_rest(path, STILL_UNENDED) || began.elapsed() >= READ_MAX {
            return text;
        }
        thread::sleep(PAUSE);
    }
}
