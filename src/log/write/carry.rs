//! Records that `ack = "memory"` has answered and a failed sync has lost: read from the failed segment's file, or from the stage if it is
//! written directly, and appended again.
//!
//! Such a record survives the process as long as its pages are in memory, and a failed sync leaves them there. Its client has its answer and
//! will not send it again, so the log appends it again itself. The preparer reads the records off the core, before it cuts the file, and checks
//! each one, because after an I/O error memory may lie. The writer appends them in slices between the core's turns, like any other records, with
//! the current order time: they don't sort before anything that has already left the log.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use uuid::Uuid;

use crate::log::disk::pages::Pages;
use crate::log::error::LogError;
use crate::log::format::record::{ALIGN_BYTES, Entry, HEADER_BYTES, Kind, Record, RecordHeader};
use crate::log::read::reader::{End, SegmentReader};

use super::segment::Segment;

/// Records to be appended again. At most those that were not durable when their segment failed: the groups in flight and the open one.
#[derive(Debug, Default)]
pub(in crate::log) struct Carried {
    records: VecDeque<Place>,
    bytes: Vec<u8>,
}

/// A record's fields, and where its bytes are.
#[derive(Debug)]
struct Place {
    fields: Entry<'static>,
    ext: Range<usize>,
    payload: Range<usize>,
}

impl Carried {
    /// Reads the intact records after a failed segment's durable end. Records that can't be read are left out; an error means that the file
    /// itself could not be accessed, which may be temporary.
    pub(in crate::log) fn read(log: Uuid, core: u16, segment: &Segment) -> io::Result<Carried> {
        let mut carried = Carried::default();
        let (file, path, end) = (segment.handle()?, segment.path.clone(), End::At(segment.cursor()));
        let Ok(mut reader) = SegmentReader::new(file, path, log, core, segment.id, end) else { return Ok(carried) };
        reader.seek(segment.durable());
        loop {
            let damaged = match reader.next() {
                Ok(Some(record)) => {
                    carried.keep(fields_of(&record), record.ext.0, record.payload);
                    continue;
                }
                Ok(None) => return Ok(carried),
                Err(error) => matches!(error, LogError::Damaged { .. }),
            };
            if !damaged || reader.resync().is_err() {
                return Ok(carried);
            }
        }
    }

    /// The intact records of groups that never reached the file of a failed segment.
    pub(in crate::log) fn of_groups(groups: &[Pages], marker: u64) -> Carried {
        let mut carried = Carried::default();
        for group in groups {
            let mut at = 0;
            while let Some(header) = group.get(at..).and_then(|rest| rest.first_chunk()) {
                let Ok(header) = RecordHeader::decode(header, marker) else {
                    at += ALIGN_BYTES;
                    continue;
                };
                let body = group.get(at + HEADER_BYTES..at + HEADER_BYTES + header.body_bytes());
                let Some(body) = body.filter(|body| crc32c::crc32c(body) == header.payload_crc) else {
                    at += ALIGN_BYTES;
                    continue;
                };
                if header.kind != Kind::Pad {
                    carried.push(&header, body);
                }
                at += header.stored_bytes() as usize;
            }
        }
        carried
    }

    fn push(&mut self, header: &RecordHeader, body: &[u8]) {
        let (ext, payload) = body.split_at(usize::from(header.ext_len).min(body.len()));
        let fields = Entry {
            kind: header.kind,
            topic: header.topic,
            data_type: header.data_type,
            encoding: header.encoding,
            session: header.session,
            project: header.project,
            split: header.split,
            label: header.label(),
            flags: header.flags,
            ext: &[],
            payload: &[],
        };
        self.keep(fields, ext, payload);
    }

    fn keep(&mut self, fields: Entry<'static>, ext: &[u8], payload: &[u8]) {
        let ext_at = self.bytes.len()..self.bytes.len() + ext.len();
        let payload_at = ext_at.end..ext_at.end + payload.len();
        self.bytes.extend_from_slice(ext);
        self.bytes.extend_from_slice(payload);
        self.records.push_back(Place { fields, ext: ext_at, payload: payload_at });
    }

    /// How many records remain.
    pub(in crate::log) fn len(&self) -> usize {
        self.records.len()
    }

    /// The next record.
    pub(in crate::log) fn front(&self) -> Option<Entry<'_>> {
        let place = self.records.front()?;
        let (ext, payload) = (&self.bytes[place.ext.clone()], &self.bytes[place.payload.clone()]);
        Some(Entry { ext, payload, ..place.fields })
    }

    /// Moves past the current record.
    pub(in crate::log) fn pop(&mut self) {
        self.records.pop_front();
    }
}

fn fields_of(record: &Record<'_>) -> Entry<'static> {
    Entry {
        kind: record.kind,
        topic: record.topic,
        data_type: record.data_type,
        encoding: record.encoding,
        session: record.session,
        project: record.project,
        split: record.split,
        label: record.label,
        flags: record.flags,
        ext: &[],
        payload: &[],
    }
}
