use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::log::cursor::Cursors;
use crate::log::erase::{Erasing, erase_segment};
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::read::merge::{Merge, RepeatWindow};
use crate::log::read::reader::{LogReader, core_dir};
use crate::log::repair::verify::verify;
use crate::log::{AppendError, Log, Options, Way, Writer};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const BLOCK_BYTES: u64 = 64 << 10;

/// A log whose groups are written directly, with room for this many blocks.
struct Written {
    _dir: tempfile::TempDir,
    log: Log,
    writer: Option<Writer>,
    records: u64,
}

impl Written {
    fn new(blocks: u64, segment_bytes: u64) -> Written {
        let dir = tempfile::tempdir().unwrap();
        let (log, _) = Log::open(Options {
            dir: dir.path().join("log"),
            way: Way::Direct,
            segment_bytes,
            window_bytes: BLOCK_BYTES,
            group_bytes_max: BLOCK_BYTES,
            recent_bytes: blocks * BLOCK_BYTES,
            start_reserve_bytes: 8 << 10,
            reserve_bytes: 1 << 20,
            insist: true,
            ..Options::default()
        })
        .unwrap();
        let writer = Some(log.writer(0).unwrap());
        Written { _dir: dir, log, writer, records: 0 }
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().unwrap()
    }

    /// Appends a record, and with it ends a group.
    fn append(&mut self, session: u64, bytes: usize) {
        let payload = payload(self.records, bytes);
        let entry = Entry {
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
            payload: &payload,
        };
        let begun = Instant::now();
        let seq = loop {
            match self.writer().append(&entry) {
                Ok(seq) => break seq,
                Err(AppendError::NotReady) => {}
                Err(error) => panic!("{error}"),
            }
            self.turn(begun);
        };
        while self.turn(begun) < seq.0 {}
        self.records += 1;
    }

    fn turn(&mut self, begun: Instant) -> u64 {
        assert!(begun.elapsed() < PATIENCE, "the record is never durable");
        let acked = self.writer().progress().acked.0;
        self.writer().kick();
        thread::yield_now();
        acked
    }

    fn reader(&self) -> LogReader {
        LogReader::open(self.log.dir()).unwrap()
    }

    /// Follows the log, with what is in memory.
    fn follow(&self) -> Merge {
        Merge::new(self.reader().with_recent(Some(self.log.recent()))).with_repeat_window(RepeatWindow::OFF)
    }

    fn groups(&self) -> Vec<RecentGroup> {
        self.log.shared().cores[0].recent.lock().iter().cloned().collect()
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(core_dir(self.log.dir(), 0)).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
    }

    fn close(&mut self) {
        self.writer = None;
        self.log.close().unwrap();
    }
}

fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(bytes.max(8), number as u8);
    payload
}

/// What a merge hands out now: segments, offsets and payloads. It must step over no damage.
fn rest(merge: &mut Merge) -> Vec<((u64, u64), Vec<u8>)> {
    let mut records = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        records.push(((record.id.segment, record.id.offset), record.payload.to_vec()));
    }
    assert_eq!(merge.damage(), []);
    records
}

#[test]
fn what_is_kept_comes_to_its_bound_and_no_further() {
    let mut written = Written::new(3, 1 << 20);
    let mut most = 0;
    for round in 0..300 {
        written.append(7, 500 + round * 37 % 9_000);
        let kept = written.log.stats().recent_bytes;
        let bytes: usize = written.groups().iter().map(|group| group.bytes.len()).sum();
        assert_eq!(kept, bytes as u64);
        // The block that is being filled, too. Each has a page more for the end of its last group.
        assert!(kept <= 4 * (BLOCK_BYTES + 4096), "{kept} bytes");
        most = most.max(kept);
    }
    assert!(most > 3 * BLOCK_BYTES, "{most} bytes");
}

