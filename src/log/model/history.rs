//! What was asked of the log, and what it has promised since: the model that every reading is held against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::log::LogError;
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Label, Record, RecordId, Topic};
use crate::log::read::merge::{Merge, MergePosition, Skipped};
use crate::log::read::reader::{LogReader, SegmentInfo, SegmentReader};

/// Fails the step with a message.
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}
pub(super) use ensure;

pub type Checked<T = ()> = Result<T, String>;

/// One append that the log took. Its number is its place in [`History`], and the first bytes of its payload.
#[derive(Debug)]
pub struct Attempt {
    pub core: u16,
    pub bytes: usize,
    /// When it was appended, in steps of the history.
    appended_at: u64,
    /// When it was answered: it has to be there, and before all that were appended later.
    acked_at: Option<u64>,
    /// It was reported as lost. It may be there nevertheless: its owner appends it again, or, where it was answered from memory, the log
    /// itself: then it may be there twice.
    pub lost: bool,
    /// Somebody has seen it as durable: it has to be there from now on, whatever `ack` is.
    pub seen: bool,
    /// A recovery has ended without it: it must never come back.
    pub gone: bool,
    /// Where it was seen first: its id never changes.
    pub id: Option<RecordId>,
}

impl Attempt {
    fn may_be_twice(&self) -> bool {
        self.lost && self.is_acked()
    }

    pub fn is_acked(&self) -> bool {
        self.acked_at.is_some()
    }
}

/// Every append so far.
#[derive(Debug, Default)]
pub struct History {
    pub attempts: Vec<Attempt>,
    /// How many were answered and are gone, which `ack = "memory"` allows.
    pub forgotten: u64,
    consumed: Consumed,
    /// What the consumer has kept last, and what it may have kept since: those calls have failed, or have not returned.
    kept: Consumed,
    keeping: Vec<Consumed>,
    /// How many records were deleted.
    pub deleted: u64,
    /// How many deleted segments left their files to others.
    pub recycled: u64,
    /// Counts appends and answers.
    now: u64,
    /// A call of a recovery has failed: it may have sealed a segment without a sidecar, and said so. Readers then meet what the sidecar
    /// would have named.
    pub bare: bool,
}

/// What a consumer has been handed by the merge.
#[derive(Debug, Default, Clone)]
struct Consumed {
    position: Option<String>,
    numbers: BTreeSet<u64>,
    /// The last of it, as (time, core, segment, offset).
    last: Option<(u64, u16, u64, u64)>,
    /// When the latest of it was appended.
    appended_to: u64,
}

/// What a record with this number and size holds.
pub struct Shape {
    payload: Vec<u8>,
    ext: Vec<u8>,
}

impl Shape {
    pub fn new(number: u64, bytes: usize) -> Shape {
        let mut payload = number.to_le_bytes().to_vec();
        payload.extend((0..bytes).map(|at| (number as usize * 31 + at * 7) as u8));
        let mut ext = Vec::new();
        if number.is_multiple_of(3) {
            ext.extend_from_slice(&[2, 8, 0]);
            ext.extend_from_slice(&number.to_le_bytes());
        }
        Shape { payload, ext }
    }

    pub fn entry(&self) -> Entry<'_> {
        let number = u64::from_le_bytes(self.payload[..8].try_into().unwrap());
        Entry {
            kind: [Kind::Batch, Kind::Start, Kind::Image, Kind::Sdk][number as usize % 4],
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session: number + 1,
            project: number as u32 % 5,
            split: 0,
            label: number.is_multiple_of(2).then_some(Label { page: 1, number: number as u32 }),
            flags: Flags::NONE,
            ext: &self.ext,
            payload: &self.payload,
        }
    }
}

/// A record as a reader has handed it out.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub number: u64,
    pub id: RecordId,
    pub order_us: u64,
}

impl History {
    pub fn append(&mut self, core: u16, bytes: usize) -> u64 {
        self.now += 1;
        let (appended_at, acked_at) = (self.now, None);
        let attempt = Attempt { core, bytes, appended_at, acked_at, lost: false, seen: false, gone: false, id: None };
        self.attempts.push(attempt);
        self.attempts.len() as u64 - 1
    }

    pub fn acknowledge(&mut self, number: u64) {
        self.now += 1;
        self.attempts[number as usize].acked_at.get_or_insert(self.now);
    }

