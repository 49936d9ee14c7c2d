use std::fs;

use proptest::prelude::*;

use crate::log::format::record::{Entry, Flags};
use crate::log::read::merge::{Merge, MergePosition};
use crate::log::read::reader::LogReader;
use crate::log::read::reader::hand::{HandSegment, temp_dir, write_log_file};

use super::*;

/// A batch with this label. The extension carries a wall time, which differs from sending to sending.
fn send(segment: &mut HandSegment, order_us: u64, session: u64, number: u32, payload: &[u8]) -> u64 {
    let label = Some(Label { page: 0, number });
    send_as(segment, order_us, &Entry { session, label, ..HandSegment::entry(payload) })
}

fn send_as(segment: &mut HandSegment, order_us: u64, entry: &Entry<'_>) -> u64 {
    let wall: Vec<u8> = [2, 8, 0].into_iter().chain(order_us.to_le_bytes()).collect();
    segment.record(order_us, &Entry { ext: &wall, ..*entry })
}

fn merge(log_dir: &Path) -> Merge {
    Merge::new(LogReader::open(log_dir).unwrap())
}

fn times(merge: &mut Merge) -> Vec<u64> {
    let mut out = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        out.push(record.order_us);
    }
    out
}

/// A log of one core with what `fill` puts into it.
fn log(fill: impl FnOnce(&mut HandSegment)) -> tempfile::TempDir {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 10);
    fill(&mut segment);
    segment.write_sealed(dir.path());
    dir
}

#[test]
fn a_batch_that_was_sent_again_leaves_once_whichever_core_took_it() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let (mut first, mut second) = (HandSegment::new(0, 10), HandSegment::new(1, 11));
    let large = vec![7; 3 * PIECE_BYTES + 11];
    send(&mut first, 101, 7, 1, b"a body");
    send(&mut second, 102, 7, 1, b"a body");
    send(&mut second, 103, 7, 2, &large);
    send(&mut first, 104, 7, 1, b"a body");
    send(&mut first, 105, 7, 2, &large);
    send(&mut second, 106, 7, 3, b"");
    send(&mut second, 107, 7, 3, b"");
    first.write_sealed(dir.path());
    second.write_sealed(dir.path());
    let mut merge = merge(dir.path());
    assert_eq!(times(&mut merge), [101, 103, 106]);
    assert_eq!(merge.repeats(), 4);
    let mut rest = Merge::resume(LogReader::open(dir.path()).unwrap(), &merge.position()).unwrap();
    assert_eq!(times(&mut rest), [0_u64; 0], "the position is behind the repeats that were left out");
    let mut all = Merge::new(LogReader::open(dir.path()).unwrap()).with_repeat_window(RepeatWindow::OFF);
    assert_eq!(times(&mut all), [101, 102, 103, 104, 105, 106, 107], "for those who want every record");
}

#[test]
fn a_phones_batch_that_was_sent_again_leaves_once_without_any_label() {
    let dir = log(|segment| {
        let entry = Entry { label: None, topic: Topic::RawIos, ..HandSegment::entry(b"k a body") };
        send_as(segment, 101, &entry);
        // As Android does with a token that has just expired.
        send_as(segment, 102, &Entry { flags: Flags::JUST_EXPIRED, ..entry });
        send_as(segment, 103, &Entry { payload: b"k another", ..entry });
        send_as(segment, 104, &Entry { session: 8, ..entry });
        send_as(segment, 105, &Entry { encoding: Encoding::Gzip, ..entry });
        send_as(segment, 106, &Entry { kind: Kind::Start, ..entry });
        send_as(segment, 107, &Entry { kind: Kind::Start, ..entry });
        send_as(segment, 108, &Entry { payload: b"k another", ..entry });
    });
    let mut merge = merge(dir.path());
    assert_eq!(times(&mut merge), [101, 103, 104, 105, 106, 107]);
    assert_eq!(merge.repeats(), 2);
}

