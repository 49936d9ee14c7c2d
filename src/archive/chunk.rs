//! A chunk: a range of the log as rows, until they are written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::log::format::record::{Kind, Record};
use crate::records::{Content, Source, Start};

use super::decode::{Decoded, Event, EventDecoder};
use super::hour::Hour;
use super::payload::Payload;
use super::row::Row;
use super::rows::TableBuffer;
use super::table::Table;
use super::tables::activity::ActivityRow;
use super::tables::batches::{BATCHES, BatchRow, OtherRow, RecordRow, table_of};
use super::tables::sessions::{Known, SessionRow};

/// What a row that waits for the end of the chunk takes: a session's texts, or its counts.
const WAITING_ROW_BYTES: u64 = 256;

/// What the columns of a table's file take beside its rows. So a log of many quiet hours does not become thousands of files at once.
const FILE_BYTES: u64 = 64 << 10;

/// What the events of one record may take in memory: a body of a few MB can have millions, each with the address of its page.
const EVENTS_BYTES_MAX: u64 = 64 << 20;

/// The rows of a chunk, by table and hour.
#[derive(Debug, Default)]
pub struct Chunk {
    buffers: BTreeMap<(Table, Hour), TableBuffer>,
    activity: HashMap<(Hour, u32, u64), ActivityRow>,
    /// Starts; what arrived of their sessions is known at the end.
    starts: Vec<(Hour, SessionRow)>,
    /// The segments, by core and id, whose records each hour has.
    segments: BTreeMap<Hour, BTreeSet<(u16, u64)>>,
    records: u64,
    bytes: u64,
}

/// What the messages of a batch say of the batch.
#[derive(Debug, Default)]
struct EventsRead {
    client_us: Option<(i64, i64)>,
    fault: Option<String>,
}

/// The events of a record take more than [`EVENTS_BYTES_MAX`].
struct TooManyEvents;

impl Chunk {
    /// Adds a record with its payload: to its table, to what its session did, and to the tables that are made from what it means.
    pub fn add(&mut self, record: &Record<'_>, payload: &Payload<'_>, events: &mut EventDecoder) {
        let Some(table) = table_of(record.kind) else { return };
        let hour = Hour::of_us(record.order_us);
        let content = Content::of(record);
        // What its client's clock said is known once its messages were read.
        let read = if table == BATCHES && payload.kept.is_none() {
            self.add_events(hour, record, payload.bytes, events)
        } else {
            EventsRead::default()
        };
        let row = RecordRow {
            record,
            client: client_of(&content).map(client_name),
            payload: payload.bytes,
            kept_as_received: payload.kept,
            client_us: read.client_us,
            events_fault: read.fault.as_deref(),
        };
        match table == BATCHES {
            true => self.push(hour, &BatchRow(row)),
            false => self.push(hour, &OtherRow(row)),
        }
        self.note(hour, record, payload);
        self.segments.entry(hour).or_default().insert((record.id.core, record.id.segment));
        if let Content::Start(start) = &content {
            self.add_start(hour, record, start);
        }
        self.records += 1;
    }

    /// Records that were added.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The segments, by core and id, whose records each hour has.
    pub fn segments(&self) -> &BTreeMap<Hour, BTreeSet<(u16, u64)>> {
        &self.segments
    }

    /// What its rows take in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Completes the rows that had to wait for the end of the chunk, and returns all, by table and hour.
    pub fn finish(mut self) -> BTreeMap<(Table, Hour), TableBuffer> {
        let mut known: HashMap<(u32, u64), Known> = HashMap::new();
        for row in self.activity.values() {
            let sum = known.entry((row.project, row.session)).or_default();
            sum.last_us = sum.last_us.max(row.last_us);
            sum.batches += row.batches;
            sum.images += row.images;
            sum.stored_bytes += row.stored_bytes;
            sum.payload_bytes += row.payload_bytes;
        }
        for (hour, mut row) in std::mem::take(&mut self.starts) {
            row.known = known.get(&(row.project, row.session)).copied().unwrap_or_default();
            self.push(hour, &row);
        }
        let mut activity: Vec<_> = std::mem::take(&mut self.activity).into_iter().collect();
        // The same log gives the same files.
        activity.sort_unstable_by_key(|(key, _)| *key);
        for ((hour, ..), row) in activity {
            self.push(hour, &row);
        }
        // Of an hour whose batches have no events.
        self.buffers.retain(|_, buffer| buffer.rows() > 0);
        self.buffers
    }

