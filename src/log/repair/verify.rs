//! Checking a whole log: every checksum of every record, and the hash of every sealed segment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::log::error::LogError;
use crate::log::format::header;
use crate::log::format::record::{HEADER_BYTES, Kind};
use crate::log::format::sidecar::{Hole, Sidecar};
use crate::log::read::reader::{
    ANOTHER_LOG, End, Found, LogReader, SegmentInfo, SegmentReader, SegmentStamp, SegmentState,
};

/// How many faults of a segment are named; more are only counted.
const FAULTS_MAX: usize = 256;

/// Something wrong in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the segment's file.
    pub offset: u64,
    /// How many bytes are concerned.
    pub bytes: u64,
    /// What is wrong.
    pub reason: String,
    /// The last intact record before it in the segment: what is lost came after this one.
    pub before: Option<Beside>,
    /// The first intact record after it.
    pub after: Option<Beside>,
}

/// A record beside a damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// Where in the segment's file.
    pub offset: u64,
    /// Its session.
    pub session: u64,
    /// Its order time.
    pub order_us: u64,
}

/// What the check of one segment came to.
#[derive(Debug, Clone)]
pub struct SegmentVerdict {
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub segment: u64,
    /// Its file.
    pub path: PathBuf,
    /// What it was at the moment.
    pub state: SegmentState,
    /// How much of it was checked.
    pub bytes: u64,
    /// Its intact records.
    pub records: u64,
    /// The bytes of their payloads.
    pub payload_bytes: u64,
    /// Damage that recovery found and the sidecar names: lost, but known.
    pub known_damage_bytes: u64,
    /// Where that is, at most the first 256 places.
    pub known_damage: Vec<Hole>,
    /// Stretches between records that were never acknowledged: nothing is lost there.
    pub gap_bytes: u64,
    /// Where those are, at most the first 256.
    pub gaps: Vec<Hole>,
    /// It is a segment of another log, which readers pass over.
    pub foreign: bool,
    /// It was deleted while it was checked, and nothing is said of it.
    pub deleted: bool,
    /// It is of a newer version, which this build leaves alone.
    pub newer: bool,
    /// What is wrong, at most the first 256.
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub fault_count: u64,
    /// How long it took.
    pub took: Duration,
}

impl SegmentVerdict {
    fn new(info: &SegmentInfo) -> SegmentVerdict {
        SegmentVerdict {
            core: info.core,
            segment: info.id,
            path: info.path.clone(),
            state: info.state,
            bytes: info.bytes,
            records: 0,
            payload_bytes: 0,
            known_damage_bytes: 0,
            known_damage: Vec::new(),
            gap_bytes: 0,
            gaps: Vec::new(),
            foreign: false,
            deleted: false,
            newer: false,
            faults: Vec::new(),
            fault_count: 0,
            took: Duration::ZERO,
        }
    }

    /// Whether nothing is wrong.
    pub fn ok(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, offset: u64, bytes: u64, reason: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { offset, bytes, reason: reason.into(), before: None, after: None });
        }
    }
}

/// What the check of the whole log came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifySummary {
    /// Segments checked.
    pub segments: u64,
    /// Those of them that are sealed.
    pub sealed: u64,
    /// Segments with faults.
    pub bad_segments: u64,
    /// Intact records.
    pub records: u64,
    /// The bytes of their payloads.
    pub payload_bytes: u64,
    /// Bytes checked.
    pub bytes: u64,
    /// Faults found.
    pub faults: u64,
    /// Damage that sidecars name: lost, but known.
    pub known_damage_bytes: u64,
    /// Stretches between records that were never acknowledged.
    pub gap_bytes: u64,
    /// Segments of another log, which readers pass over.
    pub foreign: u64,
    /// Segments that were deleted while they were checked.
    pub deleted: u64,
    /// How long it took.
    pub took: Duration,
}

impl VerifySummary {
    fn add(&mut self, verdict: &SegmentVerdict) {
        self.foreign += u64::from(verdict.foreign);
        self.deleted += u64::from(verdict.deleted);
        if verdict.foreign || verdict.deleted {
            return;
        }
        self.segments += 1;
        self.sealed += u64::from(verdict.state == SegmentState::Sealed);
        self.bad_segments += u64::from(!verdict.ok());
        self.records += verdict.records;
        self.payload_bytes += verdict.payload_bytes;
        self.bytes += verdict.bytes;
        self.faults += verdict.fault_count;
        self.known_damage_bytes = self.known_damage_bytes.saturating_add(verdict.known_damage_bytes);
        self.gap_bytes = self.gap_bytes.saturating_add(verdict.gap_bytes);
    }

