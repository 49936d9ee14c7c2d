use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, RecordId, Topic};

use super::*;

const S: u64 = 1_000_000;

/// A batch of a session that another system named, so that it begins with its first record.
fn batch(session: u64, order_us: u64) -> Record<'static> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: order_us },
        order_us,
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session,
        project: 7,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(&[]),
        payload: b"batch",
    }
}

fn details(page: &str, errors: u64) -> Details {
    Details { pages: vec![page.to_owned()], user: Some("Ada".to_owned()), errors }
}

fn numbers(listed: &(Vec<SessionReport>, bool)) -> Vec<&str> {
    listed.0.iter().map(|session| session.session.as_str()).collect()
}

#[test]
fn it_never_takes_more_than_its_budget_and_what_was_heard_of_least_lately_goes() {
    let bytes_max = 16 << 10;
    let mut index = Index::new(bytes_max);
    for second in 0..1000 {
        index.add(&batch(second + 1, second * S), Some(&details(&"x".repeat(second as usize), 0)));
        // This one is heard of all the time.
        index.add(&batch(1, second * S), None);
        assert!(index.bytes() <= bytes_max, "{}", index.bytes());
    }
    assert!(index.evicted() > 900 && index.len() + index.evicted() as usize == 1000);
    assert!(index.get(1).is_some() && index.get(2).is_none() && index.get(1000).is_some());
    assert!(index.queue.len() <= index.len(), "{} for {}", index.queue.len(), index.len());
    index.clear();
    assert!(index.is_empty() && index.bytes() == 0);
}

#[test]
fn lists_are_newest_first_and_go_on_where_one_ended() {
    let mut index = Index::new(1 << 20);
    for second in 0..10 {
        index.add(&batch(second + 1, second * S), Some(&details("https://shop.example/A", second % 2)));
    }
    let query = Query { limit: 4, ..Query::default() };
    let first = index.list(&query, 10 * S);
    assert_eq!((numbers(&first), first.1), (vec!["10", "9", "8", "7"], true));
    let last = first.0.last().unwrap();
    let before = Some((last.started_ms, last.session.parse().unwrap()));
    assert_eq!(
        numbers(&index.list(&Query { before, limit: 100, ..query.clone() }, 10 * S)),
        ["6", "5", "4", "3", "2", "1"]
    );

    let count = |query: Query| index.list(&Query { limit: 100, ..query }, 65 * S).0.len();
    assert_eq!(count(Query { errors: true, ..Query::default() }), 5);
    assert_eq!(count(Query { live: true, ..Query::default() }), 5, "the others fell silent a minute ago");
    assert_eq!(count(Query { page: Some("SHOP".to_owned()), ..Query::default() }), 10);
    assert_eq!(count(Query { user: Some("ad".to_owned()), ..Query::default() }), 10);
    assert_eq!(count(Query { user: Some("Bob".to_owned()), ..Query::default() }), 0);
    assert_eq!(count(Query { project: Some(8), ..Query::default() }), 0);
    assert_eq!(count(Query { from_ms: Some(3000), to_ms: Some(6000), ..Query::default() }), 4);
}
