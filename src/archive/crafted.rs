//! Archives for tests.

use std::collections::BTreeMap;
use std::path::Path;

use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Record, RecordId, Topic};
use crate::log::read::merge::MergePosition;

use super::chunk::Chunk;
use super::decode::EventDecoder;
use super::manifest::{FileEntry, FileFilter};
use super::payload::Payload;
use super::place::Place;
use super::read_file::{read_entry, table_of};
use super::rows::TableBuffer;
use super::store::{Archive, Committed, Rows};

/// An archive in a data folder, of one chunk: a batch with a user's name for each time, project and session of these.
pub fn archive(data: &Path, batches: &[(u64, u32, u64)]) -> Archive {
    let (archive, _) = Archive::open(Place::in_data(data), &|| false).unwrap();
    let mut chunk = Chunk::default();
    for (&(order_us, project, session), at) in batches.iter().zip(0..) {
        let payload = [&[81, 1, 0, 0, 2, 1, b'a', 28, 4, 0, 0, 3][..], format!("u{session:02}").as_bytes()].concat();
        let record = Record {
            id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: 64 * at },
            order_us,
            kind: Kind::Batch,
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session,
            project,
            split: 0,
            label: None,
            flags: Flags::NONE,
            payload_crc: 0,
            ext: Ext(&[]),
            payload: &payload,
        };
        chunk.add(&record, &Payload { bytes: &payload, kept: None }, &mut EventDecoder::default());
    }
    let to = MergePosition { log: Uuid::nil(), cores: BTreeMap::new(), behind: BTreeMap::new() };
    let committed = archive.commit(None, &to, &Rows::from(chunk), &|| false).unwrap();
    assert!(matches!(committed, Committed::Done(_)));
    archive
}

/// The files that the manifest names.
pub fn files(archive: &Archive) -> Vec<FileEntry> {
    let (manifest, source) = (archive.manifest().unwrap(), archive.source());
    manifest.files(&source, &FileFilter::default()).collect::<Result<_, _>>().unwrap()
}

/// The rows of a file that the manifest names.
pub fn rows(archive: &Archive, file: &FileEntry) -> TableBuffer {
    let mut rows = TableBuffer::new(table_of(archive.place(), file).unwrap());
    read_entry(archive.place(), file, &mut rows).unwrap();
    rows
}
