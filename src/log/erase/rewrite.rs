//! Erases the records of a segment: finds them, writes a copy without them, and checks it.

use std::fs::File;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::log::cursor::Cursors;
use crate::log::disk::calls;
use crate::log::disk::calls::Disk;
use crate::log::error::{Damage, LogError};
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::record::{HEADER_BYTES, Kind, RecordHeader};
use crate::log::format::sidecar::{Erasure, Sidecar, Tally};
use crate::log::names;
use crate::log::names::file_name;
use crate::log::read::reader::SegmentInfo;

use super::copied::Copied;
use super::pieces::{Piece, Pieces};
use super::replace;

/// How much is written at a time.
const PIECE_BYTES: usize = 1 << 20;

/// How many damaged places of a segment are named; more are only counted.
const DAMAGE_MAX: usize = 256;

/// A record that is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The core.
    pub core: u16,
    /// The segment.
    pub segment: u64,
    /// Where it is in the segment.
    pub offset: u64,
    /// Its session.
    pub session: u64,
    /// Its order time, in microseconds.
    pub order_us: u64,
    /// What it is.
    pub kind: Kind,
    /// The bytes that it takes.
    pub bytes: u64,
}

/// What to erase, and how.
pub struct Erasing<'a> {
    /// Whether a record of this session and project is erased. Neither is 0 for both.
    pub wanted: &'a dyn Fn(u64, u32) -> bool,
    /// The receipt.
    pub receipt: Uuid,
    /// When, seconds since 1970.
    pub unix_seconds: u64,
    /// Whether to find only what would be erased.
    pub dry_run: bool,
    /// Told of each record that is erased, or would be.
    pub found: &'a mut dyn FnMut(Found),
}

impl std::fmt::Debug for Erasing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Erasing").field("receipt", &self.receipt).finish_non_exhaustive()
    }
}

/// What became of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentErasure {
    /// Records that were erased.
    pub records: u64,
    /// Batches among them.
    pub batches: u64,
    /// Starts among them.
    pub starts: u64,
    /// The bytes that they took, which are zero now.
    pub bytes: u64,
    /// Damaged stretches that belong to no record that can be read: they stay, and may hold anything. At most the first 256.
    pub unreadable: Vec<Damage>,
    /// How many there are.
    pub unreadable_count: u64,
    /// It was deleted meanwhile.
    pub gone: bool,
    /// Records with a broken payload among those that were erased.
    torn: u64,
    torn_payload_bytes: u64,
}

/// Erases records from a sealed segment. Nothing is written if there are none.
///
/// # Errors
/// The segment can't be read, or the copy not be written or not be put in its place. The segment is then as it was.
pub fn erase_segment(
    info: &SegmentInfo,
    cursors: &Cursors,
    erasing: &mut Erasing<'_>,
) -> Result<SegmentErasure, LogError> {
    match survey(info, erasing) {
        Ok(found) if found.records == 0 || erasing.dry_run => Ok(found),
        Ok(found) => {
            let copied =
                copy(calls::REAL, info, erasing, &found).and_then(|copy| replace::replace(info, cursors, copy));
            match copied {
                Ok(true) => Ok(found),
                Ok(false) => Ok(SegmentErasure { gone: true, ..SegmentErasure::default() }),
                Err(error) => {
                    // It takes space that may be short. If it stays, the next erasure removes it.
                    let _ = calls::REAL.remove(&fresh_path(info));
                    Err(error)
                }
            }
        }
        Err(_) if info.is_deleted() => Ok(SegmentErasure { gone: true, ..SegmentErasure::default() }),
        Err(error) => Err(error),
    }
}

/// Where the copy is written.
pub(super) fn fresh_path(info: &SegmentInfo) -> PathBuf {
    info.path.with_file_name(file_name(info.id, names::SEALED) + ".tmp")
}

fn is_wanted(erasing: &Erasing<'_>, header: &RecordHeader) -> bool {
    let can_be = !matches!(header.kind, Kind::Pad | Kind::Tombstone);
    can_be && (header.session != 0 || header.project != 0) && (erasing.wanted)(header.session, header.project)
}

