use std::collections::BTreeMap;

use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, RecordId, Topic};

use super::*;

fn position() -> MergePosition {
    MergePosition { log: Uuid::nil(), cores: BTreeMap::new(), behind: BTreeMap::new() }
}

fn put(queues: &Queues, number: u64, payload: &[u8]) {
    let record = Record {
        id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: 4096 },
        order_us: 1,
        kind: Kind::Batch,
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
    };
    queues.put(number, &record, &position());
}

#[test]
fn what_was_taken_makes_room() {
    let queues = Queues::default();
    let (number, is_first) = queues.add(7);
    assert!(is_first);
    assert_eq!(queues.let_in(&position()), [(7, number)]);
    let payload = vec![0; QUEUE_BYTES_MAX / 3];
    for _ in 0..10 {
        put(&queues, number, &payload);
        put(&queues, number, &payload);
        assert!(matches!(queues.next(number), Given::Record(_)) && matches!(queues.next(number), Given::Record(_)));
        assert!(matches!(queues.next(number), Given::Nothing));
    }
    for _ in 0..4 {
        put(&queues, number, &payload);
    }
    for _ in 0..2 {
        assert!(matches!(queues.next(number), Given::Record(_)), "what was in it is given");
    }
    assert!(matches!(queues.next(number), Given::Ended(_)), "it was full, and gets nothing more");
}

#[test]
fn who_was_not_let_in_before_the_end_is_told_that_it_never_begins() {
    let queues = Queues::default();
    let (early, _) = queues.add(7);
    queues.let_in(&position());
    let (late, is_first) = queues.add(8);
    assert!(!is_first && matches!(queues.begins(late), Begins::Soon));
    queues.end(Some(&position()));
    assert!(matches!(queues.begins(late), Begins::Never));
    assert!(matches!(queues.next(early), Given::Ended(_)));
    let (_, is_first) = queues.add(8);
    assert!(is_first, "the next one starts a thread");
}
