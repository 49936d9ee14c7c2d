use crate::stats::by::Property;
use crate::stats::names::NAMES_MAX;
use crate::stats::report::Report;

use super::*;

const SECOND_US: u64 = 1_000_000;
/// 2026-11-25 04:35:00 UTC.
const BEGIN_US: u64 = 1_795_581_300_000_000;

fn batch(project: u32, session: u64, second: u64, bytes: u64) -> Arrival {
    Arrival {
        project,
        session,
        received_us: BEGIN_US + second * SECOND_US,
        what: What::Batch,
        stored_bytes: bytes,
        inflated_bytes: bytes * 4,
    }
}

fn report(range: Range, by: By, arrivals: &[Arrival]) -> Report {
    let mut collector = Collector::new(range, by);
    arrivals.iter().for_each(|arrival| collector.count(arrival).unwrap());
    collector.report(10)
}

fn shown(report: &Report) -> Vec<(Option<&str>, u64, u64)> {
    let shown = |group: &crate::stats::report::Group| (group.sums.sessions, group.sums.batches);
    report.groups.iter().map(|group| (group.value.as_deref(), shown(group).0, shown(group).1)).collect()
}

#[test]
fn sums_by_project_and_hour_add_up_to_all() {
    let images = Arrival { what: What::Images, ..batch(1, 11, 20, 7) };
    let row = Arrival { what: What::Other, session: 0, ..batch(2, 0, 30, 5) };
    let arrivals =
        [batch(1, 11, 0, 100), batch(1, 11, 10, 200), images, batch(2, 22, 15, 50), row, batch(2, 22, 7_000, 70)];
    for by in [By::Project, By::Hour, By::Nothing] {
        let report = report(Range::ALL, by, &arrivals);
        let all = Sums { sessions: 2, records: 6, batches: 4, images: 1, stored_bytes: 432, inflated_bytes: 1_728 };
        assert_eq!(report.sums, all);
        let mut sum = Sums::default();
        report.groups.iter().for_each(|group| sum.add(&group.sums));
        assert!(by == By::Nothing || sum == all, "{by:?}: {sum:?}");
    }
    assert_eq!(shown(&report(Range::ALL, By::Project, &arrivals)), [(Some("1"), 1, 2), (Some("2"), 1, 2)]);
    let hours = report(Range::ALL, By::Hour, &arrivals);
    assert_eq!(shown(&hours), [(Some("2026-11-25T04:00:00Z"), 2, 3), (Some("2026-11-25T06:00:00Z"), 0, 1)]);
}

#[test]
fn gaps_are_between_batches_of_one_session_and_lengths_from_first_to_last_record() {
    let images = Arrival { what: What::Images, ..batch(1, 11, 40, 7) };
    let arrivals = [batch(1, 11, 0, 1), batch(1, 22, 3, 1), batch(1, 11, 10, 1), images, batch(1, 22, 4, 1)];
    let report = report(Range::ALL, By::Nothing, &arrivals);
    let gaps = report.batch_gap_us;
    assert_eq!((gaps.count, gaps.min, gaps.max), (2, SECOND_US, 10 * SECOND_US));
    let lengths = report.session_length_us;
    assert_eq!((lengths.count, lengths.min, lengths.max), (2, SECOND_US, 40 * SECOND_US));
    assert_eq!((report.session_batches.min, report.session_batches.max), (2, 2));
}

#[test]
fn a_batch_that_comes_late_counts_and_makes_no_gap() {
    let report = report(Range::ALL, By::Nothing, &[batch(1, 11, 10, 1), batch(1, 11, 4, 1), batch(1, 11, 12, 1)]);
    assert_eq!((report.sums.batches, report.batch_gap_us.count, report.batch_gap_us.max), (3, 1, 2 * SECOND_US));
    assert_eq!(report.session_length_us.max, 8 * SECOND_US);
}

#[test]
fn only_what_is_within_the_range_counts() {
    let arrivals = [batch(1, 11, 0, 1), batch(1, 11, 5, 1), batch(2, 22, 5, 1), batch(1, 33, 10, 1)];
    let range = Range { from_us: BEGIN_US + 5 * SECOND_US, until_us: BEGIN_US + 10 * SECOND_US, project: Some(1) };
    let report = report(range, By::Project, &arrivals);
    assert_eq!((report.sums.sessions, report.sums.batches), (1, 1));
    assert_eq!((report.first_us, report.last_us), (Some(range.from_us), Some(range.from_us)));
}

#[test]
fn a_session_is_what_its_first_start_says_wherever_that_was_found() {
    let chrome = Client { browser: "Chrome", ..Client::default() };
    let firefox = Client { browser: "Firefox", ..Client::default() };
    let mut collector = Collector::new(Range::ALL, By::Start(Property::Browser));
    // Before its first record, as in the log.
    collector.describe(11, BEGIN_US, &chrome, true).unwrap();
    // One without a record is no session.
    collector.describe(99, BEGIN_US, &chrome, true).unwrap();
    for session in [11, 22, 33] {
        collector.count(&batch(1, session, 1, 10)).unwrap();
    }
    collector.describe(22, BEGIN_US + 2, &chrome, false).unwrap();
    collector.describe(22, BEGIN_US + 1, &firefox, false).unwrap();
    collector.describe(44, BEGIN_US, &firefox, false).unwrap();
    let report = collector.report(10);
    assert_eq!(report.sums.sessions, 3);
    assert_eq!(shown(&report), [(None, 1, 1), (Some("Chrome"), 1, 1), (Some("Firefox"), 1, 1)]);
}

#[test]
fn the_largest_come_first_and_the_rest_is_summed_up() {
    let arrivals: Vec<_> = (1..=50).map(|number| batch(number, u64::from(number), 0, u64::from(number))).collect();
    let mut collector = Collector::new(Range::ALL, By::Project);
    arrivals.iter().for_each(|arrival| collector.count(arrival).unwrap());
    let report = collector.report(3);
    assert_eq!(
        report.groups.iter().map(|group| group.value.as_deref()).collect::<Vec<_>>(),
        [Some("50"), Some("49"), Some("48")]
    );
    assert_eq!((report.others.groups, report.others.sums.sessions), (47, 47));
    let largest: Vec<_> = report.largest_sessions.iter().map(|session| &*session.session_id).collect();
    assert_eq!(largest, ["50", "49", "48"]);
    assert_eq!(Collector::new(Range::ALL, By::Project).report(0).groups, []);
}

#[test]
fn whatever_clients_call_themselves_memory_is_bounded_and_nothing_is_lost() {
    let mut collector = Collector::new(Range::ALL, By::Start(Property::User));
    let sessions = NAMES_MAX as u64 + 50;
    for session in 1..=sessions {
        let user = format!("user {session}");
        collector.describe(session, BEGIN_US, &Client { user: &user, ..Client::default() }, true).unwrap();
        collector.count(&batch(1, session, 0, 1)).unwrap();
    }
    let report = collector.report(5);
    assert_eq!((report.groups.len() as u64, report.others.groups), (5, NAMES_MAX as u64 - 5 + 1));
    assert_eq!(report.others.sums.sessions, sessions - 5);
}

#[test]
fn too_many_sessions_are_an_error_and_those_that_are_known_still_count() {
    let mut collector = Collector::with_sessions_max(Range::ALL, By::Nothing, 2);
    collector.count(&batch(1, 1, 0, 1)).unwrap();
    collector.count(&batch(1, 2, 0, 1)).unwrap();
    assert_eq!(collector.count(&batch(1, 3, 0, 1)), Err(TooMany));
    collector.count(&batch(1, 2, 1, 1)).unwrap();
}
