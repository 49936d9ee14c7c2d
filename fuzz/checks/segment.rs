//! A segment of any bytes: read as a sealed one, and settled by recovery as one that was left open.
//!
//! The first byte chooses how the rest becomes a file: as it is, or with the checksums of everything that looks like a record put right,
//! since no mutation finds those by itself.

use std::fs;

use super::log::{LOG, MARKER, first_page, folder, read_all, records_in, write_segment};

use takeup::log::error::LogError;
use takeup::log::format::header::{PAGE_BYTES, SegmentHeader};
use takeup::log::format::record::HEADER_BYTES;
use takeup::log::repair::recovery::recover;
use takeup::log::repair::salvage::{Limits, Options, salvage};
use takeup::log::repair::verify::verify;

/// As it is; else its records are mended, behind a sound first page.
const VERBATIM: u8 = 1;
/// A control page tells a durable end.
const CONTROL: u8 = 2;
/// The first page is damaged.
const NO_PAGE: u8 = 4;

const FILE_BYTES_MAX: usize = 64 << 10;

pub fn check(input: &[u8]) {
    let Some((&[choice, pages], rest)) = input.split_first_chunk() else { return };
    let rest = &rest[..rest.len().min(FILE_BYTES_MAX)];
    let mut bytes = if choice & VERBATIM != 0 { rest.to_vec() } else { mended(rest) };
    if choice & NO_PAGE != 0 && bytes.len() > 50 {
        bytes[50] ^= 0x40;
    }
    check_sealed(&bytes);
    check_salvaged(&bytes);
    check_open(&bytes, (choice & CONTROL != 0).then_some(u64::from(pages) * 1024));
}

/// A block of 64 bytes that begins with `R` becomes a header; its second byte says what is put right besides.
fn mended(blocks: &[u8]) -> Vec<u8> {
    let mut bytes = first_page().to_vec();
    bytes.extend_from_slice(blocks);
    for at in (PAGE_BYTES..bytes.len().saturating_sub(HEADER_BYTES - 1)).step_by(HEADER_BYTES) {
        let (choice, bytes) = match &mut bytes[at..] {
            [b'R', choice, ..] => (*choice, &mut bytes[at..]),
            _ => continue,
        };
        bytes[..8].copy_from_slice(&MARKER.to_le_bytes());
        if choice & 1 != 0 {
            bytes[17..20].fill(0);
            bytes[63] = 0;
        }
        if choice & 2 != 0 {
            bytes[56] = 1 + bytes[56] % 6;
            bytes[57] %= 7;
            bytes[58] %= 7;
            bytes[59] %= 5;
        }
        if choice & 4 != 0 {
            let ext_bytes = usize::from(u16::from_le_bytes([bytes[62], bytes[63]]));
            let payload_bytes = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]) as usize;
            let crc = bytes[HEADER_BYTES..].get(..ext_bytes + payload_bytes).map_or(0, crc32c::crc32c);
            bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        }
        bytes[8..12].fill(0);
        let crc = crc32c::crc32c(&bytes[..HEADER_BYTES]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    }
    bytes
}

fn check_sealed(bytes: &[u8]) {
    let dir = folder();
    write_segment(dir.path(), "seg", bytes);
    match read_all(dir.path()) {
        Ok(offsets) => {
            if let Some(marker) = marker_of(bytes) {
                let expected: Vec<u64> = records_in(bytes, marker).into_keys().collect();
                assert_eq!(offsets, expected, "every intact record is read");
            }
        }
        Err(LogError::Foreign { .. } | LogError::Version { .. }) => {
            assert!(
                bytes.len() < PAGE_BYTES || SegmentHeader::decode(&bytes[..PAGE_BYTES]).is_err() || !is_ours(bytes)
            );
        }
        Err(error) => panic!("{error}"),
    }
    verify(dir.path(), &mut |_| {}).expect("a damaged segment is a fault and not an error");
}

