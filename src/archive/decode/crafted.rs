//! Records and batches for tests.

use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Label, Record, RecordId, Topic};
use crate::tracker::ids::{BATCH_METADATA, MOBILE_BATCH_META};
use crate::tracker::{Era, FieldKind, message_spec, write_int, write_string, write_uint};

/// The client's time of the batches here, in ms.
pub(super) const TIME_MS: i64 = 1_795_569_658_189;

/// A field's value.
#[derive(Clone, Copy)]
pub(super) enum Put<'a> {
    /// Unsigned or signed, as the catalogue says.
    Number(i64),
    Text(&'a [u8]),
    Truth(bool),
}

impl<'a> From<&'a str> for Put<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.as_bytes())
    }
}

impl From<i64> for Put<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Put<'_> {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

fn fields(id: u64, values: &[Put<'_>]) -> Vec<u8> {
    let layout = message_spec(id).unwrap().fields(Era::Main);
    assert_eq!(layout.len(), values.len(), "fields of {id}");
    let mut out = Vec::new();
    for (field, value) in layout.iter().zip(values) {
        match (field.kind, *value) {
            (FieldKind::Uint, Put::Number(number)) => write_uint(&mut out, number.cast_unsigned()),
            (FieldKind::Int, Put::Number(number)) => write_int(&mut out, number),
            (FieldKind::Str, Put::Text(text)) => write_string(&mut out, text),
            (FieldKind::Bool, Put::Truth(truth)) => out.push(truth.into()),
            _ => panic!("{id} {}: another type", field.name),
        }
    }
    out
}

/// A browser's batch of page 2 whose messages have sizes.
pub(super) fn web_batch(messages: &[(u64, &[Put<'_>])]) -> Vec<u8> {
    let mut out = Vec::new();
    write_uint(&mut out, BATCH_METADATA);
    let meta = [1.into(), 2.into(), 5.into(), TIME_MS.into(), "https://shop.example/start".into()];
    out.extend(fields(BATCH_METADATA, &meta));
    for &(id, values) in messages {
        let body = fields(id, values);
        write_uint(&mut out, id);
        out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes()[..3]);
        out.extend(body);
    }
    out
}

/// A phone's batch. The values are those behind time and length.
pub(super) fn phone_batch(messages: &[(u64, &[Put<'_>])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (id, values) in [(MOBILE_BATCH_META, &[Put::Number(0)][..])].iter().chain(messages) {
        write_uint(&mut out, *id);
        let all: Vec<_> = [Put::Number(TIME_MS), Put::Number(0)].into_iter().chain(values.iter().copied()).collect();
        out.extend(fields(*id, &all));
    }
    out
}

/// A record with an inflated payload.
pub(super) fn record(kind: Kind, split: Option<usize>, payload: &[u8]) -> Record<'_> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 1, segment: 2, offset: 192 },
        order_us: 1_800_000_000_000_000,
        kind,
        topic: Topic::None,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 77,
        project: 3,
        split: split.unwrap_or_default() as u32,
        label: Some(Label { page: 2, number: 9 }),
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(&[]),
        payload,
    }
}
