//! The log needs little memory, page cache included, which the limit of a container counts too.

use std::fs;
use std::path::PathBuf;

use crate::*;

const MIB: u64 = 1 << 20;

/// How much memory the log may take, mappings and page cache included.
const SPARE_BYTES: u64 = 64 * MIB;

const RECORDS: u64 = 32 * 1024;
const PAYLOAD_BYTES: usize = 32 * 1024;

/// A control group of one process with a limit on its memory. Removed when dropped.
struct Limit {
    dir: PathBuf,
    v2: bool,
}

impl Limit {
    /// Makes the group. `None`, with the reason printed: that is not possible here.
    fn new(bytes: u64) -> Option<Limit> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let of = |kind: &str, option: &str| {
            let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            fields.filter(|f| f.len() > 3 && f[2] == kind && f[3].contains(option)).map(|f| PathBuf::from(f[1])).next()
        };
        let v1 = of("cgroup", "memory").map(|root| (root, false));
        let Some((root, v2)) = v1.or_else(|| of("cgroup2", "").map(|root| (root, true))) else {
            println!("not tested: no control groups are mounted");
            return None;
        };
        let limit = Limit { dir: root.join(format!("takeup-gate-{}", std::process::id())), v2 };
        let enable = || if v2 { fs::write(root.join("cgroup.subtree_control"), "+memory") } else { Ok(()) };
        let name = if v2 { "memory.max" } else { "memory.limit_in_bytes" };
        let made = enable().and_then(|()| fs::create_dir(&limit.dir));
        match made.and_then(|()| fs::write(limit.dir.join(name), bytes.to_string())) {
            Ok(()) => Some(limit),
            Err(error) => {
                println!("not tested: no memory limit can be set here: {error}");
                None
            }
        }
    }

    fn add(&self, process: u32) {
        fs::write(self.dir.join("cgroup.procs"), process.to_string()).expect("the group takes a process");
    }

    fn number(&self, file: &str, field: &str) -> u64 {
        let text = fs::read_to_string(self.dir.join(file)).expect("the group has counters");
        let found = text.lines().find_map(|line| line.strip_prefix(field));
        found.and_then(|rest| rest.trim().parse().ok()).expect("the counter is a number")
    }

    /// The most memory that was in use.
    fn peak_bytes(&self) -> u64 {
        if self.v2 { self.number("memory.peak", "") } else { self.number("memory.max_usage_in_bytes", "") }
    }

    /// How often the limit was reached, so that the kernel had to reclaim memory.
    fn hits(&self) -> u64 {
        if self.v2 { self.number("memory.events", "max ") } else { self.number("memory.failcnt", "") }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The process that lives under the limit. Does nothing in an ordinary run of the tests.
#[test]
fn child_writes_a_gigabyte() {
    let Some(dir) = child_dir() else { return };
    let (log, _) = Log::open(options(&dir)).unwrap();
    let mut clients = Clients::new(&log, 32);
    clients.send_plainly(RECORDS, &[5; PAYLOAD_BYTES]);
    drop(clients);
    log.close().unwrap();
}

#[test]
fn a_gigabyte_passes_through_a_log_with_64_mb_to_spare() {
    let _alone = alone();
    // Other processes can only delay the sealer, so the best of a few runs counts.
    let mut best = u64::MAX;
    for _ in 0..3 {
        // Not tmpfs: what is written there stays in memory.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let Some(limit) = Limit::new(SPARE_BYTES) else { return };
        let (status, said) =
            run_child("gates::memory::child_writes_a_gigabyte", dir.path(), |process| limit.add(process));
        let (peak, hits) = (limit.peak_bytes() / MIB, limit.hits());
        println!("peak {peak} MiB, the limit stood in the way {hits} times");
        assert!(status.success(), "{status} at a peak of {peak} MiB: {said}");
        best = best.min(hits);
        // None on an idle machine. A log that gave nothing back would reach it some 75,000 to 150,000 times.
        if best < 25_000 {
            return;
        }
    }
    panic!("the kernel had to take memory back {best} times");
}

/// How many bytes of a file are in memory.
fn cached_bytes(path: &Path) -> u64 {
    let file = fs::File::open(path).unwrap();
    let bytes = file.metadata().unwrap().len() as usize;
    let map = memmap2::MmapOptions::new().len(bytes).map_raw_read_only(&file).unwrap();
    let mut pages = vec![0_u8; bytes.div_ceil(4096)];
    // SAFETY: the range is a mapping of this test's own, and there is a byte for each of its pages.
    let seen = unsafe { libc::mincore(map.as_ptr() as *mut libc::c_void, bytes, pages.as_mut_ptr()) };
    assert_eq!(seen, 0, "{}", std::io::Error::last_os_error());
    pages.iter().filter(|&&page| page & 1 == 1).count() as u64 * 4096
}

#[test]
fn what_lies_far_behind_the_durable_end_leaves_memory() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut clients = Clients::new(&log, 32);
    clients.send_plainly(48 * 1024, &[5; 1024]);
    assert_eq!(log.stats().sealed, 0, "one segment in use, nearly full");
    // 8 MiB for consumers that follow, two windows formatted ahead in this segment and two in the next, and a little more.
    let bound = 8 * MIB + 4 * (8 * MIB) + 4 * MIB;
    let cached = || {
        let files = fs::read_dir(dir.path().join("log/core-00")).unwrap().map(|entry| entry.unwrap().path());
        let open = files.filter(|path| path.extension().is_some_and(|extension| extension == "open"));
        open.map(|path| cached_bytes(&path)).sum::<u64>()
    };
    let begun = Instant::now();
    while cached() > bound {
        assert!(begun.elapsed() < PATIENCE, "{} MiB of 51 stay in memory", cached() / MIB);
        thread::sleep(Duration::from_millis(20));
    }
}
