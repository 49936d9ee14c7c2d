//! Group commit: how long a durable append takes, against a bare loop of `pwrite` and `fdatasync`.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use crate::table::{Table, median, percentile, size};
use crate::{Run, batch, options, park, process_time, waker};

use takeup::log::{AppendError, Log, Options, Seq};

const CLIENTS: [u64; 3] = [1, 32, 256];
const PAYLOADS: [usize; 2] = [1 << 10, 32 << 10];

/// What one round has seen, in microseconds.
struct Seen {
    latency: Vec<u64>,
    sync: Vec<u64>,
    records_per_group: f64,
    cpu_us_per_record: f64,
}

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let columns = [
        "payload",
        "clients",
        "segments",
        "p50 us",
        "p99 us",
        "max us",
        "records a group",
        "sync p50 us",
        "sync p99 us",
        "cpu us a record",
        "bare p50 us",
        "bare p99 us",
        "p99 / bare p99",
    ];
    let mut table = Table::new(
        "Group commit: each client appends its next record when the last one is durable. `bare` is one thread that writes the bytes of one \
         such group over written blocks, and calls `fdatasync`. Medians of the rounds, ratios within a round.",
        &columns,
    );
    for payload in PAYLOADS {
        for clients in CLIENTS {
            for format_ahead in [true, false] {
                let (mut log, mut bare) = (Vec::new(), Vec::new());
                for _ in 0..run.rounds {
                    let groups = if run.quick { 200 } else { 1_000 };
                    let seen = commits(&run.dir, payload, clients, format_ahead, groups);
                    let group_bytes = seen.records_per_group * (payload + 64) as f64;
                    bare.push(bare_syncs(&run.dir, group_bytes as usize, groups)?);
                    log.push(seen);
                }
                let of = |figure: &dyn Fn(&Seen) -> f64, digits| median(log.iter().map(figure).collect(), digits);
                let of_bare = |percent| median(bare.iter().map(|all| percentile(all, percent) as f64).collect(), 0);
                let ratio = |(seen, bare): (&Seen, &Vec<u64>)| {
                    percentile(&seen.latency, 99.0) as f64 / percentile(bare, 99.0) as f64
                };
                table.row(vec![
                    size(payload),
                    clients.to_string(),
                    if format_ahead { "formatted" } else { "not formatted" }.to_owned(),
                    of(&|seen| percentile(&seen.latency, 50.0) as f64, 0),
                    of(&|seen| percentile(&seen.latency, 99.0) as f64, 0),
                    of(&|seen| percentile(&seen.latency, 100.0) as f64, 0),
                    of(&|seen| seen.records_per_group, 1),
                    of(&|seen| percentile(&seen.sync, 50.0) as f64, 0),
                    of(&|seen| percentile(&seen.sync, 99.0) as f64, 0),
                    of(&|seen| seen.cpu_us_per_record, 1),
                    of_bare(50.0),
                    of_bare(99.0),
                    median(log.iter().zip(&bare).map(ratio).collect(), 2),
                ]);
            }
        }
    }
    Ok(vec![table])
}

/// So many clients, each with one record on its way.
fn commits(dir: &Path, payload_bytes: usize, clients: u64, format_ahead: bool, groups: u64) -> Seen {
    let payload = vec![5; payload_bytes];
    let (log, _) = Log::open(Options { format_ahead, ..options(&dir.join("log")) }).expect("the log opens");
    let (mut writer, waker) = (log.writer(0).expect("the core has a writer"), waker());
    let mut begun: VecDeque<Instant> = VecDeque::with_capacity(clients as usize);
    let (mut appended, mut acked) = (Seq(0), Seq(0));
    let mut seen = Seen { latency: Vec::new(), sync: Vec::new(), records_per_group: 0.0, cpu_us_per_record: 0.0 };
    let cpu = process_time();
    while (seen.sync.len() as u64) < groups {
        writer.register(&waker);
        let progress = writer.progress();
        let now = Instant::now();
        seen.sync.extend(progress.group.map(|group| group.sync_us));
        for _ in acked.0..progress.acked.0 {
            let at = begun.pop_front().expect("each record was begun");
            seen.latency.push((now - at).as_micros() as u64);
        }
        let still = progress.acked == acked;
        acked = progress.acked;
        while appended.0 - acked.0 < clients {
            begun.push_back(Instant::now());
            match writer.append(&batch(7, &payload)) {
                Ok(seq) => appended = seq,
                Err(AppendError::NotReady) => {
                    begun.pop_back();
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        writer.kick();
        if still {
            park();
        }
    }
    seen.cpu_us_per_record = (process_time() - cpu).as_micros() as f64 / acked.0 as f64;
    seen.records_per_group = acked.0 as f64 / seen.sync.len() as f64;
    drop(writer);
    log.close().expect("the log closes");
    std::fs::remove_dir_all(dir.join("log")).expect("the log can be removed");
    seen.latency.sort_unstable();
    seen.sync.sort_unstable();
    seen
}

/// Microseconds of each `pwrite` and `fdatasync` of so many bytes, sorted.
fn bare_syncs(dir: &Path, bytes: usize, count: u64) -> io::Result<Vec<u64>> {
    let path = dir.join("bare");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
    let step = bytes.next_multiple_of(4096);
    let places = (64 << 20) / step as u64;
    let block = vec![5; step];
    for place in 0..places {
        file.write_all_at(&block, place * step as u64)?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(count as usize);
    for number in 0..count {
        let begun = Instant::now();
        file.write_all_at(&block, number % places * step as u64)?;
        file.sync_data()?;
        times.push(begun.elapsed().as_micros() as u64);
    }
    drop(file);
    std::fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times)
}