#[test]
fn no_more_blocks_are_made_than_are_kept_and_in_use() {
    let recent = Arc::new(Recent::default());
    recent.hold_from(u64::MAX);
    let mut stages = Stages::new(Arc::clone(&recent), None, BLOCK_BYTES, 3 * BLOCK_BYTES, 4);
    let mut places = std::collections::BTreeSet::new();
    let mut stage = stages.take().unwrap();
    for number in 0..200 {
        stage.append(&[number as u8; 16 << 10]);
        let bytes = stage.close();
        places.insert(bytes.as_ptr().addr() / BLOCK_BYTES as usize);
        stages.publish(RecentGroup { segment: 1, from: 4096 + number * (16 << 10), bytes, block: stage.number() });
        stages.begin_group(&mut stage, 16 << 10);
    }
    // Three that are kept and the open one; each lies across at most two places.
    assert!(places.len() <= 2 * 4 + 2, "{} places", places.len());
    assert!(stage.number() > 200 / 4, "{} blocks were filled", stage.number());
}

#[test]
fn with_no_room_for_a_block_nothing_is_kept() {
    let mut written = Written::new(0, 1 << 20);
    (0..20).for_each(|_| written.append(7, 3_000));
    assert_eq!(written.groups().len(), 0);
    assert_eq!(rest(&mut written.follow()).len(), 20);
}

#[test]
fn who_is_far_behind_gets_from_the_disk_what_others_get_from_memory() {
    let mut written = Written::new(3, 512 << 10);
    let mut live = written.follow();
    let mut from_memory = Vec::new();
    for round in 0..400 {
        written.append(7, 100 + round * 53 % 12_000);
        if round % 3 == 0 {
            from_memory.extend(rest(&mut live));
        }
    }
    from_memory.extend(rest(&mut live));
    assert_eq!(from_memory.len(), 400);
    let oldest = &written.groups()[0];
    assert!(from_memory[0].0 < (oldest.segment, oldest.from), "the first records are not in memory any more");
    // From the first one on: from the disk, and then from memory.
    assert!(rest(&mut written.follow()) == from_memory);
    // A process of its own has only the disk.
    let mut apart = Merge::new(written.reader()).with_repeat_window(RepeatWindow::OFF);
    assert!(rest(&mut apart) == from_memory);
    for (number, (_, found)) in from_memory.iter().enumerate() {
        assert!(*found == payload(number as u64, 100 + number * 53 % 12_000), "record {number}");
    }
}

/// The bytes of all groups in memory, made unreadable in their file.
fn spoil_files(written: &Written) {
    let [path] = &written.files("open").into_iter().filter(|path| is_used(written, path)).collect::<Vec<_>>()[..]
    else {
        panic!("one segment is in use")
    };
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    for group in written.groups() {
        file.write_all_at(&vec![0xEE; group.bytes.len()], group.from).unwrap();
    }
}

fn is_used(written: &Written, path: &std::path::Path) -> bool {
    let id = written.groups()[0].segment;
    path.file_stem().is_some_and(|stem| stem.to_str() == Some(&format!("{id:020}")))
}

#[test]
fn what_is_recent_is_read_from_memory_until_it_is_forgotten() {
    let mut written = Written::new(8, 1 << 20);
    (0..10).for_each(|_| written.append(7, 3_000));
    spoil_files(&written);
    assert_eq!(rest(&mut written.follow()).len(), 10);
    written.log.forget_recent(Instant::now());
    assert_eq!(written.log.stats().recent_bytes, 0);
    let mut merge = written.follow();
    while merge.next().unwrap().is_some() {}
    assert!(merge.damage_count() > 0, "it is read from the file");
}

#[test]
fn nothing_is_kept_that_is_not_durable() {
    let mut written = Written::new(8, 1 << 20);
    written.writer().own_writes();
    let begun = Instant::now();
    let entry = |payload: &'static [u8]| Entry { payload, ..entry_of(7) };
    while written.writer().append(&entry(b"first")).is_err() {
        written.turn(begun);
    }
    written.writer().kick();
    let write = written.writer().next_write().expect("a group was closed");
    written.writer().progress();
    assert_eq!(written.groups().len(), 0, "it is on its way");
    let stored = write.file().and_then(|file| file.write_all_at(&write.bytes(), write.offset()));
    written.writer().written(write, stored);
    written.writer().progress();
    assert_eq!(written.groups().len(), 1);
    written.writer().append(&entry(b"second")).unwrap();
    written.writer().kick();
    let write = written.writer().next_write().expect("a group was closed");
    let stored = write.file().and_then(|file| file.write_all_at(&write.bytes(), write.offset()));
    stored.unwrap();
    written.writer().written(write, Err(std::io::Error::from_raw_os_error(libc::EIO)));
    written.writer().progress();
    assert_eq!(written.groups().len(), 1, "its sync has failed, whatever is in the file");
    let payloads: Vec<_> = rest(&mut written.follow()).into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, [b"first"]);
}

