use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Label, Record, RecordId, Topic};

use super::*;

fn record(number: u64, payload: &[u8]) -> Record<'_> {
    Record {
        id: RecordId { log: Uuid::from_u128(7), core: 300, segment: u64::MAX - 1, offset: number * 64 },
        order_us: 1_795_581_300_416_378 + number,
        kind: Kind::Image,
        topic: Topic::RawAssets,
        data_type: DataType::Other,
        encoding: Encoding::Zstd,
        session: u64::MAX - number,
        project: 70_000,
        split: 9,
        label: (number.is_multiple_of(2)).then_some(Label { page: 1 << 20, number: 3 }),
        flags: Flags::MAY_BE_SPLIT.with(Flags::PHONE),
        payload_crc: 0xdead_beef,
        ext: Ext(b"\x05\x01\x00q"),
        payload,
    }
}

/// Sorts records whose places are in the order of `numbers`, in runs of a few.
fn sorted(numbers: &[u64], memory: usize, payload_bytes: usize) -> Vec<Entry> {
    let mut sorter = Sorter::new(Budget::new(memory), Spill::default(), 4 * (payload_bytes + 300));
    for &number in numbers {
        let payload = vec![number as u8; payload_bytes];
        let held = Held::of(&record(number, &payload));
        sorter.push(Mark { due_us: 1000 - number, round: 0, id: held.head.id }, held).unwrap();
    }
    let runs = sorter.finish().unwrap();
    let mut merged = MergedRuns::default();
    runs.iter().for_each(|run| merged.add(run, 1000).unwrap());
    let mut all = Vec::new();
    while let Some(mark) = merged.next_mark() {
        let entry = merged.next().unwrap().unwrap();
        assert_eq!(entry.mark, mark);
        all.push(entry);
    }
    all
}

#[test]
fn records_come_in_order_and_unchanged_from_memory_and_from_the_temporary_file() {
    let numbers: Vec<u64> = (0..100).map(|number| number * 37 % 101).collect();
    for payload_bytes in [0, 10, 5000] {
        for memory in [0, 20_000, 1 << 30] {
            let all = sorted(&numbers, memory, payload_bytes);
            assert_eq!(all.len(), 100);
            assert!(all.is_sorted_by_key(|entry| entry.mark));
            for entry in &all {
                let number = 1000 - entry.mark.due_us;
                let payload = vec![number as u8; payload_bytes];
                assert_eq!(entry.held.record(), record(number, &payload));
            }
        }
    }
}

#[test]
fn a_budget_gives_no_more_than_it_has_and_takes_back_what_it_gave() {
    let budget = Budget::new(100);
    let most = budget.take(70).unwrap();
    assert!(budget.clone().take(31).is_none() && budget.take(30).is_some());
    drop(most);
    assert!(budget.take(100).is_some());
}

#[test]
fn a_mark_is_written_as_text_and_read_as_the_same() {
    let mark = Mark { round: 3, ..Mark::of(&record(1, b"")) };
    let text = serde_json::to_string(&mark).unwrap();
    assert!(text.contains("/300/"), "{text}");
    assert_eq!(serde_json::from_str::<Mark>(&text).unwrap(), mark);
}
