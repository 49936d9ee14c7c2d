//! Reading, verifying and merging, against what memory gives.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::table::{Table, median, size};
use crate::{Run, append, batch, gb_per_second, options, process_time, settle, waker};

use takeup::log::Log;
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;
use takeup::log::repair::verify::verify;

const PAYLOADS: [usize; 2] = [1 << 10, 32 << 10];

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let columns = ["payload", "work", "GB/s a processor", "GB/s by the clock", "cold: GB/s by the clock"];
    let mut table = Table::new(
        "Reading a sealed log in segments of 64 MiB. `a processor`: bytes of the files by processor time of all threads. `verify` uses all \
         processors. Cold: the files were dropped from memory before.",
        &columns,
    );
    let total = if run.quick { 256 << 20 } else { 1 << 30 };
    let (cpu, wall) = (0..run.rounds).map(|_| memcpy(256 << 20)).unzip();
    table.row(vec!["".into(), "memcpy".into(), median(cpu, 2), median(wall, 2), "".into()]);
    for payload in PAYLOADS {
        let dir = run.dir.join("log");
        let bytes = write(&dir, payload, total)?;
        let works: [(&str, &dyn Fn() -> u64); 3] = [
            ("read, nothing else", &|| read_files(&dir)),
            ("verify", &|| {
                let summary =
                    verify(&dir, &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).expect("the log can be read");
                summary.bytes
            }),
            ("merge", &|| {
                let mut merge = Merge::new(LogReader::open(&dir).expect("the log can be read"));
                let mut records = 0;
                while let Some(record) = merge.next().expect("the log can be read") {
                    records += u64::from(!record.payload.is_empty());
                }
                assert!(records >= (total / payload) as u64 && merge.damage().is_empty());
                bytes
            }),
        ];
        for (name, work) in works {
            let timed = || {
                let (cpu, begun) = (process_time(), Instant::now());
                let bytes = work();
                (gb_per_second(bytes, process_time() - cpu), gb_per_second(bytes, begun.elapsed()))
            };
            drop_from_memory(&dir)?;
            let cold = timed().1;
            timed();
            let (cpu, wall) = (0..run.rounds).map(|_| timed()).unzip();
            table.row(vec![size(payload), name.into(), median(cpu, 2), median(wall, 2), format!("{cold:.2}")]);
        }
        fs::remove_dir_all(&dir)?;
    }
    Ok(vec![table])
}

/// Writes a log of sealed segments; returns their bytes.
fn write(dir: &Path, payload_bytes: usize, total: usize) -> io::Result<u64> {
    let (log, _) = Log::open(options(dir)).expect("the log opens");
    let (mut writer, waker) = (log.writer(0).expect("the core has a writer"), waker());
    let mut payload: Vec<u8> = (0..payload_bytes).map(|at| (at * 7) as u8).collect();
    for record in 0..(total / payload_bytes) as u64 {
        payload[..8].copy_from_slice(&record.to_le_bytes());
        let seq = append(&mut writer, &waker, &batch(1 + record % 5_000, &payload));
        if record % 256 == 255 {
            settle(&mut writer, &waker, seq);
        }
    }
    drop(writer);
    log.close().expect("the log closes");
    sealed(dir)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

fn sealed(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir.join("core-00"))?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect())
}

fn read_files(dir: &Path) -> u64 {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    for path in sealed(dir).expect("the folder can be listed") {
        let mut file = File::open(path).expect("the segment can be opened");
        loop {
            match file.read(&mut buffer).expect("the segment can be read") {
                0 => break,
                got => bytes += got as u64,
            }
        }
    }
    bytes
}

fn drop_from_memory(dir: &Path) -> io::Result<()> {
    for path in sealed(dir)? {
        let file = File::open(path)?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// The speed of copying memory: by processor time, and by the clock.
fn memcpy(bytes: usize) -> (f64, f64) {
    let from = vec![5_u8; bytes];
    let mut to = vec![0_u8; bytes];
    to.copy_from_slice(&from);
    let (cpu, begun) = (process_time(), Instant::now());
    for _ in 0..4 {
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
    }
    let (cpu, wall): (Duration, Duration) = (process_time() - cpu, begun.elapsed());
    (gb_per_second(4 * bytes as u64, cpu), gb_per_second(4 * bytes as u64, wall))
}
