use proptest::prelude::*;

use super::*;

const HOUR_US: u64 = 3_600_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// An hour with a file for each of these: the rows of each project, a byte each.
fn hour(at: u64, files: &[&[(u32, u64)]]) -> HourFacts {
    let file = |projects: &&[(u32, u64)]| {
        let rows = projects.iter().map(|(_, rows)| rows).sum();
        FileFacts { path: String::new(), bytes: rows, rows, projects: Some(projects.iter().copied().collect()) }
    };
    HourFacts { hour: Hour(at), received_us: Hour(at).end_us(), files: files.iter().map(file).collect() }
}

fn look<'a>(hours: &'a [HourFacts], retain: &'a Retain, earliest_h: u64) -> ArchiveLook<'a> {
    let total_bytes = hours.iter().flat_map(|hour| &hour.files).map(|file| file.bytes).sum();
    let newest = hours.last().map(|hour| hour.hour);
    ArchiveLook { hours, newest, total_bytes, retain, earliest_us: earliest_h * HOUR_US }
}

/// Hour, projects (none for all of it), reason and bytes.
fn planned(look: &ArchiveLook<'_>) -> Vec<(u64, Vec<u32>, Reason, u64)> {
    let projects = |removal: &Removal| match &removal.leaves {
        Leaves::Whole(_) => Vec::new(),
        Leaves::Projects(projects) => projects.iter().copied().collect(),
    };
    let line = |removal: &Removal| (removal.hour.0, projects(removal), removal.reason(), removal.bytes);
    plan(look).iter().map(line).collect()
}

fn days(days: u32) -> Option<Duration> {
    Some(DAY * days)
}

#[test]
fn without_settings_nothing_leaves() {
    let hours: Vec<_> = (0..50).map(|at| hour(at, &[&[(0, 1), (1, 5)]])).collect();
    let mut retain = Retain::default();
    assert_eq!(planned(&look(&hours, &retain, u64::MAX / HOUR_US)), []);
    retain.projects = [(1, None)].into();
    assert!(retain.is_for_ever());
    assert_eq!(planned(&look(&hours, &retain, u64::MAX / HOUR_US)), []);
}

#[test]
fn an_hour_leaves_when_its_age_has_ended_by_the_earliest_that_it_may_be() {
    let hours = [hour(10, &[&[(1, 5)], &[(1, 2)]]), hour(11, &[&[(1, 5)]]), hour(12, &[&[(1, 1)]])];
    let retain = Retain { age: days(1), ..Retain::default() };
    assert_eq!(planned(&look(&hours, &retain, 34)), []);
    assert_eq!(planned(&look(&hours, &retain, 35)), [(10, vec![], Reason::Age, 7)]);
    assert_eq!(planned(&look(&hours, &retain, 36)), [(10, vec![], Reason::Age, 7), (11, vec![], Reason::Age, 5)]);
    // Received later than its hour says, or earlier: the clock was off.
    let mut off = hours.clone();
    off[0].received_us = 30 * HOUR_US;
    off[2].received_us = 3 * HOUR_US;
    assert_eq!(planned(&look(&off, &retain, 36)), [(11, vec![], Reason::Age, 5), (12, vec![], Reason::Age, 1)]);
}

#[test]
fn each_project_leaves_at_its_own_age_and_the_hour_with_the_last() {
    let all: &[&[(u32, u64)]] = &[&[(1, 10), (7, 30)], &[(7, 5)], &[(1, 8)]];
    let hours = [hour(0, all), hour(1000, &[&[(1, 1)]])];
    let mut retain = Retain { age: days(30), bytes: None, projects: [(7, days(3))].into() };
    let at = |retain: &Retain, day: u64| planned(&look(&hours, retain, day * 24 + 1));
    assert_eq!(at(&retain, 2), []);
    assert_eq!(at(&retain, 3), [(0, vec![7], Reason::ProjectAge, 35)]);
    assert_eq!(at(&retain, 30), [(0, vec![], Reason::ProjectAge, 53)]);
    // Longer than the others, and for ever.
    retain.projects = [(7, days(90))].into();
    assert_eq!(at(&retain, 30), [(0, vec![1], Reason::ProjectAge, 18)]);
    retain.projects = [(7, None)].into();
    assert_eq!(at(&retain, 40), [(0, vec![1], Reason::ProjectAge, 18)]);
    // No age but a project's.
    retain = Retain { projects: [(7, days(3))].into(), ..Retain::default() };
    assert_eq!(at(&retain, 40), [(0, vec![7], Reason::ProjectAge, 35)]);
}

