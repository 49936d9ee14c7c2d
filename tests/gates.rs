//! Gates on counts. Times drift, counts do not: page faults and system calls of the append path, bytes that reach the device, bytes of
//! memory that the log takes. And the whole life of a log on each file system.
//!
//! Some need root (for a file system or a memory limit of their own); without it, they say so and pass.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/gates/`.
mod gates {
    mod append;
    mod device;
    mod filesystems;
    mod memory;
}

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use takeup::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use takeup::log::{AppendError, Log, Options, Seq, Writer};

/// Held by a test that measures, so that the work of others is not counted.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest that any step of a test waits.
const PATIENCE: Duration = Duration::from_secs(30);

fn options(dir: &Path) -> Options {
    Options { dir: dir.join("log"), reserve_bytes: 1 << 20, insist: true, ..Options::default() }
}

fn batch(payload: &[u8]) -> Entry<'_> {
    Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload,
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A core with this many clients, each of which sends its next record when the last one was acknowledged.
struct Clients {
    writer: Writer,
    waker: Waker,
    count: u64,
    appended: Seq,
    acked: Seq,
    /// How long each group's sync took.
    sync_us: Vec<u64>,
}

/// The result of a turn of the core.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Done,
    /// There was no space on the disk.
    Full,
}

impl Clients {
    fn new(log: &Log, count: u64) -> Clients {
        let writer = log.writer(0).expect("the core has a writer");
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        // Room for all results: what is watched must not allocate.
        Clients { writer, waker, count, appended: Seq(0), acked: Seq(0), sync_us: Vec::with_capacity(1 << 16) }
    }

    /// Sends `records` in all, and waits until they are acknowledged.
    fn send_plainly(&mut self, records: u64, payload: &[u8]) {
        self.send(records, payload, |append| append());
    }

    /// The same; `around` is given each try to append, and makes it.
    fn send(&mut self, records: u64, payload: &[u8], mut around: impl FnMut(&mut dyn FnMut())) {
        let last = Seq(self.appended.0 + records);
        while self.acked < last {
            let turn = self.turn_with(&batch(payload), last, &mut around);
            assert_eq!(turn, Turn::Done, "there is space");
        }
    }

    fn turn(&mut self, entry: &Entry<'_>, last: Seq) -> Turn {
        self.turn_with(entry, last, &mut |append| append())
    }

    /// One turn of the core: what was acknowledged, what can be sent, and sleep where neither was.
    fn turn_with(&mut self, entry: &Entry<'_>, last: Seq, around: &mut dyn FnMut(&mut dyn FnMut())) -> Turn {
        self.writer.register(&self.waker);
        let progress = self.writer.progress();
        assert_eq!(progress.lost, None, "a sound disk loses nothing");
        if let Some(group) = progress.group
            && self.sync_us.len() < self.sync_us.capacity()
        {
            self.sync_us.push(group.sync_us);
        }
        let before = self.acked;
        self.acked = progress.acked;
        let mut turn = Turn::Done;
        while self.appended < last && self.appended.0 - self.acked.0 < self.count {
            let mut result = Err(AppendError::NotReady);
            around(&mut || result = self.writer.append(entry));
            match result {
                Ok(seq) => self.appended = seq,
                Err(AppendError::NotReady) => break,
                Err(AppendError::DiskFull) => {
                    turn = Turn::Full;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        self.writer.kick();
        if self.acked == before {
            let begun = Instant::now();
            thread::park_timeout(PATIENCE);
            assert!(begun.elapsed() < PATIENCE, "nobody woke the core");
        }
        turn
    }
}

/// Tells a process that it is a test's child, and where its folder is.
const CHILD: &str = "TAKEUP_TEST_GATE_CHILD";

fn child_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

/// Runs one test of this binary, named with its modules, as a process of its own. `prepare` is told its process id before it begins.
fn run_child(test: &str, dir: &Path, prepare: impl FnOnce(u32)) -> (ExitStatus, String) {
    // The shell waits for a line before it becomes the test, so that all of the test is under what was prepared.
    let exe = std::env::current_exe().expect("the test knows its file");
    // A name that is no test's would run nothing, and succeed.
    let list = Command::new(&exe).args(["--exact", test, "--list"]).output().expect("the tests can be listed");
    assert!(String::from_utf8_lossy(&list.stdout).contains(test), "no test is called {test}");
    let mut child = Command::new("/bin/sh")
        .args(["-c", "read -r go; exec \"$0\" \"$@\""])
        .arg(exe)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test can be started again");
    prepare(child.id());
    use std::io::Write;
    child.stdin.take().expect("it is piped").write_all(b"go\n").expect("the child reads");
    let output = child.wait_with_output().expect("the child can be waited for");
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}
