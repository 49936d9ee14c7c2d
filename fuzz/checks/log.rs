//! What the checks of the log share: segments made by the format's own encoders, in a folder in memory, and a slow second opinion
//! of what is in one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use takeup::log::error::LogError;
use takeup::log::format::header::{PAGE_BYTES, SegmentHeader};
use takeup::log::format::record::{DataType, Encoding, Entry, Flags, HEADER_BYTES, Kind, Label, RecordHeader, Topic};
use takeup::log::read::reader::{LogReader, SegmentReader};

/// The log of the fixtures, so that they are good seeds.
pub const LOG: Uuid = Uuid::from_bytes([0xa5; 16]);
/// The first segment of the fixtures.
pub const ID: u64 = 1_700_000_000_000_000;
/// The marker of that segment.
pub const MARKER: u64 = 0x5eed_0000_0000_0001 + ID * 31;

/// A folder in memory: some checks sync thousands of times a second.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// The first page of the segment.
pub fn first_page() -> [u8; PAGE_BYTES] {
    SegmentHeader { core: 0, log: LOG, segment: ID, marker: MARKER, segment_bytes: 1 << 16 }.encode()
}

/// A log's folder that holds one segment; its path.
pub fn write_segment(dir: &Path, extension: &str, bytes: &[u8]) -> PathBuf {
    let core = dir.join("core-00");
    fs::create_dir_all(&core).expect("the core's folder");
    fs::write(dir.join("log.json"), format!("{{\"version\":1,\"log\":\"{LOG}\"}}")).expect("log.json");
    let path = core.join(format!("{ID:020}.{extension}"));
    fs::write(&path, bytes).expect("the segment");
    path
}

/// Appends a batch to a segment in memory.
pub fn append(bytes: &mut Vec<u8>, durable: u64, order_us: u64, payload: &[u8]) {
    let entry = Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: Some(Label { page: 0, number: 1 }),
        flags: Flags::NONE,
        ext: &[],
        payload,
    };
    let end = bytes.len() + entry.stored_bytes();
    bytes.extend_from_slice(&RecordHeader::encode(&entry, MARKER, durable, order_us));
    bytes.extend_from_slice(payload);
    bytes.resize(end, 0);
}

/// A sound segment of two groups.
pub fn sound() -> Vec<u8> {
    let mut bytes = first_page().to_vec();
    append(&mut bytes, 4096, ID + 1, b"first");
    append(&mut bytes, 4096, ID + 2, &[0xab; 300]);
    pad(&mut bytes, 4096);
    append(&mut bytes, 8192, ID + 3, b"of the second group");
    pad(&mut bytes, 8192);
    bytes
}

fn pad(bytes: &mut Vec<u8>, durable: u64) {
    let rest = bytes.len().next_multiple_of(PAGE_BYTES) - bytes.len();
    bytes.extend_from_slice(&RecordHeader::encode_pad((rest - HEADER_BYTES) as u32, MARKER, durable, ID));
    bytes.resize(bytes.len() + rest - HEADER_BYTES, 0);
}

/// Where the intact records of a segment's bytes lie and what each holds, by the rules and nothing else.
pub fn records_in(bytes: &[u8], marker: u64) -> BTreeMap<u64, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut at = PAGE_BYTES;
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEADER_BYTES>()) {
        let Ok(header) = RecordHeader::decode(block, marker) else {
            at += HEADER_BYTES;
            continue;
        };
        let next = at + usize::try_from(header.stored_bytes()).expect("64 bits");
        match bytes.get(at + HEADER_BYTES..).and_then(|rest| rest.get(..header.body_bytes())) {
            None => at += HEADER_BYTES,
            Some(_) if header.kind == Kind::Pad => at = next,
            Some(body) => {
                if crc32c::crc32c(body) == header.payload_crc {
                    found.insert(at as u64, [&block[..], body].concat());
                }
                at = next;
            }
        }
    }
    found
}

/// Everything that the reader hands out of a log's first segment, checked against the bytes of its file: a record is never a wrong one,
/// offsets ascend, and the reading comes to an end.
pub fn read_all(dir: &Path) -> Result<Vec<u64>, LogError> {
    let mut offsets = Vec::new();
    let segments = LogReader::open(dir)?.segments()?;
    let Some(info) = segments.first() else { return Ok(offsets) };
    let bytes = fs::read(&info.path).expect("the segment");
    let mut reader = SegmentReader::open(info)?;
    let marker = reader.header().marker;
    let mut behind = 0;
    for _ in 0..=bytes.len() / HEADER_BYTES * 2 {
        match reader.next() {
            Ok(Some(record)) => {
                let at = usize::try_from(record.id.offset).expect("64 bits");
                assert!(at as u64 >= behind, "offsets ascend");
                let header = RecordHeader::decode(bytes[at..].first_chunk().expect("64 bytes"), marker);
                let header = header.expect("a header stands where the record is said to be");
                let body = &bytes[at + HEADER_BYTES..at + HEADER_BYTES + header.body_bytes()];
                assert_eq!(crc32c::crc32c(body), header.payload_crc, "the record is intact");
                assert_eq!((record.ext.0, record.payload), body.split_at(usize::from(header.ext_len)));
                assert_eq!((record.order_us, record.session), (header.order_us, header.session));
                behind = record.id.offset + header.stored_bytes();
                offsets.push(record.id.offset);
            }
            Ok(None) => return Ok(offsets),
            Err(LogError::Damaged { .. }) => drop(reader.resync()?),
            Err(error) => return Err(error),
        }
    }
    panic!("the reading does not end");
}
