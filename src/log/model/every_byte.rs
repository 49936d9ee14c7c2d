//! Damage at every byte of a small log: a bit flipped, a stretch zeroed, the file cut.
//!
//! What is right, for damage in a segment that was left open:
//!
//! - A record whose header, extension and payload the damage does not touch is there afterwards, under its id, byte by byte. Only where no
//!   record is left is the file set aside as it is.
//! - A record that it touches is not there.
//! - Touched *below* the durable end: the report names a stretch that covers it, or names the file. How far the file was durable is
//!   told by the control page, or without it by the intact records behind; what nobody vouches for counts as the tail.
//! - Touched *above* the durable end: no damage is reported.
//! - Nothing is reported as damaged that was not touched, and no record is there that was not written.
//!
//! Readers meet sealed segments as they are: they hand out what is not touched, and name what is. The short form tries every byte that
//! carries something, and some of those that don't; `TAKEUP_LONG=1` tries all.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::log::disk::calls::REAL;
use crate::log::error::{Damage, LogError};
use crate::log::format::control::ControlView;
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::record::{HEADER_BYTES, Kind, RecordHeader};
use crate::log::format::sidecar::Sidecar;
use crate::log::format::{control, sidecar};
use crate::log::open::take_up;
use crate::log::read::description;
use crate::log::read::merge::Merge;
use crate::log::read::reader::hand::temp_dir;
use crate::log::read::reader::{End, LOG_FILE_NAME, LogFile, LogReader, SegmentReader};
use crate::log::repair::recovery::recover;
use crate::log::repair::verify::verify;
use crate::log::{Options, Recovery};

use super::platter::Trap;
use super::step::Step;
use super::world::World;
use super::{is_long, new_disk};

const PAGE: u64 = PAGE_BYTES as u64;
const UNIT: u64 = HEADER_BYTES as u64;

/// A record as it lies in its segment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    /// Header, extension and payload: what follows up to the next record carries nothing.
    bytes: Range<u64>,
    header: RecordHeader,
    body: Vec<u8>,
}

/// A log as a killed server left it: sealed segments, one in use with several groups and a tail, one made ready.
struct Left {
    files: BTreeMap<PathBuf, Vec<u8>>,
    log: uuid::Uuid,
    open: PathBuf,
    sealed: PathBuf,
    durable: u64,
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

impl Left {
    fn new() -> Left {
        let (disk, dir) = (new_disk(), temp_dir());
        disk.begin(dir.path(), 3);
        let log_dir = dir.path().join("log");
        let mut world = World::small(disk, log_dir.clone()).unwrap();
        let mut take = |step| world.step(step).unwrap();
        for bytes in [300, 40, 170, 0, 60, 3, 90, 300, 150, 20, 133, 7, 200, 80] {
            take(Step::Turn);
            take(Step::Append { core: 0, bytes });
            take(Step::Append { core: 0, bytes: 50 });
            take(Step::Turn);
        }
        take(Step::Append { core: 0, bytes: 100 });
        take(Step::Append { core: 0, bytes: 90 });
        take(Step::Seal);
        disk.stop(Trap::Kill);
        drop(world);
        disk.restart();
        let files: BTreeMap<PathBuf, Vec<u8>> = files_below(&log_dir)
            .into_iter()
            .map(|path| (path.strip_prefix(&log_dir).unwrap().to_path_buf(), fs::read(path).unwrap()))
            .collect();
        let page = ControlView::read(&log_dir.join("core-00").join(control::FILE_NAME)).unwrap();
        let open = Path::new("core-00").join(format!("{:020}.open", page.segment));
        let is_sealed = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "seg");
        let sealed = files.keys().find(is_sealed).expect("a sealed segment").clone();
        let log = LogReader::open(&log_dir).unwrap().log_uuid();
        Left { files, log, open, sealed, durable: page.durable }
    }