    /// Whether nothing is wrong but what a sidecar names.
    pub fn ok(&self) -> bool {
        self.faults == 0
    }
}

/// Checks the log in a folder, and reports each segment, by core and then by id. Works beside a running server: what is not durable yet is not
/// checked.
///
/// Several segments are checked at once, one a processor: the hash of the whole takes most of the time, and one processor makes it at
/// little more than 2 GB/s (`docs/performance.md`).
///
/// The only errors are that the log cannot be opened or its folders cannot be listed; everything else is a fault of a segment.
pub fn verify(log_dir: &Path, tell: &mut dyn FnMut(&SegmentVerdict)) -> Result<VerifySummary, LogError> {
    let begun = Instant::now();
    let segments = LogReader::open(log_dir)?.segments()?;
    let mut summary = VerifySummary::default();
    in_order(&segments, &mut |verdict| {
        summary.add(verdict);
        tell(verdict);
    });
    summary.took = begun.elapsed();
    Ok(summary)
}

/// Checks segments on all processors, and reports them in their order.
fn in_order(segments: &[SegmentInfo], tell: &mut dyn FnMut(&SegmentVerdict)) {
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get()).min(segments.len());
    let next = AtomicUsize::new(0);
    let (done, verdicts) = bounded(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(segment) = segments.get(at) else { break };
                    if done.send((at, verify_segment(segment))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        // What was checked before its turn: at most as many as there are segments.
        let mut early = BTreeMap::new();
        let mut turn = 0;
        for (at, verdict) in verdicts {
            early.insert(at, verdict);
            while let Some(verdict) = early.remove(&turn) {
                turn += 1;
                if let Some(verdict) = verdict {
                    tell(&verdict);
                }
            }
        }
    });
}

/// Checks one segment; None where it was removed unused since it was listed, or is only made ready.
pub fn verify_segment(info: &SegmentInfo) -> Option<SegmentVerdict> {
    if info.state == SegmentState::Ready {
        return None;
    }
    let stamp = info.stamp();
    verify_opened(info, stamp, SegmentReader::open(info))
}

/// `stamp`: from before it was opened.
fn verify_opened(
    info: &SegmentInfo,
    stamp: SegmentStamp,
    opened: Result<SegmentReader, LogError>,
) -> Option<SegmentVerdict> {
    let begun = Instant::now();
    let mut verdict = SegmentVerdict::new(info);
    match opened {
        Ok(reader) if info.sealed() => verify_sealed(info, reader, &mut verdict),
        Ok(mut reader) => {
            read_records(&mut reader, &mut verdict, &mut |_, _| {});
        }
        Err(LogError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            if let Some(sealed) = info.sealed_since() {
                return verify_segment(&sealed);
            }
            if !info.sealed() {
                return None;
            }
            verdict.deleted = true;
        }
        Err(LogError::Foreign { reason: ANOTHER_LOG, .. }) => verdict.foreign = true,
        Err(error) => {
            verdict.newer = matches!(error, LogError::Version { .. });
            let aside = matches!(error, LogError::Foreign { .. }) && info.state == SegmentState::Left;
            let then = if aside { "; the next start sets it aside, in quarantine" } else { "" };
            verdict.fault(0, info.bytes, in_words(&error) + then);
        }
    }
    // A deletion renames the file first, and only then cuts it and removes its sidecar: what is missing now is no damage.
    if verdict.deleted || (!verdict.ok() && info.is_deleted()) {
        verdict = SegmentVerdict { deleted: true, ..SegmentVerdict::new(info) };
    }
    // Records were erased from it meanwhile: the bytes of one file were compared with the sidecar of another.
    if !verdict.ok() && info.sealed() && info.stamp() != stamp {
        return verify_segment(info);
    }
    verdict.took = begun.elapsed();
    Some(verdict)
}

