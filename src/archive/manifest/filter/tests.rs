use super::*;
use crate::archive::manifest::crafted::entry;

#[test]
fn a_filter_takes_what_may_hold_what_is_looked_for_and_nothing_else() {
    let us = |hour: u64| hour * 3_600_000_000;
    let file = FileEntry {
        first_us: us(24 + 5) as i64,
        last_us: us(24 + 6) as i64 - 1,
        first_session: (3, 70),
        last_session: (3, 90),
        ..entry("batches", "1970-01-02", "05", 1)
    };
    let takes = |filter: FileFilter| filter.takes_day(&file.date) && filter.takes(&file);
    let all = FileFilter::default;
    assert!(takes(all()));
    assert!(takes(all().table("events").table("batches")) && !takes(all().table("events")));
    assert!(takes(all().from_us(us(30) - 1)) && !takes(all().from_us(us(30))) && !takes(all().from_us(us(48))));
    assert!(takes(all().until_us(us(29) + 1)) && !takes(all().until_us(us(29))) && !takes(all().until_us(us(24) - 1)));
    assert!(takes(all().day("1970-01-02")) && !takes(all().day("1970-01-03")));
    assert!(takes(all().project(3)) && !takes(all().project(4)));
    assert!(takes(all().session(90)) && !takes(all().session(91)));
    assert!(takes(all().project(3).session(70)) && !takes(all().project(2).session(70)));
    let several = FileEntry { last_session: (4, 1), ..file.clone() };
    assert!(all().session(5).takes(&several), "sorted by project first");
    assert!(!all().project(4).session(5).takes(&several));
}