    /// Holds a record that a reader has handed out against what was appended: it is exactly that, or the step fails.
    pub fn recognise(&mut self, record: &Record<'_>) -> Checked<Found> {
        let id = record.id;
        ensure!(record.payload.len() >= 8, "{id}: a record that nobody wrote");
        let number = u64::from_le_bytes(record.payload[..8].try_into().unwrap());
        let Some(attempt) = self.attempts.get_mut(number as usize) else {
            return Err(format!("{id}: a record that nobody wrote, number {number}"));
        };
        let shape = Shape::new(number, attempt.bytes);
        let entry = shape.entry();
        let same = record.payload == entry.payload
            && record.ext.0 == entry.ext
            && (record.kind, record.session, record.project, record.label)
                == (entry.kind, entry.session, entry.project, entry.label);
        ensure!(same, "{id}: record {number} is not what was appended");
        ensure!(id.core == attempt.core, "{id}: record {number} was appended to core {}", attempt.core);
        ensure!(!attempt.gone, "{id}: record {number} has come back after a recovery had ended without it");
        let first = *attempt.id.get_or_insert(id);
        ensure!(first == id || attempt.may_be_twice(), "record {number} was {first} and is {id}");
        Ok(Found { number, id, order_us: record.order_us })
    }

    /// A reader beside the running log has handed these out, so that they are durable.
    fn note_seen(&mut self, found: &[Found]) {
        found.iter().for_each(|found| self.attempts[found.number as usize].seen = true);
    }

    /// After a recovery: what was promised is there, once and in order, and nothing else. Answered records may be missing where
    /// `may_forget` tells so, and what its consumer has passed where the log `retains` only so much.
    pub fn check_recovered(&mut self, log_dir: &Path, may_forget: bool, retains: bool) -> Checked {
        let found = self.read_segments(log_dir, true)?;
        let once = |found: &&Found| !self.attempts[found.number as usize].may_be_twice();
        check_order(&found.iter().filter(once).copied().collect::<Vec<_>>())?;
        let mut times = BTreeMap::new();
        for found in &found {
            let again = times.insert(found.number, found.id);
            ensure!(
                again.is_none() || !once(&found),
                "record {} is there twice: {again:?} and {}",
                found.number,
                found.id
            );
        }
        for (number, attempt) in self.attempts.iter_mut().enumerate() {
            let there = times.contains_key(&(number as u64));
            let promised = attempt.seen || (attempt.is_acked() && !attempt.lost && !may_forget);
            let passed = |kept: &Consumed| kept.numbers.contains(&(number as u64));
            let deleted = retains && !there && promised && (passed(&self.kept) || self.keeping.iter().any(passed));
            self.deleted += u64::from(deleted && !attempt.gone);
            ensure!(there || !promised || attempt.gone || deleted, "record {number} is lost: {attempt:?}");
            self.forgotten += u64::from(!deleted && !there && attempt.is_acked() && !attempt.lost && !attempt.gone);
            attempt.gone |= !there;
        }
        self.note_seen(&found);
        Ok(())
    }

    /// Reads all segments one by one, as far as they may be read. Damage fails the step.
    pub fn read_segments(&mut self, log_dir: &Path, sealed: bool) -> Checked<Vec<Found>> {
        let reader = LogReader::open(log_dir).map_err(|error| error.to_string())?;
        let mut all = Vec::new();
        for info in reader.segments().map_err(|error| error.to_string())? {
            ensure!(info.sealed() || !sealed, "{} is still {:?}", info.path.display(), info.state);
            match self.read_segment(&info, &mut all) {
                Ok(()) => {}
                Err(error) => return Err(format!("{}: {error}", info.path.display())),
            }
        }
        self.note_seen(&all);
        Ok(all)
    }

