use std::collections::BTreeMap;

use super::*;
use crate::tracker::captured::{Upload, uploads};
use crate::tracker::split_parts;

pub(super) fn add(batches: &mut Batches, upload: &Upload) {
    let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
    for part in [Some(first), second].into_iter().flatten() {
        batches.add(part, upload.era, upload.number).unwrap();
    }
}

pub(super) fn batches<'a>(uploads: impl IntoIterator<Item = &'a Upload>) -> Batches {
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    uploads.into_iter().for_each(|upload| add(&mut batches, upload));
    batches
}

pub(super) fn rest(ordered: &mut Ordered, until_ms: i64) -> Vec<Told> {
    std::iter::from_fn(|| ordered.next_told_until(until_ms).unwrap()).collect()
}

/// The uploads of each session that real trackers have sent, by file and session.
pub(super) fn captured() -> BTreeMap<(String, String), Vec<Upload>> {
    let mut sessions: BTreeMap<_, Vec<Upload>> = BTreeMap::new();
    for upload in uploads() {
        sessions.entry((upload.file.clone(), upload.session.clone())).or_default().push(upload);
    }
    sessions
}

#[test]
fn what_is_added_after_the_beginning_was_read_comes_in_order() {
    let mut cut = 0;
    for (name, uploads) in &captured() {
        let whole = rest(&mut batches(uploads).in_order(), i64::MAX);
        let last_ms = whole.last().map_or(i64::MAX, |told| told.at_ms);
        let Some(first_ms) = batches(uploads).in_order().next_ms() else { continue };
        assert!(batches(uploads).span_ms() <= last_ms - first_ms, "{name:?}");
        for beginning_ms in [0, 3_000, 10_000] {
            let until_ms = first_ms + beginning_ms;
            let is_late = |upload: &Upload| batches([upload]).in_order().next_ms().is_none_or(|at_ms| at_ms > until_ms);
            // The first of the others, too: it may be younger than what is added then.
            let some = uploads.len() - uploads.iter().rev().take_while(|upload| is_late(upload)).count() + 1;
            let (early, late) = uploads.split_at(some.min(uploads.len()));
            let mut ordered = batches(early).in_order();
            let mut told = rest(&mut ordered, until_ms);
            assert!(told.iter().all(|told| told.at_ms <= until_ms), "{name:?}: {beginning_ms} ms");
            cut += usize::from(!told.is_empty() && told.len() < whole.len());
            late.iter().for_each(|upload| add(ordered.batches(), upload));
            told.extend(rest(&mut ordered, i64::MAX));
            assert!(told == whole, "{name:?}: {beginning_ms} ms: {} of {}", told.len(), whole.len());
        }
    }
    assert!(cut > 40, "{cut} sessions were cut");
}

