use crate::log::read::merge::{MergePosition, Place};

use super::*;

fn position(places: &[(u16, u64, u64)]) -> MergePosition {
    let place = |&(core, segment, offset): &(u16, u64, u64)| (core, Place { segment, offset });
    MergePosition { log: uuid::Uuid::nil(), cores: places.iter().map(place).collect(), behind: Default::default() }
}

#[test]
fn padding_counts_as_bytes_of_the_records_before_it() {
    let page = PAGE_BYTES as u64;
    // A record of a hundred bytes in a page of its own, on each of two cores.
    let (from, to) = (position(&[(0, 7, page), (1, 8, page)]), position(&[(0, 7, 2 * page), (1, 8, 2 * page)]));
    let bytes = bytes_between(Some(&from), &to);
    assert_eq!(bytes, 2 * page);
    assert_eq!(bytes_between(None, &to), bytes);
    let mut consumed = ConsumedTotals::default();
    consumed.add(2, bytes);
    assert_eq!(share(consumed.records, 10 * page, consumed.log_bytes), 10);
    // A new segment begins behind its first page, and going back is nothing.
    assert_eq!(bytes_between(Some(&to), &position(&[(0, 9, page + 64), (1, 8, page)])), 64);
}