#[test]
fn a_batch_of_an_old_tracker_that_was_sent_again_leaves_once_without_any_label() {
    let dir = log(|segment| {
        // Type, version, page, index, and 1,764,000,000,000 ms.
        let time = [0x80, 0xa0, 0xbf, 0xe9, 0xd6, 0x66];
        let batch = |head: &[u8]| [head, &time].concat();
        let (first, other, older) = (batch(&[81, 1, 0, 7]), batch(&[81, 1, 0, 8]), batch(&[80, 0, 7]));
        let entry = Entry { label: None, ..HandSegment::entry(&first) };
        send_as(segment, 101, &entry);
        send_as(segment, 102, &entry);
        send_as(segment, 103, &Entry { payload: &other, ..entry });
        send_as(segment, 104, &Entry { payload: &older, ..entry });
        send_as(segment, 105, &Entry { payload: &older, ..entry });
        let packed = Entry { encoding: Encoding::Gzip, payload: b"\x1f\x8b packed", ..entry };
        send_as(segment, 106, &packed);
        send_as(segment, 107, &packed);
        send_as(segment, 108, &Entry { session: 8, ..packed });
        // Nothing tells these apart, and nothing tells that they are one.
        for (order_us, payload) in [(109, &b"no batch"[..]), (111, &[81, 1, 0, 7, 42]), (113, &[81, 1, 0])] {
            send_as(segment, order_us, &Entry { payload, ..entry });
            send_as(segment, order_us + 1, &Entry { payload, ..entry });
        }
    });
    let mut merge = merge(dir.path());
    assert_eq!(times(&mut merge), [101, 103, 104, 106, 108, 109, 110, 111, 112, 113, 114]);
    assert_eq!(merge.repeats(), 3);
}

/// Whoever chooses labels can't make a stored batch vanish: everything but the bytes is the same here, and then everything but
/// one other thing.
#[test]
fn a_label_alone_makes_no_repeat() {
    let body = vec![5; 1000];
    let mut other = body.clone();
    other[500] = 6;
    let dir = log(|segment| {
        let label = Some(Label { page: 0, number: 1 });
        let entry = Entry { label, ..HandSegment::entry(&body) };
        send_as(segment, 101, &entry);
        send_as(segment, 102, &Entry { payload: &other, ..entry });
        send_as(segment, 103, &Entry { session: 8, ..entry });
        send_as(segment, 104, &Entry { label: Some(Label { page: 1, number: 1 }), ..entry });
        send_as(segment, 105, &Entry { label: Some(Label { page: 0, number: 2 }), ..entry });
        send_as(segment, 106, &Entry { label: None, ..entry });
        send_as(segment, 107, &Entry { label: None, ..entry });
        send_as(segment, 108, &Entry { encoding: Encoding::Gzip, ..entry });
        send_as(segment, 109, &Entry { data_type: DataType::Player, ..entry });
        send_as(segment, 110, &Entry { split: 9, ..entry });
        send_as(segment, 111, &Entry { topic: Topic::RawAssets, ..entry });
        send_as(segment, 112, &Entry { kind: Kind::Image, ..entry });
        send_as(segment, 113, &Entry { kind: Kind::Image, ..entry });
        segment.record(114, &Entry { data_type: DataType::Other, ext: &[4, 1, 0, b'a'], ..entry });
        segment.record(115, &Entry { data_type: DataType::Other, ext: &[4, 1, 0, b'b'], ..entry });
        segment.record(116, &Entry { data_type: DataType::Other, ext: &[4, 1, 0, b'a'], ..entry });
        send_as(segment, 117, &Entry { project: 0, flags: Flags::JUST_EXPIRED, ..entry });
    });
    let mut merge = merge(dir.path());
    assert_eq!(times(&mut merge), (101..=115).collect::<Vec<_>>());
    assert_eq!(merge.repeats(), 2, "the last two are repeats: project and expiry are not the client's bytes");
}

#[test]
fn a_repeat_whose_first_sending_cannot_be_read_any_more_is_handed_out() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let (mut old, mut new) = (HandSegment::new(0, 10), HandSegment::new(0, 50));
    let gone = send(&mut old, 20, 7, 1, b"first");
    send(&mut old, 30, 7, 2, b"second");
    send(&mut new, 60, 7, 3, b"between");
    send(&mut new, 70, 7, 1, b"first");
    send(&mut new, 80, 7, 2, b"second");
    let path = old.write_sealed(dir.path());
    new.write_sealed(dir.path());
    let mut damaged = merge(dir.path());
    assert_eq!(damaged.next().unwrap().unwrap().order_us, 20);
    old.bytes[gone as usize + HEADER_BYTES + 13] ^= 1;
    fs::write(&path, &old.bytes).unwrap();
    assert_eq!(times(&mut damaged), [30, 60, 70]);
    assert_eq!(damaged.repeats(), 1, "the second is intact");
    let mut deleted = merge(dir.path());
    assert_eq!(deleted.next().unwrap().unwrap().order_us, 30);
    assert_eq!(deleted.next().unwrap().unwrap().order_us, 60);
    fs::remove_file(path).unwrap();
    assert_eq!(times(&mut deleted), [70, 80]);
    assert_eq!(deleted.repeats(), 0);
}

