//! Measures the log by itself: appending, group commit, reading, starting, and ways to write without it.
//!
//!     cargo bench --bench log                       # all parts, 5 rounds
//!     cargo bench --bench log -- --quick            # less of everything, 1 round
//!     cargo bench --bench log -- --only append,commit --dir /mnt/disk --json figures.json
//!
//! Prints Markdown tables; what to compare are the ratios of one run. Where work is measured, it is processor time: a machine that is
//! shared stretches the wall clock and not that. Where waiting is measured (a sync, a start), it is the wall clock.

mod append;
mod commit;
mod full_rate;
mod machine;
mod read;
mod start;
mod table;
mod ways;

use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use table::Table;

use takeup::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use takeup::log::{AppendError, Options, Seq, Writer};

/// No step waits longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a part is told.
struct Run {
    /// A folder of its own on the disk that is measured.
    dir: PathBuf,
    quick: bool,
    rounds: usize,
}

type Part = fn(&Run) -> std::io::Result<Vec<Table>>;

const PARTS: [(&str, Part); 6] = [
    ("append", append::run),
    ("commit", commit::run),
    ("full-rate", full_rate::run),
    ("read", read::run),
    ("start", start::run),
    ("ways", ways::run),
];

fn main() {
    if let Err(error) = measure() {
        eprintln!("benches/log: {error}");
        exit(1);
    }
}

fn measure() -> std::io::Result<()> {
    let mut parts: Vec<String> = PARTS.iter().map(|part| part.0.to_owned()).collect();
    let mut root = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (mut quick, mut rounds, mut json) = (false, None, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| usage(&word));
        match word.as_str() {
            "--quick" => quick = true,
            "--only" => parts = value().split(',').map(str::to_owned).collect(),
            "--dir" => root = PathBuf::from(value()),
            "--json" => json = Some(PathBuf::from(value())),
            "--rounds" => rounds = Some(value().parse().unwrap_or_else(|_| usage(&word))),
            // Cargo gives this to every benchmark.
            "--bench" => {}
            _ => usage(&word),
        }
    }
    let folder = tempfile::Builder::new().prefix("takeup-bench-").tempdir_in(&root)?;
    let machine = machine::describe(folder.path());
    println!("{machine}\n");
    let rounds = rounds.unwrap_or(if quick { 1 } else { 5 });
    let mut tables = Vec::new();
    for (name, part) in PARTS.iter().filter(|part| parts.iter().any(|wanted| wanted == part.0)) {
        let dir = folder.path().join(name);
        std::fs::create_dir(&dir)?;
        for table in part(&Run { dir: dir.clone(), quick, rounds })? {
            println!("{table}");
            tables.push(table);
        }
        std::fs::remove_dir_all(&dir)?;
    }
    if let Some(path) = json {
        let all = serde_json::json!({ "machine": machine, "tables": tables });
        std::fs::File::create(path).and_then(|file| Ok(serde_json::to_writer_pretty(file, &all)?))?;
    }
    Ok(())
}

fn usage(word: &str) -> ! {
    eprintln!(
        "{word}?\nusage: [--quick] [--only append,commit,full-rate,read,start,ways] [--dir DIR] [--rounds N] [--json FILE]"
    );
    exit(2)
}

fn options(dir: &Path) -> Options {
    Options { dir: dir.to_path_buf(), insist: true, ..Options::default() }
}

fn batch(session: u64, payload: &[u8]) -> Entry<'_> {
    Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session,
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

fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Sleeps until the log wakes this thread.
fn park() {
    let begun = Instant::now();
    thread::park_timeout(PATIENCE);
    assert!(begun.elapsed() < PATIENCE, "nobody woke the core");
}

/// Appends with patience.
fn append(writer: &mut Writer, waker: &Waker, entry: &Entry<'_>) -> Seq {
    loop {
        writer.register(waker);
        match writer.append(entry) {
            Ok(seq) => return seq,
            Err(AppendError::NotReady) => {
                writer.progress();
                writer.kick();
                park();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until everything up to `seq` is durable.
fn settle(writer: &mut Writer, waker: &Waker, seq: Seq) {
    loop {
        writer.register(waker);
        if writer.progress().acked >= seq {
            return;
        }
        writer.kick();
        park();
    }
}

/// Processor time of this thread so far.
fn thread_time() -> Duration {
    cpu_time(ClockId::ThreadCPUTime)
}

/// Processor time of all threads of this process so far.
fn process_time() -> Duration {
    cpu_time(ClockId::ProcessCPUTime)
}

fn cpu_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn gb_per_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e9
}