    fn read_segment(&mut self, info: &SegmentInfo, all: &mut Vec<Found>) -> Checked {
        let mut reader = match SegmentReader::open(info) {
            // One that has just been made may be empty still.
            Err(LogError::Foreign { .. }) if !info.sealed() => return Ok(()),
            other => other.map_err(|error| error.to_string())?,
        };
        loop {
            match reader.next() {
                Ok(Some(record)) => all.push(self.recognise(&record)?),
                Ok(None) => return Ok(()),
                Err(LogError::Damaged { .. }) if self.bare && info.sealed() && info.sidecar.is_none() => {
                    reader.resync().map_err(|error| error.to_string())?;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Goes on where the merge was.
    pub fn open_merge(&self, log_dir: &Path) -> Checked<Merge> {
        let reader = LogReader::open(log_dir).map_err(|error| error.to_string())?;
        let Some(position) = &self.consumed.position else { return Ok(Merge::new(reader)) };
        let position: MergePosition = serde_json::from_str(position).map_err(|error| error.to_string())?;
        Merge::resume(reader, &position).map_err(|error| error.to_string())
    }

    /// Takes up to `count` records from the merge, and keeps its position as a consumer would.
    pub fn read_merge(&mut self, merge: &mut Merge, count: u64, waits_for_disk: bool) -> Checked<u64> {
        let mut taken = 0;
        while taken < count {
            let Some(record) = merge.next().map_err(|error| error.to_string())? else { break };
            let found = self.recognise(&record)?;
            // One that was reported as lost was appended again, and that is its place in the order. Nothing waits for the first.
            let attempt = &self.attempts[found.number as usize];
            if !attempt.lost {
                // Whichever cores took the two. An answer from memory may take less than a microsecond, the unit of order time.
                let late =
                    attempt.acked_at.is_some_and(|acked_at| acked_at < self.consumed.appended_to) && waits_for_disk;
                ensure!(
                    !late,
                    "record {} was answered before one was appended that the merge handed out first",
                    found.number
                );
                self.consumed.appended_to = self.consumed.appended_to.max(attempt.appended_at);
                let at = (found.order_us, found.id.core, found.id.segment, found.id.offset);
                if let Some(before) = self.consumed.last.replace(at) {
                    ensure!(before < at, "the merge hands out {at:?} behind {before:?}");
                }
            }
            let again = !self.consumed.numbers.insert(found.number);
            let twice = again && !self.attempts[found.number as usize].may_be_twice();
            ensure!(!twice, "the merge hands out record {} twice", found.number);
            self.note_seen(&[found]);
            taken += 1;
        }
        ensure!(self.bare || merge.damage().is_empty(), "the merge has met damage: {:?}", merge.damage());
        ensure!(merge.skipped() == Skipped::default(), "deleted before it came: {:?}", merge.skipped());
        self.consumed.position = Some(serde_json::to_string(&merge.position()).map_err(|error| error.to_string())?);
        Ok(taken)
    }

    /// Everything that is there has been handed out by the merge.
    pub fn check_merged(&self) -> Checked {
        let missing = |&(number, attempt): &(usize, &Attempt)| {
            attempt.seen && !attempt.gone && !self.consumed.numbers.contains(&(number as u64))
        };
        let missing = self.attempts.iter().enumerate().find(missing);
        ensure!(missing.is_none(), "the merge does not hand out record {missing:?}");
        Ok(())
    }

    /// Where a consumer begins.
    pub fn begin_consumer(&mut self, position: &MergePosition) -> Checked {
        self.kept.position = Some(serde_json::to_string(position).map_err(|error| error.to_string())?);
        self.consumed = self.kept.clone();
        Ok(())
    }

    /// The consumer keeps its place: with `keep`, which tells whether that is done.
    pub fn keep(&mut self, place: &MergePosition, keep: impl FnOnce(&MergePosition) -> bool) -> Checked {
        self.consumed.position = Some(serde_json::to_string(place).map_err(|error| error.to_string())?);
        if keep(place) {
            (self.kept, self.keeping) = (self.consumed.clone(), Vec::new());
        } else {
            self.keeping.push(self.consumed.clone());
        }
        Ok(())
    }

    /// The consumer is started again, and goes on where its cursor says. Until the power has failed, or it keeps its place again, a
    /// cursor whose writing was not completed may still be lost.
    pub fn resume_consumer(&mut self, place: &MergePosition, cut: bool) -> Checked {
        let place = serde_json::to_string(place).map_err(|error| error.to_string())?;
        let is_it = |consumed: &&Consumed| consumed.position.as_ref() == Some(&place);
        let kept = self.keeping.iter().rev().chain([&self.kept]).find(is_it).cloned();
        let Some(kept) = kept else {
            return Err(format!("the cursor is at {place}, which was never kept, or not last"));
        };
        self.consumed = kept.clone();
        if cut {
            (self.kept, self.keeping) = (kept, Vec::new());
        }
        Ok(())
    }
}

/// Each core's records are in the order in which they were appended, and their times never step back.
fn check_order(found: &[Found]) -> Checked {
    for pair in found.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        if a.id.core != b.id.core {
            continue;
        }
        ensure!(a.number < b.number, "record {} stands behind {}", a.number, b.number);
        ensure!(a.order_us <= b.order_us, "record {} has an earlier time than {}", b.number, a.number);
        ensure!((a.id.segment, a.id.offset) < (b.id.segment, b.id.offset), "{} is not behind {}", b.id, a.id);
    }
    Ok(())
}
