use crate::log::format::record::{DataType, Encoding, Ext, Flags, RecordId, Topic};
use crate::tracker::{write_string, write_uint};

use super::*;

fn record(kind: Kind, payload: &[u8]) -> Record<'_> {
    Record {
        id: RecordId { log: uuid::Uuid::nil(), core: 0, segment: 1, offset: 4096 },
        order_us: 1,
        kind,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(&[]),
        payload,
    }
}

/// A batch without sizes, of version 0, with one message.
fn batch(id: u64, texts: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    write_uint(&mut body, 81);
    for number in [0, 1, 0, 0] {
        write_uint(&mut body, number);
    }
    write_string(&mut body, b"https://example.org/jane");
    write_uint(&mut body, id);
    texts.iter().for_each(|text| write_string(&mut body, text.as_bytes()));
    body
}

fn read(record: &Record<'_>, users: &[&str]) -> Mention {
    let users = users.iter().map(|user| (*user).to_owned()).collect();
    MentionReader::default().read(record, &users, 1 << 20)
}

#[test]
fn a_batch_names_its_user_by_id_anonymous_id_or_metadata_and_by_nothing_else() {
    for (id, texts) in [(28, &["jane"][..]), (29, &["jane"]), (30, &["customer", "jane"])] {
        let body = batch(id, texts);
        assert_eq!(read(&record(Kind::Batch, &body), &["john", "jane"]), Mention::Message, "message {id}");
        assert_eq!(read(&record(Kind::Batch, &body), &["jan", "janet"]), Mention::None, "message {id}");
    }
    // A custom event that has the name in it, and the page's address.
    let body = batch(22, &["jane", "jane"]);
    assert_eq!(read(&record(Kind::Batch, &body), &["jane"]), Mention::None);
}

#[test]
fn the_sdk_names_its_user_however_the_text_is_escaped() {
    let body = br#"{"data":{"user_actions":[{"type":"identity","user_id":"j\u0061ne"}]}}"#;
    assert_eq!(read(&record(Kind::Sdk, body), &["jane"]), Mention::Message);
    let body = br#"{"data":{"events":[{"name":"jane","payload":{"user":"jane"}}]}}"#;
    assert_eq!(read(&record(Kind::Sdk, body), &["jane"]), Mention::None);
}

#[test]
fn a_batch_that_does_not_inflate_is_told_and_other_kinds_are_not_looked_into() {
    let broken = Record { encoding: Encoding::Gzip, ..record(Kind::Batch, b"jane") };
    assert_eq!(read(&broken, &["jane"]), Mention::Unreadable);
    for kind in [Kind::Image, Kind::Tombstone, Kind::Recording] {
        assert_eq!(read(&record(kind, b"jane"), &["jane"]), Mention::None);
    }
}
