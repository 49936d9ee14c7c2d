use super::*;

use uuid::Uuid;

use crate::archive::tables::events::EVENTS;
use crate::log::format::record::{DataType, Encoding, Ext, Flags, RecordId, Topic};

/// A record of a browser's batch, not compressed.
fn batch(payload: &[u8]) -> Record<'_> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: 64 },
        order_us: 1_800_000_000_000_000,
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 5,
        project: 3,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(&[]),
        payload,
    }
}

/// The rows of `events`, and what `batches` says of them.
fn added(payload: &[u8]) -> (usize, Option<String>) {
    let mut chunk = Chunk::default();
    chunk.add(&batch(payload), &Payload { bytes: payload, kept: None }, &mut EventDecoder::default());
    let tables = chunk.finish();
    let of = |table: Table| tables.iter().find(|((found, _), _)| *found == table).map(|(_, rows)| rows);
    let batches = of(BATCHES).expect("a batch has a row whatever is in it");
    let fault = BATCHES.columns.iter().position(|column| column.name == "events_fault").expect("the column");
    let fault = &batches.columns()[fault];
    let fault = fault.has(0).then(|| String::from_utf8_lossy(fault.bytes(0)).into_owned());
    (of(EVENTS).map_or(0, TableBuffer::rows), fault)
}

/// A batch with sizes, of a page with an address of this length.
fn head(address_bytes: u8) -> Vec<u8> {
    let mut batch = vec![81, 1, 0, 0, 2, address_bytes];
    batch.extend(std::iter::repeat_n(b'a', address_bytes.into()));
    batch
}

/// `UserID`: ann.
const USER: [u8; 8] = [28, 4, 0, 0, 3, b'a', b'n', b'n'];

#[test]
fn a_batch_says_why_events_are_missing() {
    let whole = [&head(1)[..], &USER, &USER].concat();
    assert_eq!(added(&whole), (2, None));
    let (events, fault) = added(&whole[..whole.len() - 1]);
    assert_eq!((events, fault.as_deref()), (1, Some("at byte 15: a message of 4 bytes overruns the batch")));
    let (events, fault) = added(b"no batch of a tracker");
    assert_eq!((events, fault.is_some()), (0, true));
}

#[test]
fn the_events_of_one_batch_take_bounded_memory() {
    let many = [head(100), USER.repeat(400_000)].concat();
    let mut chunk = Chunk::default();
    chunk.add(&batch(&many), &Payload { bytes: &many, kept: None }, &mut EventDecoder::default());
    assert!(chunk.bytes() < EVENTS_BYTES_MAX + many.len() as u64 + 3 * FILE_BYTES + 10_000, "{} bytes", chunk.bytes());
    let (events, fault) = added(&many);
    assert_eq!(fault.as_deref(), Some("too many events"));
    assert!(events > 50_000 && events < 400_000, "{events} events");
}
