//! Reading, verifying and merging, against what memory gives.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::table::{Table, median, size};
use crate::{Run, append, batch, gb_per_second, options, process_time, settle, waker};

use takeup::log::format::record::{Entry, Label};
use takeup::log::read::merge::{Merge, RepeatWindow};
use takeup::log::read::reader::LogReader;
use takeup::log::repair::verify::verify;
use takeup::log::{Log, Options};

const CORES: u16 = 2;

const PAYLOADS: [usize; 2] = [1 << 10, 32 << 10];

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let columns = ["payload", "work", "GB/s a processor", "GB/s by the clock", "cold: GB/s by the clock"];
    let mut table = Table::new(
        "Reading a sealed log of two cores, in segments of 64 MiB. `a processor`: bytes of the files by processor time of all threads. `verify` uses all \
         processors. Cold: the files were dropped from memory before.",
        &columns,
    );
    let total = if run.quick { 256 << 20 } else { 1 << 30 };
    let (cpu, wall) = (0..run.rounds).map(|_| memcpy(256 << 20)).unzip();
    table.row(vec!["".into(), "memcpy".into(), median(cpu, 2), median(wall, 2), "".into()]);
    for payload in PAYLOADS {
        let dir = run.dir.join("log");
        let bytes = write(&dir, payload, total)?;
        let merged = |window: RepeatWindow| {
            let reader = LogReader::open(&dir).expect("the log can be read");
            let mut merge = Merge::new(reader).with_repeat_window(window);
            let mut records = 0;
            while let Some(record) = merge.next().expect("the log can be read") {
                records += u64::from(!record.payload.is_empty());
            }
            assert!(records >= (total / payload) as u64 && merge.damage().is_empty());
            bytes
        };
        let works: [(&str, &dyn Fn() -> u64); 4] = [
            ("read, nothing else", &|| read_files(&dir)),
            ("verify", &|| {
                let summary =
                    verify(&dir, &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).expect("the log can be read");
                summary.bytes
            }),
            ("merge, every record", &|| merged(RepeatWindow::OFF)),
            ("merge without repeats", &|| merged(RepeatWindow::default())),
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

/// Writes a log of sealed segments; returns their bytes. Every batch has its label, as those of trackers do, and no two are equal.
fn write(dir: &Path, payload_bytes: usize, total: usize) -> io::Result<u64> {
    let (log, _) = Log::open(Options { cores: CORES, ..options(dir) }).expect("the log opens");
    let mut writers: Vec<_> = (0..CORES).map(|core| log.writer(core).expect("the core has a writer")).collect();
    let waker = waker();
    let mut payload: Vec<u8> = (0..payload_bytes).map(|at| (at * 7) as u8).collect();
    for record in 0..(total / payload_bytes) as u64 {
        payload[..8].copy_from_slice(&record.to_le_bytes());
        let label = Some(Label { page: 0, number: (record / 5_000) as u32 });
        let writer = &mut writers[(record % u64::from(CORES)) as usize];
        let seq = append(writer, &waker, &Entry { label, ..batch(1 + record % 5_000, &payload) });
        if record % 512 >= 510 {
            settle(writer, &waker, seq);
        }
    }
    drop(writers);
    log.close().expect("the log closes");
    sealed(dir)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

fn sealed(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for core in 0..CORES {
        for entry in fs::read_dir(dir.join(format!("core-{core:02}")))? {
            found.push(entry?.path());
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    Ok(found)
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