/// What is salvaged is every intact record in its place, byte for byte, and nothing else.
fn check_salvaged(bytes: &[u8]) {
    let dir = folder();
    write_segment(&dir.path().join("from"), "seg", bytes);
    let to = dir.path().join("to");
    let (from, limits) = (dir.path().join("from"), Limits::default());
    let options = Options { from, to: to.clone(), log: None, unproven: false, limits };
    let report = match salvage(&options) {
        Ok(report) => report,
        // Nothing was found, or the one log that was is not the one that log.json names.
        Err(_) => return assert!(marker_of(bytes).is_none_or(|marker| records_in(bytes, marker).is_empty())),
    };
    if let Some(marker) = marker_of(bytes) {
        let written = to.join("core-00").join(format!("{:020}.seg", super::log::ID));
        let written = fs::read(written).unwrap_or_default();
        assert!(records_in(&written, marker) == records_in(bytes, marker));
        assert_eq!(records_in(bytes, marker).len() as u64, report.records);
    }
    let summary = verify(&to, &mut |_| {}).expect("the log can be listed");
    assert_eq!((summary.faults, summary.records), (0, report.records));
}

fn check_open(bytes: &[u8], durable: Option<u64>) {
    let dir = folder();
    let open = write_segment(dir.path(), "open", bytes);
    if let Some(durable) = durable {
        fs::write(open.with_file_name("control"), control(durable)).expect("the control page");
    }
    let _ = read_all(dir.path());
    let recovery = recover(dir.path(), LOG).expect("the folder can be listed");
    assert!(recovery.problems.is_empty(), "{:?}", recovery.problems);
    assert!(!open.exists(), "nothing is left open");
    let kept = read_all(dir.path()).expect("what was sealed can be read");
    assert_eq!(kept.len() as u64, recovery.records);
    let sealed = open.with_extension("seg");
    if sealed.exists() {
        let settled = fs::read(&sealed).expect("the sealed segment");
        // The first page may have been mended; everything else is as it was, or cut.
        let behind_page = bytes.get(PAGE_BYTES..settled.len().max(PAGE_BYTES));
        assert_eq!(settled[PAGE_BYTES..], *behind_page.unwrap_or_default());
        let summary = verify(dir.path(), &mut |_| {}).expect("the log can be listed");
        assert_eq!((summary.faults, summary.records), (0, recovery.records), "all damage is named by the sidecar");
    }
    if let Some(marker) = marker_of(bytes).filter(|_| sealed.exists()) {
        let expected: Vec<u64> = records_in(bytes, marker).into_keys().collect();
        assert_eq!(kept, expected, "every intact record is kept in its place");
    }
    let again = recover(dir.path(), LOG).expect("the folder can be listed");
    assert_eq!((again.segments, again.quarantined.len()), (0, 0), "a second start finds nothing to do");
}

/// The marker of a segment of this log; None for what is none.
fn marker_of(bytes: &[u8]) -> Option<u64> {
    SegmentHeader::decode(bytes.get(..PAGE_BYTES)?).ok().filter(|_| is_ours(bytes)).map(|header| header.marker)
}

fn is_ours(bytes: &[u8]) -> bool {
    let ours = SegmentHeader::decode(&first_page()).expect("a sound page");
    SegmentHeader::decode(&bytes[..PAGE_BYTES.min(bytes.len())])
        .is_ok_and(|found| (found.log, found.core, found.segment) == (ours.log, ours.core, ours.segment))
}

fn control(durable: u64) -> Vec<u8> {
    use takeup::log::format::control::{MAGIC, PAGE_BYTES, VERSION, at};
    let mut page = vec![0; PAGE_BYTES];
    let mut put = |at: usize, word: u64| page[at..at + 8].copy_from_slice(&word.to_le_bytes());
    put(at::MAGIC, MAGIC);
    put(at::VERSION_CORE, u64::from(VERSION));
    put(at::SEGMENT, super::log::ID);
    put(at::CURSOR, durable);
    put(at::DURABLE, durable);
    put(at::STATE, 1);
    page
}