/// Finds what is to be erased.
fn survey(info: &SegmentInfo, erasing: &mut Erasing<'_>) -> Result<SegmentErasure, LogError> {
    let mut pieces = Pieces::open(info, &info.path)?;
    if !info.sealed() {
        pieces.end_at(info.bytes);
    }
    let mut all = SegmentErasure::default();
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Whole(found) | Piece::Torn(found) if is_wanted(erasing, &found.header) => {
                let (header, bytes) = (found.header, piece.extent(pieces.length()).1);
                all.records += 1;
                all.batches += u64::from(header.kind == Kind::Batch);
                all.starts += u64::from(header.kind == Kind::Start);
                all.bytes += bytes;
                if matches!(piece, Piece::Torn(_)) {
                    all.torn += 1;
                    all.torn_payload_bytes += u64::from(header.payload_len);
                }
                let (core, segment, offset) = (info.core, info.id, found.offset);
                let RecordHeader { session, order_us, kind, .. } = header;
                (erasing.found)(Found { core, segment, offset, session, order_us, kind, bytes });
            }
            Piece::Raw { offset, bytes } if !is_blank(&pieces, offset, bytes)? => {
                all.unreadable_count += 1;
                if all.unreadable.len() < DAMAGE_MAX {
                    let (path, core, segment) = (info.path.clone(), info.core, info.id);
                    let reason = "damaged: it can't be told whose it is";
                    all.unreadable.push(Damage { path, core, segment, offset, bytes, reason });
                }
            }
            _ => {}
        }
    }
    Ok(all)
}

fn is_blank(pieces: &Pieces, offset: u64, bytes: u64) -> Result<bool, LogError> {
    let mut at = 0;
    while at < bytes {
        let step = (bytes - at).min(PIECE_BYTES as u64);
        if pieces.raw(offset + at, step as usize)?.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += step;
    }
    Ok(true)
}

fn copy(
    disk: &dyn Disk,
    info: &SegmentInfo,
    erasing: &Erasing<'_>,
    found: &SegmentErasure,
) -> Result<Copied, LogError> {
    let path = fresh_path(info);
    let original = File::open(&info.path).map_err(LogError::io(&info.path, "open the segment"))?;
    let mut pieces = Pieces::open(info, &info.path)?;
    pieces.hash_all();
    let length = pieces.length();
    let made = disk.create(&path).map_err(LogError::io(&path, "make the copy of the segment"))?;
    let mut out = CopyWriter { disk, path: &path, file: made, buffer: Vec::new(), at: 0 };
    out.put(&pieces.raw(0, (PAGE_BYTES as u64).min(length) as usize)?)?;
    let mut tally = Tally::default();
    while let Some(piece) = pieces.next()? {
        let (offset, bytes) = piece.extent(length);
        debug_assert_eq!(out.position(), offset, "no gaps");
        match piece {
            Piece::Whole(one) | Piece::Torn(one) if is_wanted(erasing, &one.header) => {
                let tombstone = one.header.tombstone();
                tally.add(&tombstone);
                out.put(&tombstone.to_bytes())?;
            }
            Piece::Whole(one) => {
                tally.add(&one.header);
                out.put(&one.header.to_bytes())?;
                // A pad's rest, and what fills up a record, carries nothing.
                if one.header.kind != Kind::Pad {
                    for part in pieces.body(&one) {
                        out.put(part)?;
                    }
                }
            }
            Piece::Torn(_) | Piece::Raw { .. } => {
                let mut at = 0;
                while at < bytes {
                    let step = (bytes - at).min(PIECE_BYTES as u64);
                    out.put(&pieces.raw(offset + at, step as usize)?)?;
                    at += step;
                }
            }
        }
        out.zeros_to(offset + bytes)?;
    }
    out.zeros_to(length)?;
    let blake3_before = pieces.finish_hash()?;
    let file = out.finish()?;
    disk.sync(&file).map_err(LogError::io(&path, "sync the copy of the segment"))?;
    // What is checked comes from the disk.
    let _ = disk.drop_cache(&file);
    let blake3 = check(info, &path, erasing)?;
    let sidecar = Sidecar::read(&info.path).ok().flatten().filter(|old| (old.log, old.segment) == (info.log, info.id));
    let sidecar = sidecar.map(|old| described(old, tally, found, erasing, blake3_before, blake3));
    Ok(Copied { path, sidecar, original })
}