/// A batch of the page's number, with these messages: their ids, and their bytes.
fn batch(page: u64, at_ms: u64, messages: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Vec<u8> {
    let number = |value| {
        let mut bytes = Vec::new();
        crate::tracker::write_uint(&mut bytes, value);
        bytes
    };
    // Its metadata: version, page, first index, time as a signed number, address.
    let mut bytes = [vec![81], number(1), number(page), number(0)].concat();
    crate::tracker::write_int(&mut bytes, at_ms as i64);
    crate::tracker::write_string(&mut bytes, b"");
    for (id, body) in messages {
        bytes.extend([number(id), (body.len() as u32).to_le_bytes()[..3].to_vec(), body].concat());
    }
    bytes
}

/// `SetPageVisibility`, one of the shortest.
const HIDDEN: (u64, [u8; 1]) = (55, [1]);

#[test]
fn of_a_batch_that_is_read_ahead_no_message_is_read_before_its_turn() {
    let many = batch(1, 1_000, (0..10_000).map(|_| (HIDDEN.0, HIDDEN.1.to_vec())));
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    batches.add(&many, Era::Main, None).unwrap();
    let mut ordered = batches.in_order();
    for told in 0..100 {
        assert!(ordered.next_told().unwrap().is_some());
        let open = ordered.queues[0].open.peek().unwrap();
        assert!(open.read_bytes() < 64 + 5 * (told + 2), "{} bytes after {told} messages", open.read_bytes());
        // What is charged is what is held.
        assert_eq!(ordered.loaded_bytes, open.bytes());
    }
    assert_eq!(rest(&mut ordered, i64::MAX).len(), 2 * 10_000 - 100, "each says two things");
    assert_eq!(ordered.loaded_bytes, 0);
}

#[test]
fn a_batch_costs_more_than_its_bytes_so_that_many_small_ones_are_not_all_read_ahead() {
    let mut batches = Batches::new(tempfile::tempfile().unwrap()).with_read_ahead(20_000);
    for page in 1..200 {
        let mut later = Vec::new();
        crate::tracker::write_uint(&mut later, 2_000);
        let messages = [(HIDDEN.0, HIDDEN.1.to_vec()), (0, later), (HIDDEN.0, HIDDEN.1.to_vec())];
        batches.add(&batch(page, 1_000, messages), Era::Main, None).unwrap();
    }
    let mut ordered = batches.in_order();
    let mut told = 0;
    while ordered.next_told().unwrap().is_some() {
        told += 1;
        assert!(ordered.loaded_bytes <= 20_000 + 2_000, "{}", ordered.loaded_bytes);
        assert!(ordered.queues.iter().map(|queue| queue.open.len()).sum::<usize>() < 22);
    }
    assert_eq!(told, 199 * 4);
}

#[test]
fn a_long_name_of_a_tab_does_not_stand_with_each_of_its_messages() {
    let mut name = Vec::new();
    crate::tracker::write_string(&mut name, "é".repeat(5_000).as_bytes());
    let named = batch(1, 1_000, [(118, name), (HIDDEN.0, HIDDEN.1.to_vec())]);
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    batches.add(&named, Era::Main, None).unwrap();
    let told = rest(&mut batches.in_order(), i64::MAX);
    assert!(told.iter().all(|told| (200..=256).contains(&told.tab.len())), "{}", told[0].tab.len());
}

/// The times of what a batch tells that begins at 1,000 s and has these times.
fn times_of(times: impl IntoIterator<Item = u64>) -> Vec<i64> {
    let messages = times.into_iter().flat_map(|at_ms| {
        let mut time = Vec::new();
        crate::tracker::write_uint(&mut time, at_ms);
        [(0, time), (HIDDEN.0, HIDDEN.1.to_vec())]
    });
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    batches.add(&batch(1, 1_000_000, messages), Era::Main, None).unwrap();
    // Each message says two things.
    rest(&mut batches.in_order(), i64::MAX).iter().step_by(2).map(|told| told.at_ms).collect()
}

#[test]
fn a_leap_of_the_clock_that_the_batch_takes_back_moves_nothing() {
    let day = 86_400_000;
    assert_eq!(times_of([1_000_100, day, 1_000_200]), [1_000_100, 1_000_100, 1_000_200]);
    assert_eq!(times_of([1 << 52, day, 1 << 52, 1_000_200]), [1_000_000, 1_000_000, 1_000_000, 1_000_200]);
    // One that stays is one of the visitor's: the machine slept.
    assert_eq!(times_of([1_000_100, day, day + 100]), [1_000_100, 86_400_000, 86_400_100]);
    // A clock that is set back takes nothing back.
    assert_eq!(times_of([1_000_100, 2_000_000, 900_000, 900_100]), [1_000_100, 2_000_000, 2_000_000, 2_000_000]);
    assert_eq!(times_of([1_000_100, 1_030_000, 1_020_000]), [1_000_100, 1_030_000, 1_030_000], "a small step");
}

#[test]
fn a_batch_of_nothing_but_leaps_is_not_read_again_and_again() {
    let began = std::time::Instant::now();
    let leaps = (1..60_000_u64).flat_map(|number| [2_000_000 + 100_000 * number, 1_000_100]);
    assert_eq!(times_of(leaps).len(), 2 * 59_999);
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

/// The times and tabs of the gaps that these batches of a page tell, in the order of their arrival: their numbers are their times too.
fn gaps_of(numbers: &[u32]) -> Vec<(i64, String)> {
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    for number in numbers {
        let mut name = Vec::new();
        crate::tracker::write_string(&mut name, b"tab");
        let bytes = batch(1, u64::from(*number), [(118, name), (HIDDEN.0, HIDDEN.1.to_vec())]);
        batches.add(&bytes, Era::Main, Some(*number)).unwrap();
    }
    let gaps = rest(&mut batches.in_order(), i64::MAX).into_iter().filter(|told| told.what == What::Gap);
    gaps.map(|told| (told.at_ms, told.tab.to_string())).collect()
}

#[test]
fn a_missing_batch_is_a_gap_also_if_it_was_the_first_of_its_page() {
    let at = |times: &[i64]| times.iter().map(|at_ms| (*at_ms, "tab".to_owned())).collect::<Vec<_>>();
    assert_eq!(gaps_of(&[2, 3, 5]), at(&[2, 5]));
    assert_eq!(gaps_of(&[7, 8]), at(&[7]), "what is read from its middle on");
    assert_eq!(gaps_of(&[1, 2, 3]), at(&[]));
    assert_eq!(gaps_of(&[3, 1, 2]), at(&[]), "whatever the order of their arrival");
    assert_eq!(gaps_of(&[1, 1, 4, 4]), at(&[4]), "once for a batch that came twice");
    assert_eq!(gaps_of(&[0, u32::MAX]), at(&[i64::from(u32::MAX)]));
}

#[test]
fn a_gap_is_told_once_for_a_batch_in_two_parts_and_not_again_when_more_comes() {
    let whole = |number: u32| batch(1, u64::from(number), [(HIDDEN.0, HIDDEN.1.to_vec())]);
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    for _ in ["what is seen", "style"] {
        batches.add(&whole(3), Era::Main, Some(3)).unwrap();
    }
    let mut ordered = batches.in_order();
    let is_gap = |told: &Told| told.what == What::Gap;
    assert_eq!(rest(&mut ordered, i64::MAX).iter().filter(|told| is_gap(told)).count(), 1);
    ordered.batches().add(&whole(3), Era::Main, Some(3)).unwrap();
    ordered.batches().add(&whole(4), Era::Main, Some(4)).unwrap();
    assert_eq!(rest(&mut ordered, i64::MAX).iter().filter(|told| is_gap(told)).count(), 0);
}

#[test]
fn no_tracker_that_lost_nothing_seems_to_have_lost_its_first_batch() {
    let mut first: BTreeMap<_, u32> = BTreeMap::new();
    for upload in uploads() {
        let Some(number) = upload.number else { continue };
        let mut reader = read_batch(&upload.bytes, upload.era);
        let _ = reader.next();
        let page = reader.meta().unwrap().page;
        let least = first.entry((upload.file, upload.session, page)).or_insert(number);
        *least = number.min(*least);
    }
    assert!(first.len() > 40 && first.values().all(|number| *number == 1), "{first:?}");
}
