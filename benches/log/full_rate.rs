//! A writer at full rate, over many segments: what it stood still for, beside a reader that follows it.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::table::{Table, size};
use crate::{Run, batch, options, park, waker};

use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;
use takeup::log::{AppendError, Log, LogStats, Options, Way};

const SEGMENT_BYTES: u64 = 64 << 20;

/// A core ends its turn, and hands over what it has appended, after so many records.
const TURN_RECORDS: u64 = 64;

/// How long the reader rests at the end of the log.
const REST: Duration = Duration::from_millis(5);

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let kinds: Vec<String> =
        LogStats::STANDSTILLS.iter().map(|what| format!("for {what}: times, longest ms")).collect();
    let mut columns = vec!["payload", "writer", "MB/s", "syncs", "longest sync ms"];
    columns.extend(kinds.iter().map(String::as_str));
    let mut table = Table::new(
        "One core appends as fast as the log takes it, with a reader behind it: what it stood still for. Only a standstill for `groups` is the \
         disk's; any other above 20 ms is one that the log should have prevented.",
        &columns,
    );
    let segments = if run.quick { 4 } else { 10 };
    for payload in [1 << 10, 32 << 10] {
        for (name, way, format_ahead) in
            [("mapped, formatted", Way::Mapped, true), ("mapped", Way::Mapped, false), ("direct", Way::Direct, true)]
        {
            let dir = run.dir.join("log");
            let of = Options { way, format_ahead, segment_bytes: SEGMENT_BYTES, ..options(&dir) };
            let mut cells = vec![size(payload), name.into()];
            cells.extend(write(of, payload, segments));
            table.row(cells);
            fs::remove_dir_all(&dir)?;
        }
    }
    Ok(vec![table])
}

fn write(options: Options, payload_bytes: usize, segments: u64) -> Vec<String> {
    let dir = options.dir.clone();
    let (log, _) = Log::open(options).expect("the log opens");
    let done = AtomicBool::new(false);
    let (mut writer, waker) = (log.writer(0).expect("the core has a writer"), waker());
    let (begun, payload) = (Instant::now(), vec![7; payload_bytes]);
    let (mut records, mut longest_sync_us) = (0_u64, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut merge = Merge::new(LogReader::open(&dir).expect("the log can be read"));
            while !done.load(Ordering::Relaxed) {
                while merge.next().expect("the log can be read").is_some() {}
                thread::sleep(REST);
            }
        });
        while records * payload_bytes as u64 <= segments * SEGMENT_BYTES {
            writer.register(&waker);
            let result = writer.append(&batch(1 + records % 5_000, &payload));
            let refused = matches!(result, Err(AppendError::NotReady));
            assert!(result.is_ok() || refused, "{result:?}");
            records += u64::from(!refused);
            if refused || records.is_multiple_of(TURN_RECORDS) {
                let group = writer.progress().group.unwrap_or_default();
                longest_sync_us = longest_sync_us.max(group.sync_us);
                writer.kick();
            }
            if refused {
                park();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let (took, stats) = (begun.elapsed(), log.stats());
    drop(writer);
    log.close().expect("the log closes");
    let ms = |us: u64| format!("{:.1}", us as f64 / 1e3);
    let rate = records as f64 * payload_bytes as f64 / took.as_secs_f64() / 1e6;
    let mut cells = vec![format!("{rate:.0}"), stats.groups.to_string(), ms(longest_sync_us)];
    cells.extend(stats.standstills.iter().map(|of| format!("{}, {}", of.count, ms(of.longest_us))));
    cells
}
