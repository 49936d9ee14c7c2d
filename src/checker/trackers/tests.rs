use super::*;

#[test]
fn versions_and_pairs_are_bounded() {
    let mut trackers = Trackers::default();
    for n in 0..1000 {
        trackers.number(&format!("18.0.{n}"));
    }
    assert_eq!(trackers.versions.len(), VERSIONS_MAX);
    assert_eq!(trackers.number("19.0.0"), 1);
    assert_eq!(trackers.number("a label\"} 1\n"), 1);
    assert_eq!(trackers.number("18.0.3"), 5);
    let tally = TrackerCounts::default();
    for project in 0..1000 {
        tally.count(project, "18.0.6", project % 2 == 0);
    }
    let read = tally.read();
    assert_eq!(read.len(), PAIRS_MAX + 1);
    assert_eq!(read.iter().map(|(.., all, _)| all).sum::<u64>(), 1000);
    assert_eq!(read.iter().map(|(.., broken)| broken).sum::<u64>(), 500);
}

#[test]
fn sessions_are_bounded_and_the_last_met_stay() {
    let mut trackers = Trackers { sessions_max: 10, ..Trackers::default() };
    for session in 0..1000 {
        trackers.insert(session, (7, 1));
        assert!(trackers.young.len() + trackers.old.len() <= 20);
    }
    assert!(trackers.young.contains_key(&999));
}