#[test]
fn rows_of_no_project_and_files_that_cannot_be_read_stay_as_long_as_any() {
    let mut hours = [hour(0, &[&[(0, 4), (1, 6)], &[(1, 2)]]), hour(1000, &[&[(1, 1)]])];
    let mut retain = Retain { age: days(1), bytes: None, projects: [(7, days(10))].into() };
    let at = |hours: &[HourFacts], retain: &Retain, day: u64| planned(&look(hours, retain, day * 24 + 1));
    assert_eq!(at(&hours, &retain, 9), [(0, vec![1], Reason::ProjectAge, 8)]);
    assert_eq!(at(&hours, &retain, 10), [(0, vec![], Reason::Age, 12)]);
    hours[0].files[0].projects = None;
    assert_eq!(at(&hours, &retain, 9), [(0, vec![1], Reason::ProjectAge, 2)]);
    assert_eq!(at(&hours, &retain, 10), [(0, vec![], Reason::Age, 12)]);
    retain.projects = [(7, None)].into();
    assert_eq!(at(&hours, &retain, 40), [(0, vec![1], Reason::ProjectAge, 2)]);
}

#[test]
fn the_oldest_hours_leave_until_the_archive_is_within_its_size_and_the_newest_stays() {
    let hours = [hour(1, &[&[(1, 10)]]), hour(2, &[&[(1, 20)], &[(2, 20)]]), hour(3, &[&[(1, 30)]])];
    let with = |bytes| Retain { bytes: Some(bytes), ..Retain::default() };
    let gone = |bytes: u64| planned(&look(&hours, &with(bytes), 0)).iter().map(|gone| gone.0).collect::<Vec<_>>();
    assert_eq!(gone(80), [0; 0]);
    assert_eq!(gone(79), [1]);
    assert_eq!(gone(69), [1, 2]);
    assert_eq!(gone(0), [1, 2], "the newest stays");
    // What leaves by age counts, and does not leave twice.
    let retain = Retain { age: days(1), ..with(40) };
    let expected = [(1, vec![], Reason::Age, 10), (2, vec![], Reason::Bytes, 40)];
    assert_eq!(planned(&look(&hours, &retain, 26)), expected);
    let retain = Retain { projects: [(2, days(1))].into(), ..with(45) };
    let expected =
        [(2, vec![2], Reason::ProjectAge, 20), (1, vec![], Reason::Bytes, 10), (2, vec![], Reason::Bytes, 20)];
    assert_eq!(planned(&look(&hours, &retain, 27)), expected);
}

#[test]
fn what_stays_says_why() {
    let hours = [hour(0, &[&[(1, 1), (7, 1)]]), hour(48, &[&[(1, 1)]]), hour(100, &[&[(1, 1)]])];
    let why = |retain: &Retain, earliest_h: u64, latest_h: u64| -> Vec<Option<Why>> {
        let look = look(&hours, retain, earliest_h);
        let plan = plan(&look);
        hours.iter().map(|hour| why_stays(&look, hour, &plan, latest_h * HOUR_US)).collect()
    };
    let mut retain = Retain::default();
    assert_eq!(why(&retain, 101, 101), vec![Some(Why::ForEver(None)); 3]);
    retain.age = days(3);
    let young = |hours: u64| Some(Why::Young(hours * HOUR_US));
    assert_eq!(why(&retain, 101, 101), [None, young(121), young(173)]);
    assert_eq!(why(&retain, 50, 101), [Some(Why::Clock), young(121), young(173)], "the clock is not believed");
    retain.projects = [(7, None)].into();
    assert_eq!(why(&retain, 101, 101), [Some(Why::ForEver(Some(7))), young(121), young(173)], "the rest of an hour");
    retain.projects = [(7, days(5))].into();
    assert_eq!(why(&retain, 101, 101), [young(121), young(121), young(173)]);
}

fn an_age() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((0_u64..60).prop_map(|hours| Duration::from_secs(hours * 3600)))
}