/// The sidecar of the copy. What it says of damage stays as it was, so that none is hidden that was not known.
fn described(
    old: Sidecar,
    tally: Tally,
    found: &SegmentErasure,
    erasing: &Erasing<'_>,
    blake3_before: String,
    blake3: String,
) -> Sidecar {
    // An erasure that was cut off has written its sidecar, and not its file: what it counted is counted now.
    let is_again = old.awaits_file(&blake3_before);
    let new = tally.into_sidecar(old.log, old.core, old.segment);
    let before = old.erased.as_ref().map_or(0, |erasure| erasure.records);
    let records = if is_again { before.max(found.records) } else { before + found.records };
    Sidecar {
        batches: if is_again { new.batches } else { old.batches.saturating_sub(found.batches) },
        starts: if is_again { new.starts } else { old.starts.saturating_sub(found.starts) },
        records: if is_again { new.records } else { old.records + found.torn },
        payload_bytes: if is_again { new.payload_bytes } else { old.payload_bytes + found.torn_payload_bytes },
        sessions: new.sessions,
        session_ids: new.session_ids,
        sessions_complete: new.sessions_complete,
        blake3,
        erased: Some(Erasure { records, unix_seconds: erasing.unix_seconds, receipt: erasing.receipt, blake3_before }),
        ..old
    }
}

/// Compares the copy with the original, piece by piece: every record that is not erased byte for byte. Returns the copy's hash.
fn check(info: &SegmentInfo, path: &Path, erasing: &Erasing<'_>) -> Result<String, LogError> {
    let unlike = |offset: u64| {
        let reason = "the copy without the erased records is not what was written; the segment is left as it was";
        LogError::Damaged { path: path.to_path_buf(), offset, bytes: 0, reason }
    };
    let (mut old, mut new) = (Pieces::open(info, &info.path)?, Pieces::open(info, path)?);
    new.hash_all();
    if old.length() != new.length() || old.raw(0, PAGE_BYTES)? != new.raw(0, PAGE_BYTES)? {
        return Err(unlike(0));
    }
    let length = old.length();
    while let Some(piece) = old.next()? {
        let (offset, bytes) = piece.extent(length);
        let is_alike = match (piece, new.next()?) {
            (Piece::Whole(one) | Piece::Torn(one), Some(Piece::Whole(copy))) if is_wanted(erasing, &one.header) => {
                let tombstone = one.header.tombstone().to_bytes();
                let zero = new.body(&copy).into_iter().all(|part| part.iter().all(|&byte| byte == 0));
                zero && copy.offset == offset && copy.header.to_bytes() == tombstone
            }
            (Piece::Whole(one), Some(Piece::Whole(copy))) => {
                let pad = one.header.kind == Kind::Pad;
                one.offset == copy.offset && one.header == copy.header && (pad || old.body(&one) == new.body(&copy))
            }
            (Piece::Torn(_), Some(copy @ Piece::Torn(_))) | (Piece::Raw { .. }, Some(copy @ Piece::Raw { .. })) => {
                copy.extent(length) == (offset, bytes) && same_bytes(&old, &new, offset, bytes)?
            }
            _ => false,
        };
        if !is_alike {
            return Err(unlike(offset));
        }
    }
    if new.next()?.is_some() {
        return Err(unlike(length));
    }
    new.finish_hash()
}

fn same_bytes(old: &Pieces, new: &Pieces, offset: u64, bytes: u64) -> Result<bool, LogError> {
    let mut at = 0;
    while at < bytes {
        let step = (bytes - at).min(PIECE_BYTES as u64);
        if old.raw(offset + at, step as usize)? != new.raw(offset + at, step as usize)? {
            return Ok(false);
        }
        at += step;
    }
    Ok(true)
}

/// Writes the copy in large pieces.
struct CopyWriter<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    file: File,
    buffer: Vec<u8>,
    /// Where in the file the buffer goes.
    at: u64,
}

impl CopyWriter<'_> {
    fn position(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn zeros_to(&mut self, end: u64) -> Result<(), LogError> {
        while self.position() < end {
            let step = (end - self.position()).min(PIECE_BYTES as u64) as usize;
            self.buffer.resize(self.buffer.len() + step, 0);
            if self.buffer.len() >= PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let written = self.disk.write_at(&self.file, &self.buffer, self.at);
        written.map_err(LogError::io(self.path, "write the copy of the segment"))?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<File, LogError> {
        self.flush()?;
        Ok(self.file)
    }
}

// A record's header and a pad's are copied by their fields, which are all that they have.
const _: () = assert!(HEADER_BYTES == 64);

#[cfg(test)]
mod tests;