fn verify_sealed(info: &SegmentInfo, mut reader: SegmentReader, verdict: &mut SegmentVerdict) {
    let sidecar = match Sidecar::read(&info.path) {
        Ok(Some(sidecar)) => Some(sidecar),
        Ok(None) => {
            verdict.fault(0, 0, "its sidecar is missing, so the hash of the whole cannot be compared");
            None
        }
        Err(error) => {
            let reason = format!(
                "its sidecar cannot be used ({}), so the hash of the whole cannot be compared",
                in_words(&error)
            );
            verdict.fault(0, 0, reason);
            None
        }
    };
    if let Some(sidecar) = &sidecar {
        if sidecar.bytes > info.bytes {
            verdict.fault(info.bytes, sidecar.bytes - info.bytes, "the file is shorter than its sidecar tells");
        } else if sidecar.bytes < info.bytes {
            verdict.fault(sidecar.bytes, info.bytes - sidecar.bytes, "the file is longer than its sidecar tells");
        }
        if sidecar.damage.iter().any(|hole| hole.end() > sidecar.bytes.max(info.bytes)) {
            verdict.fault(0, 0, "its sidecar names damage beyond the end of the file");
        }
        for hole in &sidecar.damage {
            let (bytes, named) = match hole.unacknowledged {
                true => (&mut verdict.gap_bytes, &mut verdict.gaps),
                false => (&mut verdict.known_damage_bytes, &mut verdict.known_damage),
            };
            *bytes = bytes.saturating_add(hole.bytes);
            if named.len() < FAULTS_MAX {
                named.push(*hole);
            }
        }
    }
    reader.hash_all();
    // Bytes that carry nothing are zero in a sound file. A flipped one among them shows in the hash alone, so its place is kept for then.
    let used = header::USED_BYTES;
    let mut stray = reader.first_page().and_then(|page| first_nonzero(&page[used..])).map(|at| at + used as u64);
    read_records(&mut reader, verdict, &mut |reader, found| {
        if stray.is_none() {
            let from = found.offset + (HEADER_BYTES + found.header.body_bytes()) as u64;
            stray = reader.padding(found).ok().and_then(first_nonzero).map(|at| at + from);
        }
    });
    match (reader.finish_hash(info.bytes), sidecar) {
        (Ok(Some(hash)), Some(sidecar)) => {
            let hash = hash.to_hex();
            if verdict.ok() && hash.as_str() != sidecar.blake3 && !sidecar.awaits_file(&hash) {
                let whole = (0, info.bytes, "the hash of the whole file is not that of its sidecar");
                let (offset, bytes, reason) = stray.map_or(whole, |at| (at, 1, "a byte that should be zero is not"));
                verdict.fault(offset, bytes, reason);
            } else if verdict.ok() && verdict.records != sidecar.records {
                let reason = format!("{} records, but its sidecar tells {}", verdict.records, sidecar.records);
                verdict.fault(0, info.bytes, reason);
            }
        }
        (Err(error), _) => verdict.fault(0, info.bytes, in_words(&error)),
        _ => {}
    }
}

fn read_records(
    reader: &mut SegmentReader,
    verdict: &mut SegmentVerdict,
    look: &mut dyn FnMut(&mut SegmentReader, &Found),
) {
    let mut before = None;
    // The faults from here on have no record after them yet.
    let mut last = verdict.faults.len();
    loop {
        match reader.step() {
            Ok(Some(found)) => {
                let header = &found.header;
                if header.kind != Kind::Pad {
                    verdict.records += 1;
                    verdict.payload_bytes += u64::from(header.payload_len);
                    before = Some(Beside { offset: found.offset, session: header.session, order_us: header.order_us });
                    verdict.faults[last..].iter_mut().for_each(|fault| fault.after = before);
                    last = verdict.faults.len();
                }
                look(reader, &found);
            }
            Ok(None) => break,
            Err(LogError::Damaged { .. }) => match reader.resync() {
                Ok(damage) => {
                    verdict.fault(damage.offset, damage.bytes, damage.reason);
                    verdict.faults[last..].iter_mut().for_each(|fault| fault.before = before);
                }
                Err(error) => {
                    verdict.fault(reader.offset(), 0, in_words(&error));
                    break;
                }
            },
            Err(error) => {
                verdict.fault(reader.offset(), 0, in_words(&error));
                break;
            }
        }
    }
    if let End::Within(_) = reader.end() {
        verdict.bytes = reader.offset();
    }
}

/// An error without the path, which the verdict names already.
fn in_words(error: &LogError) -> String {
    match error {
        LogError::Io { doing, source, .. } => format!("cannot {doing}: {source}"),
        LogError::Foreign { reason, .. } => (*reason).to_owned(),
        LogError::Version { found, known, .. } => {
            format!("format version {found}, and this takeup reads up to {known}: use a newer takeup")
        }
        other => other.to_string(),
    }
}

fn first_nonzero(bytes: &[u8]) -> Option<u64> {
    // Almost always there is none, which this form finds many bytes at a time.
    if bytes.iter().fold(0, |all, &byte| all | byte) == 0 {
        return None;
    }
    bytes.iter().position(|&byte| byte != 0).map(|at| at as u64)
}

#[cfg(test)]
mod tests;
