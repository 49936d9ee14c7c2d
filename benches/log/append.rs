//! Appending by size, against copying the same bytes without a log.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::table::{Table, median, size};
use crate::{Run, append, batch, gb_per_second, options, settle, thread_time, waker};
use memmap2::{Advice, MmapMut, MmapOptions};

use takeup::log::Log;

const SIZES: [usize; 6] = [64, 256, 1 << 10, 4 << 10, 32 << 10, 256 << 10];

/// What is appended between two syncs: it stays well within the window, so that no append waits.
const BURST_BYTES: usize = 4 << 20;

/// Each way is given this much a round.
const ROUND_BYTES: usize = 64 << 20;

/// A header stands before each payload, and records begin at multiples of 64.
fn stored(payload: usize) -> usize {
    (64 + payload).next_multiple_of(64)
}

/// Nanoseconds of this thread for each record.
#[derive(Default)]
struct Times {
    log: Vec<f64>,
    memcpy: Vec<f64>,
    memcpy_crc: Vec<f64>,
    pwrite: Vec<f64>,
    faulting: Vec<f64>,
}

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let columns = [
        "payload",
        "log ns",
        "log GB/s",
        "memcpy ns",
        "x memcpy",
        "memcpy + CRC-32C ns",
        "x that",
        "pwrite ns",
        "mapping with faults ns",
    ];
    let mut table = Table::new(
        "Appending: processor time of the appending thread for each record. `memcpy` goes into a mapping whose pages are there, `pwrite` \
         over blocks that are in memory, the last column into a mapping whose pages are not. Ratios are taken within a round.",
        &columns,
    );
    for payload in SIZES {
        let mut times = Times::default();
        for _ in 0..run.rounds {
            round(&run.dir, payload, if run.quick { ROUND_BYTES / 4 } else { ROUND_BYTES }, &mut times)?;
        }
        let ratio = |to: &[f64]| times.log.iter().zip(to).map(|(log, to)| log / to).collect();
        let speed = |ns: &f64| gb_per_second(payload as u64, std::time::Duration::from_nanos(1).mul_f64(*ns));
        table.row(vec![
            size(payload),
            median(times.log.clone(), 0),
            format!("{:.1}", speed(&times.log.iter().copied().fold(f64::MAX, f64::min))),
            median(times.memcpy.clone(), 0),
            median(ratio(&times.memcpy), 2),
            median(times.memcpy_crc.clone(), 0),
            median(ratio(&times.memcpy_crc), 2),
            median(times.pwrite.clone(), 0),
            median(times.faulting.clone(), 0),
        ]);
    }
    Ok(vec![table])
}

fn round(dir: &Path, payload_bytes: usize, bytes: usize, times: &mut Times) -> io::Result<()> {
    let payload: Vec<u8> = (0..payload_bytes).map(|at| at as u8).collect();
    let step = stored(payload_bytes);
    let records = bytes / step;
    let per = |time: std::time::Duration| time.as_nanos() as f64 / records as f64;

    let prefaulted = file(dir, bytes)?;
    let mut map = map(&prefaulted, bytes)?;
    map.advise(Advice::Random)?;
    map.advise(Advice::PopulateWrite)?;
    for (times, with_crc) in [(&mut times.memcpy, false), (&mut times.memcpy_crc, true)] {
        let begun = thread_time();
        for at in (0..records * step).step_by(step) {
            let crc = if with_crc { crc32c::crc32c(&payload) } else { 0 };
            map[at..at + 4].copy_from_slice(&crc.to_le_bytes());
            map[at + 64..at + 64 + payload_bytes].copy_from_slice(&payload);
        }
        times.push(per(thread_time() - begun));
    }
    drop(map);

    // The mapping above has brought its pages.
    let mut block = vec![0; step];
    block[64..64 + payload_bytes].copy_from_slice(&payload);
    let begun = thread_time();
    for record in 0..records {
        prefaulted.write_all_at(&block, (record * step) as u64)?;
    }
    times.pwrite.push(per(thread_time() - begun));
    drop(prefaulted);

    let fresh = file(dir, bytes)?;
    let mut map = self::map(&fresh, bytes)?;
    let begun = thread_time();
    for at in (0..records * step).step_by(step) {
        map[at + 64..at + 64 + payload_bytes].copy_from_slice(&payload);
    }
    times.faulting.push(per(thread_time() - begun));
    drop(map);
    std::fs::remove_file(dir.join("plain"))?;

    times.log.push(per(appends(dir, &payload, records, step)));
    Ok(())
}

/// The time of so many appends alone. What makes them durable runs on other threads, and is waited for between two bursts.
fn appends(dir: &Path, payload: &[u8], records: usize, step: usize) -> std::time::Duration {
    let (log, _) = Log::open(options(&dir.join("log"))).expect("the log opens");
    let (mut writer, waker) = (log.writer(0).expect("the core has a writer"), waker());
    let entry = batch(7, payload);
    let burst = (BURST_BYTES / step).max(1);
    let mut time = std::time::Duration::ZERO;
    let mut left = records;
    while left > 0 {
        // The first of a burst waits for whatever there is to wait for.
        let mut last = append(&mut writer, &waker, &entry);
        settle(&mut writer, &waker, last);
        while writer.stats().window_bytes < (BURST_BYTES + 3 * step) as u64 && writer.append(&entry).is_ok() {}
        let now = burst.min(left);
        let begun = thread_time();
        let mut done = 0;
        for _ in 0..now {
            match writer.append(&entry) {
                Ok(seq) => (last, done) = (seq, done + 1),
                Err(_) => break,
            }
        }
        let took = thread_time() - begun;
        if done == now {
            time += took;
            left -= done;
        }
        writer.kick();
        settle(&mut writer, &waker, last);
    }
    drop(writer);
    log.close().expect("the log closes");
    std::fs::remove_dir_all(dir.join("log")).expect("the log can be removed");
    time
}

fn file(dir: &Path, bytes: usize) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(dir.join("plain"))?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes as u64)?;
    Ok(file)
}

fn map(file: &File, bytes: usize) -> io::Result<MmapMut> {
    // SAFETY: the file is this benchmark's own, and nobody else changes it.
    unsafe { MmapOptions::new().len(bytes).map_mut(file) }
}