    /// Writes the files of the log that are wanted, with one of them as given.
    fn write(&self, dir: &Path, changed: &Path, bytes: &[u8], wanted: impl Fn(&Path) -> bool) {
        if dir.exists() {
            fs::remove_dir_all(dir).unwrap();
        }
        fs::create_dir_all(dir.join("core-00")).unwrap();
        for (path, sound) in self.files.iter().filter(|(path, _)| wanted(path)) {
            let bytes = if path == changed { bytes } else { sound };
            fs::write(dir.join(path), bytes).unwrap();
            // The page is where it was made, unless that is what was changed.
            let place = control::at::PLACE..control::at::PLACE + 8;
            if path.ends_with(control::FILE_NAME) && bytes.get(place.clone()) == sound.get(place) {
                control::restamp(&dir.join(path));
            }
        }
    }

    fn sound(&self, path: &Path) -> &[u8] {
        &self.files[path]
    }

    /// What is in a file, pads too, as far as it was written.
    fn records(&self, path: &Path) -> Vec<Placed> {
        let dir = temp_dir();
        let copy = dir.path().join("segment");
        fs::write(&copy, self.sound(path)).unwrap();
        read(&copy, self.log, id_of(path), End::Within(u64::MAX)).0
    }
}

fn id_of(path: &Path) -> u64 {
    path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

/// Every record that a reader finds, pads too, and the damage that it meets.
fn read(path: &Path, log: uuid::Uuid, id: u64, end: End) -> (Vec<Placed>, Vec<Damage>) {
    let mut reader = SegmentReader::open_path(path, log, 0, id, end).unwrap();
    let (mut all, mut damage) = (Vec::new(), Vec::new());
    loop {
        match reader.step() {
            Ok(Some(found)) => {
                let record = reader.record(&found);
                let body =
                    if found.header.kind == Kind::Pad { Vec::new() } else { [record.ext.0, record.payload].concat() };
                let bytes = found.offset..found.offset + UNIT + body.len() as u64;
                all.push(Placed { bytes, header: found.header, body });
            }
            Ok(None) => return (all, damage),
            Err(LogError::Damaged { .. }) => damage.push(reader.resync().unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Flip(u64),
    Zero(u64, u64),
    Cut(u64),
}

impl Harm {
    /// The bytes that it changes in a file of this length, and the file then; None where it changes nothing.
    fn apply(self, sound: &[u8]) -> Option<(Range<u64>, Vec<u8>)> {
        let mut bytes = sound.to_vec();
        let range = match self {
            Harm::Flip(at) => {
                bytes[at as usize] ^= 1 << (at % 8);
                at..at + 1
            }
            Harm::Zero(at, count) => {
                let to = (at + count).min(bytes.len() as u64);
                bytes[at as usize..to as usize].fill(0);
                at..to
            }
            Harm::Cut(at) => {
                bytes.truncate(at as usize);
                at..sound.len() as u64
            }
        };
        (bytes != sound).then_some((range, bytes))
    }
}

/// Every harm that is tried on a file, in which `records` lie.
fn harms(length: u64, records: &[Placed]) -> Vec<Harm> {
    let body = |at: u64| records.iter().any(|record| record.bytes.contains(&at));
    let header = |at: u64| at < 60 || records.iter().any(|record| record.bytes.start + UNIT > at && body(at));
    let tried = |at: u64, every: u64| {
        is_long()
            || (header(at) || body(at) && at.is_multiple_of(3)) && at.is_multiple_of(every)
            || at.is_multiple_of(193)
    };
    let edges: Vec<u64> = records.iter().flat_map(|record| [record.bytes.start, record.bytes.end]).collect();
    let mut all = Vec::new();
    all.extend((0..length).filter(|&at| tried(at, 1)).map(Harm::Flip));
    all.extend((0..length).filter(|&at| tried(at, 7)).map(|at| Harm::Zero(at, 1)));
    for stretch in [UNIT, 512, PAGE] {
        all.extend((0..length).step_by(stretch as usize).map(|at| Harm::Zero(at, stretch)));
    }
    let cut = |at: &u64| is_long() || at.is_multiple_of(192) || edges.iter().any(|edge| at.abs_diff(*edge) < 2);
    all.extend((0..length).filter(cut).map(Harm::Cut));
    all
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// One harm to the segment in use, and what recovery made of it.
struct Case<'a> {
    left: &'a Left,
    records: &'a [Placed],
    dir: &'a Path,
    harmed: Range<u64>,
    with_control: bool,
    what: String,
}

impl Case<'_> {
    fn check(&self) {
        let recovery = recover(self.dir, self.left.log).unwrap();
        let what = &self.what;
        assert!(recovery.problems.is_empty(), "{what}: {:?}", recovery.problems);
        let sealed = self.dir.join(self.left.open.with_extension("seg"));
        let end = self.left.durable_told(self.records, self.with_control, &self.harmed);
        if !sealed.exists() {
            self.check_set_aside(&recovery);
            return;
        }
        let length = fs::metadata(&sealed).unwrap().len();
        let (found, unnamed) = {
            let mut reader = read(&sealed, self.left.log, id_of(&sealed), End::At(length));
            let holes = Sidecar::read(&sealed).unwrap().expect("a sidecar").damage;
            reader
                .1
                .retain(|damage| !holes.iter().any(|hole| (hole.offset, hole.bytes) == (damage.offset, damage.bytes)));
            reader
        };
        assert!(unnamed.is_empty(), "{what}: no sidecar names {unnamed:?}");
        let found: BTreeMap<u64, &Placed> = found.iter().map(|record| (record.bytes.start, record)).collect();
        for record in self.records {
            let touched = overlap(&record.bytes, &self.harmed);
            match found.get(&record.bytes.start) {
                Some(back) => assert_eq!(*back, record, "{what}: a wrong record"),
                None => assert!(touched, "{what}: the intact record at {:?} is lost", record.bytes),
            }
            let lost = touched && !found.contains_key(&record.bytes.start);
            if lost && record.bytes.end <= end {
                let names = |damage: &Damage| overlap(&(damage.offset..damage.offset + damage.bytes), &record.bytes);
                assert!(recovery.damage.iter().any(names), "{what}: the loss at {:?} is not reported", record.bytes);
            }
        }
        let written = |at: &u64| self.records.iter().any(|record| record.bytes.start == *at);
        assert!(found.keys().all(written), "{what}: a record that nobody wrote");
        for damage in &recovery.damage {
            let stretch = damage.offset..damage.offset + damage.bytes;
            let lost = |record: &Placed| overlap(&record.bytes, &self.harmed) && overlap(&record.bytes, &stretch);
            let true_word = overlap(&stretch, &self.harmed) || self.records.iter().any(lost);
            assert!(true_word, "{what}: {damage:?} is not damaged");
            assert!(stretch.end <= end, "{what}: {damage:?} was never durable");
        }
        verify(self.dir, &mut |verdict| assert!(verdict.ok(), "{what}: {verdict:?}")).unwrap();
        assert_eq!(
            recover(self.dir, self.left.log).unwrap().segments,
            0,
            "{what}: a second recovery has something to do"
        );
    }

    /// Nothing is left by which the file could be read: it is kept as it is, or there was nothing in it.
    fn check_set_aside(&self, recovery: &Recovery) {
        let all_touched = self.records.iter().all(|record| overlap(&record.bytes, &self.harmed));
        assert!(all_touched, "{}: the segment is gone, and intact records with it", self.what);
        if self.left.durable_told(self.records, self.with_control, &self.harmed) <= PAGE {
            return;
        }
        let kept = recovery
            .quarantined
            .iter()
            .any(|path| path.to_str().unwrap().contains(&format!("{:020}", id_of(&self.left.open))) && path.exists());
        assert!(kept, "{}: the file is neither recovered nor set aside", self.what);
    }
}

impl Left {
    /// How far the segment in use is durable, as far as anything still tells after a harm.
    fn durable_told(&self, records: &[Placed], with_control: bool, harmed: &Range<u64>) -> u64 {
        let intact = records.iter().filter(|record| !overlap(&record.bytes, harmed));
        let vouched = intact.map(|record| record.header.durable_bytes()).max().unwrap_or(0);
        if with_control { self.durable } else { vouched }
    }
}

fn check_every_harm(with_control: bool) {
    let left = Left::new();
    let records = left.records(&left.open);
    let kinds: Vec<Kind> = records.iter().map(|record| record.header.kind).collect();
    assert!(left.durable > 3 * PAGE && records.last().unwrap().bytes.end > left.durable, "too few groups, or no tail");
    assert!([Kind::Batch, Kind::Start, Kind::Image, Kind::Sdk, Kind::Pad].iter().all(|kind| kinds.contains(kind)));
    let sound = left.sound(&left.open);
    let written = records.last().unwrap().bytes.end.next_multiple_of(UNIT);
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    // Without the control page only some: nothing else is different.
    let every = if with_control || is_long() { 1 } else { 11 };
    for harm in harms(written, &records).into_iter().step_by(every) {
        let Some((harmed, bytes)) = harm.apply(sound) else { continue };
        let is_control = |path: &Path| path.ends_with(control::FILE_NAME);
        let is_log = |path: &Path| path == left.open || path.parent() == Some(Path::new(""));
        left.write(&log_dir, &left.open, &bytes, |path| is_log(path) || with_control && is_control(path));
        let what = format!("{harm:?}, control page: {with_control}");
        Case { left: &left, records: &records, dir: &log_dir, harmed, with_control, what }.check();
    }
}

#[test]
fn recoverable_with_damage_at_every_byte() {
    check_every_harm(true);
}

#[test]
fn recoverable_with_damage_at_every_byte_without_a_control_page() {
    check_every_harm(false);
}

#[test]
fn recoverable_with_damage_at_every_byte_of_the_control_page() {
    let left = Left::new();
    let control = Path::new("core-00").join(control::FILE_NAME);
    let records = left.records(&left.open);
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let harms = (0..96).map(Harm::Flip).chain((0..96).map(|at| Harm::Zero(at, 8))).chain((0..97).map(Harm::Cut));
    for harm in harms {
        let Some((_, bytes)) = harm.apply(left.sound(&control)) else { continue };
        left.write(&log_dir, &control, &bytes, |_| true);
        let recovery = recover(&log_dir, left.log).unwrap();
        assert!(recovery.problems.is_empty() && recovery.quarantined.is_empty(), "{harm:?}: {recovery:?}");
        let sealed = log_dir.join(left.open.with_extension("seg"));
        let (found, _) = read(&sealed, left.log, id_of(&sealed), End::At(fs::metadata(&sealed).unwrap().len()));
        assert_eq!(found, records, "{harm:?}");
    }
}

#[test]
fn readers_of_a_sealed_segment_name_damage_at_every_byte_and_hand_out_the_rest() {
    let left = Left::new();
    let sound = left.sound(&left.sealed);
    let (records, _) = {
        let dir = temp_dir();
        let copy = dir.path().join("segment");
        fs::write(&copy, sound).unwrap();
        read(&copy, left.log, id_of(&left.sealed), End::At(sound.len() as u64))
    };
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    left.write(&log_dir, &left.sealed, sound, |_| true);
    recover(&log_dir, left.log).unwrap();
    let path = log_dir.join(&left.sealed);
    let whole = merged(&log_dir).0;
    for harm in harms(sound.len() as u64, &records) {
        let Some((harmed, bytes)) = harm.apply(sound) else { continue };
        fs::write(&path, &bytes).unwrap();
        let mut faults = Vec::new();
        verify(&log_dir, &mut |verdict| faults.extend(verdict.faults.clone())).unwrap();
        assert!(!faults.is_empty(), "{harm:?}: verify finds nothing");
        let (seen, damage) = merged(&log_dir);
        let touched: Vec<u64> = records
            .iter()
            .filter(|record| record.header.kind != Kind::Pad && overlap(&record.bytes, &harmed))
            .map(|record| record.bytes.start)
            .collect();
        let in_it = |at: &(u64, u64)| at.0 == id_of(&path);
        let expected = whole.iter().filter(|(at, _)| !(in_it(at) && touched.contains(&at.1)));
        // Where a cut leaves neither first page nor first record, the segment is foreign: all of it is named.
        if matches!(harm, Harm::Cut(at) if at < PAGE + UNIT) {
            assert!(seen.keys().all(|at| !in_it(at)) && !damage.is_empty(), "{harm:?}: {damage:?}");
            continue;
        }
        assert!(seen.iter().eq(expected), "{harm:?}: the merge hands out something else");
        let named = damage.iter().any(|damage| overlap(&(damage.offset..damage.offset + damage.bytes), &harmed));
        assert!(touched.is_empty() || named, "{harm:?}: {damage:?}");
    }
}

#[test]
fn no_byte_of_a_sidecar_makes_a_reader_leave_out_a_record() {
    let left = Left::new();
    // One record of the sealed segment is damaged, and the sidecar names it.
    let mut bytes = left.sound(&left.sealed).to_vec();
    bytes[PAGE_BYTES + 100] ^= 1;
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    left.write(&log_dir, &left.sealed, &bytes, |_| true);
    recover(&log_dir, left.log).unwrap();
    let path = log_dir.join(&left.sealed);
    let described = description::describe(&path, left.log, 0, id_of(&path)).unwrap();
    assert_eq!(described.damage.len(), 1);
    described.write(&path).unwrap();
    let (whole, damage) = merged(&log_dir);
    assert!(damage.is_empty() && whole.len() > 10, "the sidecar names it: {damage:?}");
    let text = fs::read(sidecar::path_of(&path)).unwrap();
    for at in 0..text.len() as u64 {
        for bit in 0..8 {
            let mut bytes = text.clone();
            bytes[at as usize] ^= 1 << bit;
            fs::write(sidecar::path_of(&path), &bytes).unwrap();
            assert_eq!(merged(&log_dir).0, whole, "bit {bit} of byte {at}");
            if !is_long() && bit > 1 {
                break;
            }
        }
    }
}

#[test]
fn no_byte_of_the_log_file_makes_another_log_of_it_or_keeps_it_from_starting() {
    let left = Left::new();
    let name = Path::new(LOG_FILE_NAME);
    let sound = left.sound(name);
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    left.write(&log_dir, name, sound, |_| true);
    let flips = (0..sound.len() as u64).flat_map(|at| [Harm::Flip(at), Harm::Zero(at, 1), Harm::Cut(at)]);
    for harm in flips {
        let Some((_, bytes)) = harm.apply(sound) else { continue };
        fs::write(log_dir.join(name), &bytes).unwrap();
        match LogReader::open(&log_dir) {
            Ok(reader) => assert_eq!(reader.log_uuid(), left.log, "{harm:?}"),
            // A wrong digit may make it a newer version, which is refused by name.
            Err(error) => {
                assert!(matches!(error, LogError::Version { .. }), "{harm:?}: {error}");
                continue;
            }
        }
        // A start writes it anew, and never fails for its sake.
        let options = Options { dir: log_dir.clone(), insist: true, ..Options::default() };
        let (shared, recovery) = take_up(REAL, options, 1).unwrap_or_else(|error| panic!("{harm:?}: {error}"));
        assert_eq!((shared.log, recovery.quarantined.len()), (left.log, 0), "{harm:?}");
        assert_eq!(LogFile::read(&log_dir).unwrap().log, left.log, "{harm:?}");
    }
}

/// Records by segment and offset.
type Merged = BTreeMap<(u64, u64), Vec<u8>>;

/// Every record that the merge hands out, and what it met on the way.
fn merged(log_dir: &Path) -> (Merged, Vec<Damage>) {
    let mut merge = Merge::new(LogReader::open(log_dir).unwrap());
    let mut all = BTreeMap::new();
    while let Some(record) = merge.next().unwrap() {
        all.insert((record.id.segment, record.id.offset), [record.ext.0, record.payload].concat());
    }
    let damage = merge.damage().to_vec();
    (all, damage)
}
