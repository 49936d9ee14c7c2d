//! The merge against real writers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::read::reader::LogReader;
use crate::log::read::reader::hand::temp_dir;
use crate::log::{AppendError, Log, Options, Writer};

use super::Merge;

const CORES: usize = 3;
const RECORDS: u64 = 1500;
const PATIENCE: Duration = Duration::from_secs(60);

/// A record's payload: its core, its count in it, and for each core how many records had been answered before this one was received.
fn payload(core: usize, count: u64, answered: &[u64; CORES]) -> Vec<u8> {
    let mut bytes: Vec<u8> = [core as u64, count].iter().chain(answered).flat_map(|word| word.to_le_bytes()).collect();
    // Of many sizes, so that groups and segments end everywhere.
    bytes.resize(bytes.len() + (count * 37 % 900) as usize, core as u8);
    bytes
}

fn words(payload: &[u8]) -> Vec<u64> {
    payload.chunks_exact(8).take(2 + CORES).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
}

fn write(mut writer: Writer, core: usize, answered: &[AtomicU64; CORES]) {
    let deadline = Instant::now() + PATIENCE;
    let (mut count, mut last) = (0, 0);
    while last < RECORDS {
        assert!(Instant::now() < deadline, "core {core} is stuck at {count}");
        let progress = writer.progress();
        assert_eq!(progress.lost, None);
        last = progress.acked.0;
        answered[core].store(last, Ordering::SeqCst);
        for _ in 0..=(count % 5) {
            if count == RECORDS {
                break;
            }
            let seen = [0, 1, 2].map(|other| answered[other].load(Ordering::SeqCst));
            let payload = payload(core, count + 1, &seen);
            let entry = Entry {
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
                payload: &payload,
            };
            match writer.append(&entry) {
                Ok(_) => count += 1,
                Err(AppendError::NotReady) => break,
                Err(error) => panic!("{error}"),
            }
        }
        writer.kick();
        if core == 0 {
            // One core idles now and then, so that the clock has to speak for it.
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Back an hour, forward a little, now and then forward a day.
fn step_the_wall_clock(log: &Log, done: &AtomicBool) {
    for turn in 0_u64.. {
        if done.load(Ordering::SeqCst) {
            return;
        }
        let now_us = log.clock().now_us();
        log.clock().anchor_to(match turn % 50 {
            0 => now_us + 86_400_000_000,
            odd if odd % 2 == 1 => now_us - 3_600_000_000,
            _ => now_us + 20,
        });
        thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn a_request_received_after_anothers_answer_leaves_after_it() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let options = Options {
        dir: log_dir.clone(),
        cores: CORES as u16,
        segment_bytes: 128 << 10,
        window_bytes: 64 << 10,
        group_bytes_max: 32 << 10,
        start_reserve_bytes: 4 << 10,
        reserve_bytes: 1 << 20,
        insist: true,
        ..Options::default()
    };
    let (log, _) = Log::open(options).unwrap();
    let answered: [AtomicU64; CORES] = Default::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for core in 0..CORES {
            let writer = log.writer(core as u16).unwrap();
            let answered = &answered;
            scope.spawn(move || write(writer, core, answered));
        }
        let done = &done;
        scope.spawn(|| step_the_wall_clock(&log, done));
        follow(&log_dir);
        done.store(true, Ordering::SeqCst);
    });
    log.close().unwrap();
    let mut merge = Merge::new(LogReader::open(&log_dir).unwrap());
    let mut records = 0;
    while merge.next().unwrap().is_some() {
        records += 1;
    }
    assert_eq!((records, merge.damage()), (CORES as u64 * RECORDS, &[][..]));
}

/// Follows the log until all records have come, beginning anew from the kept position now and then.
fn follow(log_dir: &std::path::Path) {
    let deadline = Instant::now() + PATIENCE;
    let mut merge = Merge::new(LogReader::open(log_dir).unwrap());
    let mut seen = [0; CORES];
    let mut last_us = 0;
    while seen != [RECORDS; CORES] {
        assert!(Instant::now() < deadline, "stuck at {seen:?}");
        let Some(record) = merge.next().unwrap() else {
            thread::sleep(Duration::from_micros(300));
            continue;
        };
        assert!(record.order_us >= last_us, "{} after {last_us}", record.order_us);
        last_us = record.order_us;
        let words = words(record.payload);
        let core = words[0] as usize;
        assert_eq!(words[1], seen[core] + 1, "core {core} out of order, or with a gap");
        for (other, &answered) in words[2..].iter().enumerate() {
            assert!(answered <= seen[other], "left before record {answered} of core {other}, which was answered first");
        }
        seen[core] += 1;
        if seen.iter().sum::<u64>().is_multiple_of(701) {
            assert_eq!(merge.damage(), []);
            merge = Merge::resume(LogReader::open(log_dir).unwrap(), &merge.position()).unwrap();
        }
    }
    assert_eq!(merge.damage(), []);
}