    fn push<R: Row>(&mut self, hour: Hour, row: &R) {
        let buffer = self.buffers.entry((R::TABLE, hour)).or_insert_with(|| {
            self.bytes += FILE_BYTES;
            TableBuffer::new(R::TABLE)
        });
        self.bytes += buffer.push(row);
    }

    /// Adds the events of a batch. Whatever is wrong with it, it stands in its own table all the same.
    fn add_events(&mut self, hour: Hour, record: &Record<'_>, body: &[u8], events: &mut EventDecoder) -> EventsRead {
        let end = self.bytes + EVENTS_BYTES_MAX;
        let buffer = self.buffers.entry((Event::TABLE, hour)).or_insert_with(|| TableBuffer::new(Event::TABLE));
        let bytes = &mut self.bytes;
        let add = |event: &Event<'_>| {
            *bytes += buffer.push(event);
            if *bytes < end { Ok(()) } else { Err(TooManyEvents) }
        };
        // A body on which the decoder panics must not end the compactor, now and again after every restart.
        match catch_unwind(AssertUnwindSafe(|| events.decode(record, body, add))) {
            Ok(Ok(Decoded { client_us, fault, .. })) => {
                EventsRead { client_us, fault: fault.map(|fault| fault.to_string()) }
            }
            Ok(Err(TooManyEvents)) => EventsRead { client_us: None, fault: Some("too many events".to_owned()) },
            Err(_) => {
                *events = EventDecoder::default();
                EventsRead { client_us: None, fault: Some("the decoder panicked".to_owned()) }
            }
        }
    }

    fn add_start(&mut self, hour: Hour, record: &Record<'_>, start: &Start<'_>) {
        let row = SessionRow {
            project: record.project,
            session: record.session,
            received_us: record.order_us,
            client: Some(client_name(start.source)),
            stored: start.row(),
            record: record.id,
            known: Known::default(),
        };
        self.bytes += WAITING_ROW_BYTES + record.ext.0.len() as u64;
        self.starts.push((hour, row));
    }

    fn note(&mut self, hour: Hour, record: &Record<'_>, payload: &Payload<'_>) {
        let key = (hour, record.project, record.session);
        let row = self.activity.entry(key).or_insert_with(|| {
            self.bytes += WAITING_ROW_BYTES;
            ActivityRow {
                project: record.project,
                session: record.session,
                first_us: record.order_us,
                last_us: record.order_us,
                records: 0,
                batches: 0,
                images: 0,
                stored_bytes: 0,
                payload_bytes: 0,
            }
        });
        row.first_us = row.first_us.min(record.order_us);
        row.last_us = row.last_us.max(record.order_us);
        row.records += 1;
        row.batches += u64::from(matches!(record.kind, Kind::Batch | Kind::Sdk));
        row.images += u64::from(record.kind == Kind::Image);
        row.stored_bytes += record.payload.len() as u64;
        row.payload_bytes += payload.bytes.len() as u64;
    }
}

/// Who sent a record.
fn client_of(content: &Content<'_>) -> Option<Source> {
    match content {
        Content::WebBatch(_) => Some(Source::Web),
        Content::MobileBatch(_) => Some(Source::Mobile),
        Content::SdkBatch(_) => Some(Source::Sdk),
        Content::UnusableBatch(batch) => Some(batch.source),
        Content::Start(start) => Some(start.source),
        Content::Images(images) => Some(images.source),
        Content::TableRow(_) | Content::RecordingPart(_) => Some(Source::Web),
        Content::Other => None,
    }
}

const fn client_name(source: Source) -> &'static str {
    match source {
        Source::Web => "web",
        Source::Mobile => "mobile",
        Source::Sdk => "sdk",
    }
}

#[cfg(test)]
mod tests;
