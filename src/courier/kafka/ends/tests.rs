use super::*;

fn ends(all: &[(&str, i32, i64)]) -> Ends {
    let mut ends = Ends::default();
    all.iter().for_each(|(topic, partition, end)| ends.insert(topic, *partition, *end));
    ends
}

#[test]
fn an_offset_that_was_confirmed_before_is_noticed_and_counted_from_anew() {
    let mut all = Ends::default();
    assert!(!all.confirmed("raw", 1, 10));
    assert!(!all.confirmed("raw", 1, 11));
    assert!(!all.confirmed("raw", 2, 0));
    assert!(all.confirmed("raw", 1, 0));
    assert!(!all.confirmed("raw", 1, 1));
    assert_eq!(all, ends(&[("raw", 1, 2), ("raw", 2, 1)]));
}

#[test]
fn a_cluster_has_what_a_mark_says_if_no_partition_ends_before() {
    let mark = Ends::parse(&ends(&[("raw", 1, 5), ("raw-ios", 0, 2)]).mark().unwrap());
    assert!(mark.are_within(&ends(&[("raw", 1, 5), ("raw", 2, 0), ("raw-ios", 0, 9)])));
    assert!(!mark.are_within(&ends(&[("raw", 1, 4), ("raw-ios", 0, 9)])));
    assert!(!mark.are_within(&ends(&[("raw", 1, 5)])));
    assert!(Ends::parse("").are_within(&Ends::default()));
}

#[test]
fn marks_survive_a_restart_and_sink_with_what_was_lost() {
    let mut all = ends(&[("raw", 1, 5)]);
    all.add_missing(&ends(&[("raw", 1, 3), ("raw", 2, 7)]));
    assert_eq!(all, ends(&[("raw", 1, 5), ("raw", 2, 7)]));
    all.lower_to(&ends(&[("raw", 1, 9), ("raw", 2, 0)]));
    assert_eq!(all, ends(&[("raw", 1, 5), ("raw", 2, 0)]));
}

#[test]
fn what_was_confirmed_in_a_partition_that_is_gone_is_in_doubt_until_it_is_known_to_be_lost() {
    let mut all = ends(&[("raw", 7, 3), ("raw", 15, 2), ("raw-ios", 20, 1)]);
    assert!(!all.reach_beyond("raw", 16));
    assert!(all.reach_beyond("raw", 15));
    assert!(all.reach_beyond("raw", 8));
    assert!(!all.reach_beyond("other", 1));
    all.lower_to(&ends(&[("raw", 15, 0)]));
    assert!(!all.reach_beyond("raw", 8));
}