fn entry_of(session: u64) -> Entry<'static> {
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
        payload: &[],
    }
}

#[test]
fn the_core_waits_for_no_reader() {
    let recent = Arc::new(Recent::default());
    let mut stages = Stages::new(Arc::clone(&recent), None, BLOCK_BYTES, 2 * BLOCK_BYTES, 4);
    let mut stage = stages.take().unwrap();
    let mut publish = |from: u64, segment: u64| {
        stage.append(&[1; 4096]);
        let (bytes, block) = (stage.close(), stage.number());
        stages.publish(RecentGroup { segment, from, bytes, block });
    };
    let held = recent.lock();
    publish(4096, 1);
    publish(8192, 1);
    assert_eq!(held.len(), 0);
    drop(held);
    publish(4096, 2);
    assert!(recent.find(1, 4096).is_some() && recent.find(1, 8192 + 64).is_some() && recent.find(2, 4096).is_some());
    assert!(recent.find(1, 12_288).is_none() && recent.find(1, 0).is_none() && recent.find(3, 4096).is_none());
    // What an erasure has made it forget does not come in late either.
    let held = recent.lock();
    publish(8192, 2);
    drop(held);
    recent.forget(3);
    publish(4096, 3);
    assert!(recent.find(2, 8192).is_none() && recent.find(3, 4096).is_some());
    assert_eq!(recent.bytes(), 4096);
}

#[test]
fn an_erased_person_is_not_served_from_memory() {
    const PERSON: u64 = 4711;
    let mut written = Written::new(16, 256 << 10);
    for round in 0..100 {
        written.append(if round % 3 == 0 { PERSON } else { round }, 3_000);
    }
    let begun = Instant::now();
    while written.files("seg").is_empty() {
        written.turn(begun);
    }
    let reader = written.reader();
    let sealed = reader.segments().unwrap().into_iter().filter(|info| info.sealed()).collect::<Vec<_>>();
    let of_person = |written: &Written| {
        let mut merge = written.follow();
        let mut found = 0;
        while let Some(record) = merge.next().unwrap() {
            let is_sealed = sealed.iter().any(|info| info.id == record.id.segment);
            found += u64::from(record.session == PERSON && is_sealed);
        }
        assert_eq!(merge.damage(), []);
        found
    };
    assert!(written.groups().iter().any(|group| sealed.iter().any(|info| info.id == group.segment)));
    let before = of_person(&written);
    let mut erased = 0;
    for info in &sealed {
        let mut erasing = Erasing {
            wanted: &|session, _| session == PERSON,
            receipt: Uuid::from_u128(1),
            unix_seconds: 9,
            dry_run: false,
            found: &mut |_| {},
        };
        erased += erase_segment(info, &Cursors::of(&reader), &mut erasing).unwrap().records;
    }
    assert!(erased > 0 && erased == before);
    written.log.forget_recent(Instant::now());
    assert_eq!(of_person(&written), 0);
}

#[test]
fn a_segment_that_was_hashed_from_memory_passes_verification() {
    let mut written = Written::new(4, 512 << 10);
    for round in 0..200 {
        written.append(round % 5 + 1, 100 + round as usize * 53 % 12_000);
        if round % 40 == 0 {
            thread::sleep(Duration::from_millis(60));
        }
    }
    written.close();
    let mut segments = 0;
    verify(written.log.dir(), &mut |verdict| {
        assert!(verdict.ok() && verdict.known_damage_bytes == 0, "{verdict:?}");
        segments += 1;
    })
    .unwrap();
    assert!(segments > 1);
}