prop_compose! {
    fn an_hour(at: u64)(
        files in prop::collection::vec(
            prop::option::weighted(0.9, prop::collection::btree_map(0_u32..4, 1_u64..50, 1..4)),
            1..4,
        ),
        off in prop::option::weighted(0.1, 0_u64..60),
    ) -> HourFacts {
        let file = |projects: Option<BTreeMap<u32, u64>>| {
            let rows = projects.as_ref().map_or(10, |projects| projects.values().sum());
            FileFacts { path: String::new(), bytes: 3 * rows, rows, projects }
        };
        let received_us = off.map_or(Hour(at).end_us(), |off| off * HOUR_US);
        HourFacts { hour: Hour(at), received_us, files: files.into_iter().map(file).collect() }
    }
}

prop_compose! {
    fn a_case()(
        hours in (0_u64..12).prop_flat_map(|count| (0..count).map(an_hour).collect::<Vec<_>>()),
        age in an_age(),
        bytes in prop::option::of(0_u64..1_000),
        projects in prop::collection::btree_map(0_u32..4, an_age(), 0..4),
        earliest_h in 0_u64..80,
    ) -> (Vec<HourFacts>, Retain, u64) {
        (hours, Retain { age, bytes, projects }, earliest_h)
    }
}

/// The age that rows of a project have a right to.
fn right(retain: &Retain, project: u32) -> Duration {
    let ever = |age: Option<Duration>| age.unwrap_or(Duration::MAX);
    match retain.projects.get(&project) {
        _ if project == 0 => {
            retain.projects.values().copied().chain([retain.age]).map(ever).max().unwrap_or(Duration::MAX)
        }
        Some(own) => ever(*own),
        None => ever(retain.age),
    }
}

proptest! {
    #[test]
    fn no_row_leaves_before_its_time_or_without_need((hours, retain, earliest_h) in a_case()) {
        let look = look(&hours, &retain, earliest_h);
        let removals = plan(&look);
        let mut left = look.total_bytes;
        for removal in &removals {
            let hour = hours.iter().find(|hour| hour.hour == removal.hour).unwrap();
            let gone: BTreeSet<u32> = match &removal.leaves {
                Leaves::Whole(Reason::Bytes) => {
                    prop_assert!(left > retain.bytes.unwrap() && Some(hour.hour) != look.newest);
                    BTreeSet::new()
                }
                Leaves::Whole(_) => hour.projects(),
                Leaves::Projects(projects) => projects.clone(),
            };
            for project in gone {
                let age = right(&retain, project);
                prop_assert!(age < Duration::MAX && hour.received_us + age.as_micros() as u64 <= look.earliest_us);
            }
            prop_assert!(removal.bytes <= left);
            left -= removal.bytes;
        }
        // Each hour leaves once as a whole, and what is due has left.
        let whole = |hour: &HourFacts| {
            removals.iter().filter(|removal| removal.hour == hour.hour && removal.is_whole()).count()
        };
        for hour in hours.iter().filter(|hour| whole(hour) != 1) {
            prop_assert!(whole(hour) == 0);
            let why = why_stays(&look, hour, &removals, look.earliest_us);
            let is_known = hour.files.iter().all(|file| file.projects.is_some());
            prop_assert!(!matches!(why, None | Some(Why::Clock)) || !is_known, "{why:?}");
        }
        if let Some(cap) = retain.bytes {
            prop_assert!(left <= cap || hours.iter().rev().skip(1).all(|hour| whole(hour) == 1));
        }
    }

    /// The server looks only at hours that are due: it does the same.
    #[test]
    fn hours_that_are_not_due_change_nothing((hours, retain, earliest_h) in a_case()) {
        let retain = Retain { bytes: None, ..retain };
        let all = look(&hours, &retain, earliest_h);
        let mut due = hours.clone();
        due.retain(|hour| first_us(&retain, hour.received_us).is_some_and(|first_us| first_us <= all.earliest_us));
        prop_assert_eq!(plan(&ArchiveLook { hours: &due, ..all }), plan(&all));
        // And nothing more is due before `next_us` says so.
        let next = hours.iter().filter_map(|hour| next_us(hour, &retain, all.earliest_us)).min();
        let before = next.map_or(u64::MAX, |next_us| next_us - 1).max(all.earliest_us);
        prop_assert_eq!(plan(&ArchiveLook { earliest_us: before, ..all }), plan(&all));
    }
}