#[test]
fn each_bound_of_the_window_lets_go_of_what_is_older() {
    let dir = log(|segment| {
        send(segment, 1000, 7, 1, b"a");
        for number in 2..12 {
            send(segment, 1000 + u64::from(number), 7, number, b"b");
        }
        send(segment, 1100, 7, 1, b"a");
    });
    let found = |window: RepeatWindow| {
        let mut merge = merge(dir.path()).with_repeat_window(window);
        times(&mut merge);
        merge.repeats()
    };
    let window = RepeatWindow { entries: 11, time: Duration::from_micros(100), bytes: 11 * 128 };
    assert_eq!(found(window), 1);
    assert_eq!(found(RepeatWindow { entries: 10, ..window }), 0);
    assert_eq!(found(RepeatWindow { time: Duration::from_micros(99), ..window }), 0);
    assert_eq!(found(RepeatWindow { bytes: 11 * 128 - 1, ..window }), 0);
}

#[test]
fn the_window_takes_no_more_memory_than_it_is_given() {
    let dir = log(|segment| {
        for number in 0..5000_u32 {
            send(segment, 1000 + u64::from(number) * 10, u64::from(number % 7), number % 100, &number.to_le_bytes());
        }
    });
    let window = RepeatWindow { entries: 60, time: Duration::from_micros(900), bytes: 4000 };
    let mut merge = merge(dir.path()).with_repeat_window(window);
    while merge.next().unwrap().is_some() {
        let repeats = merge.repeats.as_ref().unwrap();
        assert!(repeats.entries.len() <= 64 && repeats.next - repeats.oldest <= 60);
        assert!(repeats.marks.len() as u64 <= 3 * MARKS + 2, "{}", repeats.marks.len());
    }
}

#[test]
fn a_client_with_one_label_for_everything_costs_a_bounded_number_of_reads() {
    let body = |middle: u8| {
        let mut body = vec![0; 1000];
        body[500] = middle;
        body
    };
    let dir = log(|segment| {
        for middle in 0..=CANDIDATES_MAX as u8 {
            send(segment, 100 + u64::from(middle), 7, 1, &body(middle));
        }
        send(segment, 200, 7, 1, &body(1));
        send(segment, 201, 7, 1, &body(0));
    });
    let mut merge = merge(dir.path());
    assert_eq!(times(&mut merge).last(), Some(&201), "too far behind others of its kind to be looked for");
    assert_eq!(merge.repeats(), 1);
}

/// Three cores' sealed segments with these records: core, session, label, length, and whether it ends a segment.
fn random_log(records: &[(u8, u8, u8, u8, bool)]) -> tempfile::TempDir {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segments: Vec<HandSegment> = (0..3).map(|core| HandSegment::new(core, 10)).collect();
    for (at, &(core, session, label, length, ends)) in records.iter().enumerate() {
        let (core, order_us) = (usize::from(core), 100 + at as u64 / 2 * 10);
        let body = vec![session; usize::from(length)];
        let label = (label > 0).then(|| Label { page: 0, number: u32::from(label) });
        send_as(
            &mut segments[core],
            order_us,
            &Entry { session: u64::from(session), label, ..HandSegment::entry(&body) },
        );
        if ends {
            let next = HandSegment::new(core as u16, order_us + 1 + at as u64 % 2);
            std::mem::replace(&mut segments[core], next).write_sealed(dir.path());
        }
    }
    for segment in segments {
        segment.write_sealed(dir.path());
    }
    dir
}

fn ids(merge: &mut Merge, at_most: usize) -> Vec<RecordId> {
    let mut out = Vec::new();
    while out.len() < at_most
        && let Some(record) = merge.next().unwrap()
    {
        out.push(record.id);
    }
    out
}

/// Which of the records are handed out, by their places in the list: what the window is said to hold, without any table.
fn left_by_definition(records: &[(u8, u8, u8, u8, bool)], window: RepeatWindow) -> Vec<usize> {
    let order_us = |at: usize| 100 + at as u64 / 2 * 10;
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|&at| (order_us(at), records[at].0, at));
    let (time_us, mut bytes) = (window.time.as_micros() as u64, 0);
    let (mut batches, mut left) = (Vec::new(), Vec::new());
    for at in order {
        let (_, session, label, length, _) = records[at];
        let (batch, now_us) = ((session, label, length), order_us(at));
        let from_us = now_us.saturating_sub(time_us);
        let is_first = |&(other, other_us, other_bytes)| {
            other == batch && other_us >= from_us && other_bytes + window.bytes >= bytes
        };
        let repeat = label > 0 && batches.iter().rev().take(window.entries).any(is_first);
        if label > 0 {
            batches.push((batch, now_us, bytes));
        }
        if !repeat {
            left.push(at);
        }
        bytes += 128;
    }
    left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The filter and the table decide nothing: they only find sooner what the definition says.
    #[test]
    fn exactly_the_repeats_in_the_window_are_left_out(
        records in proptest::collection::vec((0..3u8, 0..5u8, 0..4u8, 0..3u8, proptest::bool::weighted(0.01)), 1..600),
        (entries, time_us, bytes) in (1..200usize, 0..3000u64, 0..80_000u64),
    ) {
        let dir = random_log(&records);
        let window = RepeatWindow { entries, time: Duration::from_micros(time_us), bytes };
        let mut merge = merge(dir.path()).with_repeat_window(window);
        let mut left = Vec::new();
        while let Some(record) = merge.next().unwrap() {
            let label = record.label.map_or(0, |label| label.number as u8);
            left.push((record.order_us, record.id.core as u8, record.session as u8, label, record.payload.len() as u8));
        }
        let of = |at: usize| {
            let (core, session, label, length, _) = records[at];
            (100 + at as u64 / 2 * 10, core, session, label, length)
        };
        let expected = left_by_definition(&records, window).into_iter().map(of);
        prop_assert_eq!(left, expected.collect::<Vec<_>>());
        prop_assert_eq!(merge.repeats() as usize, records.len() - left_by_definition(&records, window).len());
    }

    /// Wherever a consumer stops and goes on, and however often, it is handed exactly what one that never stopped is.
    #[test]
    fn a_merge_that_resumes_hands_out_exactly_the_rest_of_the_whole_stream(
        records in proptest::collection::vec((0..3u8, 0..2u8, 0..3u8, 0..3u8, proptest::bool::weighted(0.1)), 1..60),
        (entries, time_us, bytes) in (1..40usize, 0..500u64, 0..6000u64),
        stops in proptest::collection::vec(1..20usize, 1..6),
    ) {
        let dir = random_log(&records);
        let window = RepeatWindow { entries, time: Duration::from_micros(time_us), bytes };
        let open = |position: Option<&MergePosition>| {
            let reader = LogReader::open(dir.path()).unwrap();
            match position {
                Some(position) => Merge::resume(reader, position).unwrap(),
                None => Merge::new(reader),
            }
            .with_repeat_window(window)
        };
        let mut once = open(None);
        let whole = ids(&mut once, usize::MAX);
        prop_assert_eq!(whole.len() as u64 + once.repeats(), records.len() as u64);
        for taken in 0..=whole.len() {
            let mut first = open(None);
            ids(&mut first, taken);
            let mut second = open(Some(&first.position()));
            prop_assert_eq!(&ids(&mut second, usize::MAX), &whole[taken..], "after {}", taken);
            prop_assert_eq!(first.repeats() + second.repeats(), once.repeats());
        }
        let (mut seen, mut merge) = (Vec::new(), open(None));
        for stop in stops.iter().cycle().take(40) {
            seen.extend(ids(&mut merge, *stop));
            merge = open(Some(&merge.position()));
        }
        seen.extend(ids(&mut merge, usize::MAX));
        prop_assert_eq!(seen, whole);
    }
}
