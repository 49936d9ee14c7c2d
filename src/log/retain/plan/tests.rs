use proptest::prelude::*;
use uuid::Uuid;

use crate::log::format::position::Place;

use super::*;

const SECOND: u64 = 1_000_000;

fn sealed(core: u16, id: u64) -> Sealed {
    let facts = Facts { last_us: id + 5, received_us: id + 5, records: 3, projects: Some(Box::new([1])) };
    Sealed { core, id, bytes: 100, facts: Some(facts) }
}

fn at(places: &[(u16, u64, u64)]) -> Option<MergePosition> {
    let place = |&(core, segment, offset): &(u16, u64, u64)| (core, Place { segment, offset });
    Some(MergePosition { log: Uuid::nil(), cores: places.iter().map(place).collect(), behind: BTreeMap::new() })
}

/// A log that nothing is deleted of: no settings, no consumers, all its segments old.
#[derive(Debug)]
struct Case {
    segments: Vec<Sealed>,
    holding: Vec<Option<MergePosition>>,
    retain: Retain,
    full_disk: FullDisk,
    missing_bytes: u64,
    now_us: u64,
}

impl Case {
    fn new(segments: Vec<Sealed>) -> Case {
        let (retain, full_disk) = (Retain::default(), FullDisk::Hold);
        Case { segments, holding: Vec::new(), retain, full_disk, missing_bytes: 0, now_us: 1_000 * SECOND }
    }

    fn look(&self) -> Look<'_> {
        Look {
            segments: &self.segments,
            other_bytes: 50,
            holding: &self.holding,
            retain: &self.retain,
            full_disk: self.full_disk,
            missing_bytes: self.missing_bytes,
            now_us: self.now_us,
            earliest_us: self.now_us,
        }
    }

    fn plan(&self) -> Vec<(u16, u64, Reason)> {
        plan(&self.look()).into_iter().map(|deletion| (deletion.core, deletion.id, deletion.reason)).collect()
    }
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn age_is_counted_from_when_records_were_received_to_the_earliest_that_it_may_be() {
    let mut segments: Vec<Sealed> = (1..=3).map(|id| sealed(0, id * 100 * SECOND)).collect();
    // The first was received later than order time says, the second long before.
    segments[0].facts.as_mut().unwrap().received_us = 950 * SECOND;
    segments[1].facts.as_mut().unwrap().received_us = 10 * SECOND;
    let mut case = Case { retain: Retain { age: seconds(900), ..Retain::default() }, ..Case::new(segments) };
    assert_eq!(case.plan(), [(0, 200 * SECOND, Reason::Age)]);
    let look = Look { earliest_us: 900 * SECOND, ..case.look() };
    assert_eq!((plan(&look), held_by_clock(&look, 1_000 * SECOND)), (vec![], 1));
    // A size is no matter of time.
    case.retain.bytes = Some(0);
    assert_eq!(plan(&Look { earliest_us: 0, ..case.look() }).len(), 2);
}

#[test]
fn without_settings_and_consumers_nothing_is_deleted() {
    let case = Case::new((1..50).map(|id| sealed(0, id)).collect());
    assert_eq!(case.plan(), []);
    assert_eq!(held_bytes(&case.look()), 0);
}

#[test]
fn segments_go_by_age_oldest_first_and_the_newest_of_the_log_stays() {
    let mut case = Case::new(vec![sealed(1, 300 * SECOND), sealed(0, 100 * SECOND), sealed(0, 200 * SECOND)]);
    case.retain.age = seconds(600);
    assert_eq!(case.plan(), [(0, 100 * SECOND, Reason::Age), (0, 200 * SECOND, Reason::Age)]);
    case.retain.age = seconds(850);
    assert_eq!(case.plan(), [(0, 100 * SECOND, Reason::Age)]);
    case.segments.push(sealed(2, 999 * SECOND));
    case.retain.age = seconds(1);
    assert_eq!(case.plan().len(), 3, "a newer one tells the time now, also of another core");
}

#[test]
fn the_clock_of_the_next_start_is_not_deleted() {
    let mut case = Case::new(vec![sealed(0, 10), sealed(0, 20), sealed(1, 30)]);
    (case.full_disk, case.missing_bytes) = (FullDisk::DropOldest, u64::MAX);
    assert_eq!(case.plan(), [(0, 10, Reason::FullDisk), (0, 20, Reason::FullDisk)]);
    case.segments[1].facts = None;
    assert_eq!(case.plan(), [(0, 10, Reason::FullDisk)], "the newest of core 0 is not known, so it may be the newest");
    case.segments[2].facts.as_mut().unwrap().last_us = u64::MAX;
    assert_eq!(case.plan(), [(0, 10, Reason::FullDisk)], "a time far ahead is no time");
}

#[test]
fn the_log_is_kept_within_its_size() {
    let mut case = Case::new((1..=10).map(|id| sealed((id % 2) as u16, id)).collect());
    case.retain.bytes = Some(750);
    let gone: Vec<u64> = case.plan().iter().map(|&(_, id, _)| id).collect();
    assert_eq!(gone, [1, 2, 3], "1,000 sealed and 50 other bytes");
    case.holding.push(at(&[(0, 100, 0), (1, 3, 0)]));
    let gone: Vec<u64> = case.plan().iter().map(|&(_, id, _)| id).collect();
    assert_eq!(gone, [1, 2, 4], "what is held is left out");
    case.retain.bytes = Some(0);
    case.holding.clear();
    assert_eq!(case.plan().len(), 9);
}

#[test]
fn a_project_may_be_kept_for_a_shorter_or_longer_time() {
    let with = |id: u64, projects: Option<&[u32]>| {
        let mut segment = sealed(0, id * SECOND);
        segment.facts.as_mut().unwrap().projects = projects.map(Box::from);
        segment
    };
    let mut case = Case::new(vec![
        with(1, Some(&[7])),
        with(2, Some(&[7, 8])),
        with(3, Some(&[8])),
        with(4, Some(&[7, 9])),
        with(5, None),
        with(6, Some(&[])),
        with(999, Some(&[1])),
    ]);
    case.retain.projects = [(7, seconds(10)), (8, seconds(500)), (9, None)].into();
    let gone = |case: &Case| case.plan().into_iter().map(|(_, id, why)| (id / SECOND, why)).collect::<Vec<_>>();
    use Reason::{Age, ProjectAge};
    assert_eq!(gone(&case), [(1, ProjectAge), (2, ProjectAge), (3, ProjectAge)]);
    case.now_us = 400 * SECOND;
    assert_eq!(gone(&case), [(1, ProjectAge)], "the longest of its ages counts");
    case.retain.age = seconds(100);
    assert_eq!(gone(&case), [(1, ProjectAge), (6, Age)]);
    case.now_us = 1_000 * SECOND;
    assert_eq!(
        gone(&case),
        [(1, ProjectAge), (2, ProjectAge), (3, ProjectAge), (6, Age)],
        "unknown records may be 9's"
    );
    case.retain.projects.remove(&9);
    assert_eq!(gone(&case), [(1, ProjectAge), (2, ProjectAge), (3, ProjectAge), (4, ProjectAge), (5, Age), (6, Age)]);
}

#[test]
fn a_nearly_full_disk_drops_what_the_policy_says() {
    let mut case = Case::new((1..=5).map(|id| sealed(0, id)).collect());
    case.missing_bytes = 350;
    case.holding = vec![at(&[(0, 3, 99)]), at(&[(0, 9, 0)])];
    let gone = |case: &Case| case.plan().into_iter().map(|(_, id, why)| (id, why)).collect::<Vec<_>>();
    use Reason::{FullDisk as Full, Undelivered};
    assert_eq!(gone(&case), []);
    case.full_disk = FullDisk::DropDelivered;
    assert_eq!(gone(&case), [(1, Full), (2, Full)]);
    case.full_disk = FullDisk::DropOldest;
    assert_eq!(gone(&case), [(1, Full), (2, Full), (3, Undelivered), (4, Undelivered)]);
    case.missing_bytes = 150;
    assert_eq!(gone(&case), [(1, Full), (2, Full)]);
    case.missing_bytes = 0;
    assert_eq!(gone(&case), []);
    case.missing_bytes = 150;
    case.holding.clear();
    assert_eq!(gone(&case), [(1, Full), (2, Full)]);
    case.full_disk = FullDisk::DropDelivered;
    assert_eq!(gone(&case), [], "without a consumer nothing was delivered");
    case.holding = vec![None];
    assert_eq!(gone(&case), [], "a cursor that can't be believed holds everything");
}

#[test]
fn a_segment_without_a_sidecar_is_in_doubt() {
    let mut case = Case::new(vec![sealed(0, 1), sealed(0, 2)]);
    case.segments[0].facts = None;
    case.retain = Retain { age: seconds(1), bytes: Some(0), projects: BTreeMap::new() };
    (case.full_disk, case.missing_bytes) = (FullDisk::DropDelivered, 1_000);
    case.holding = vec![at(&[(0, 9, 0)])];
    assert_eq!(case.plan(), []);
    case.full_disk = FullDisk::DropOldest;
    assert_eq!(case.plan(), [(0, 1, Reason::FullDisk)]);
}

prop_compose! {
    fn a_segment()(
        core in 0_u16..4,
        id in 1_u64..40,
        bytes in 1_u64..200,
        span in 0_u64..5,
        known in prop::bool::weighted(0.9),
        projects in prop::option::weighted(0.8, prop::collection::vec(0_u32..4, 0..3)),
    ) -> Sealed {
        let projects = projects.map(Vec::into_boxed_slice);
        let facts = Facts { last_us: (id + span) * SECOND, received_us: (id + span) * SECOND, records: 1, projects };
        Sealed { core, id: id * SECOND, bytes, facts: known.then_some(facts) }
    }
}

fn an_age() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((0_u64..50).prop_map(Duration::from_secs))
}

prop_compose! {
    fn a_position()(places in prop::collection::btree_map(0_u16..4, (0_u64..45, 0_u64..200), 0..4)) -> MergePosition {
        let place = |(core, (segment, offset))| (core, Place { segment: segment * SECOND, offset });
        MergePosition { log: Uuid::nil(), cores: places.into_iter().map(place).collect(), behind: BTreeMap::new() }
    }
}

prop_compose! {
    fn a_case()(
        segments in prop::collection::vec(a_segment(), 0..30),
        holding in prop::collection::vec(prop::option::weighted(0.9, a_position()), 0..4),
        age in an_age(),
        cap in prop::option::of(0_u64..3_000),
        projects in prop::collection::btree_map(0_u32..4, an_age(), 0..3),
        full_disk in prop::sample::select(vec![FullDisk::Hold, FullDisk::DropDelivered, FullDisk::DropOldest]),
        missing_bytes in prop::sample::select(vec![0, 1, 300, 5_000]),
        now_s in 0_u64..60,
    ) -> Case {
        let mut segments = segments;
        segments.sort_by_key(|segment: &Sealed| (segment.core, segment.id));
        segments.dedup_by_key(|segment| (segment.core, segment.id));
        let retain = Retain { age, bytes: cap, projects };
        Case { segments, holding, retain, full_disk, missing_bytes, now_us: now_s * SECOND }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_holding_consumer_has_not_passed_is_deleted(case in a_case()) {
        for deletion in plan(&case.look()) {
            // Said anew, and not by the code that decides.
            let passed = case.holding.iter().all(|position| position.as_ref().is_some_and(|position| {
                position.cores.get(&deletion.core).is_some_and(|place| {
                    place.segment > deletion.id || place.segment == deletion.id && place.offset >= deletion.bytes
                })
            }));
            match deletion.reason {
                Reason::Undelivered => prop_assert!(!passed && case.full_disk == FullDisk::DropOldest),
                _ => prop_assert!(passed, "{deletion:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_deleted_before_its_time_or_without_need(case in a_case()) {
        let deletions = plan(&case.look());
        let total: u64 = case.segments.iter().map(|segment| segment.bytes).sum::<u64>() + 50;
        let mut freed = 0;
        for deletion in &deletions {
            let found = case.segments.iter().find(|s| (s.core, s.id) == (deletion.core, deletion.id));
            let segment = found.expect("only what is there");
            let ages: Vec<Option<Duration>> = match segment.facts.as_ref().and_then(|facts| facts.projects.as_deref()) {
                Some([]) => vec![case.retain.age],
                Some(some) => some.iter().map(|p| *case.retain.projects.get(p).unwrap_or(&case.retain.age)).collect(),
                None => case.retain.projects.values().copied().chain([case.retain.age]).collect(),
            };
            let last_us = segment.facts.as_ref().map(|facts| facts.last_us);
            match deletion.reason {
                // Nobody told of an archive.
                Reason::Archived => prop_assert!(false),
                Reason::Age | Reason::ProjectAge => {
                    let longest = ages.iter().map(|age| age.expect("for ever")).max().expect("one at least");
                    prop_assert!(last_us.expect("known") + longest.as_micros() as u64 <= case.now_us);
                }
                Reason::Bytes => {
                    prop_assert!(total - freed > case.retain.bytes.expect("a cap") && last_us.is_some());
                }
                Reason::FullDisk | Reason::Undelivered => {
                    prop_assert!(freed < case.missing_bytes && case.full_disk != FullDisk::Hold);
                }
            }
            freed += deletion.bytes;
        }
        let mut once: Vec<_> = deletions.iter().map(|deletion| (deletion.core, deletion.id)).collect();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), deletions.len());
    }

    #[test]
    fn a_new_clock_never_begins_behind_what_was_deleted(case in a_case()) {
        let deletions = plan(&case.look());
        let is_gone = |s: &Sealed| deletions.iter().any(|deletion| (s.core, s.id) == (deletion.core, deletion.id));
        // What recovery would find: the newest of each core, whose records it reads where no sidecar tells.
        let newest = |segments: &[&Sealed]| {
            let mut of_cores: BTreeMap<u16, &Sealed> = BTreeMap::new();
            of_cores.extend(segments.iter().map(|&segment| (segment.core, segment)));
            let unknown = of_cores.values().any(|segment| segment.facts.is_none());
            (unknown, of_cores.values().filter_map(|segment| Some(segment.facts.as_ref()?.last_us)).max())
        };
        let before: Vec<&Sealed> = case.segments.iter().collect();
        let after: Vec<&Sealed> = case.segments.iter().filter(|segment| !is_gone(segment)).collect();
        let (before, after) = (newest(&before), newest(&after));
        prop_assert!(after.1 >= before.1 && after.0 >= before.0, "{before:?} {after:?}");
    }

    #[test]
    fn a_cap_and_a_full_disk_are_met_as_far_as_the_rules_allow(case in a_case()) {
        let deletions = plan(&case.look());
        let freed: u64 = deletions.iter().map(|deletion| deletion.bytes).sum();
        let total: u64 = case.segments.iter().map(|segment| segment.bytes).sum::<u64>() + 50;
        let is_gone = |s: &Sealed| deletions.iter().any(|deletion| (s.core, s.id) == (deletion.core, deletion.id));
        let look = case.look();
        let mut order: Vec<&Sealed> = case.segments.iter().collect();
        order.sort_unstable_by_key(|segment| (segment.id, segment.core));
        let clock = tells_the_time(&order, case.now_us);
        let free = |s: &&Sealed| !is_gone(s) && !clock.contains(&(s.core, s.id)) && !look.is_held(s) && s.facts.is_some();
        let more = case.segments.iter().filter(free).count();
        if case.retain.bytes.is_some_and(|cap| total - freed > cap) {
            prop_assert_eq!(more, 0);
        }
        let delivered = !case.holding.is_empty() || case.full_disk == FullDisk::DropOldest;
        if case.full_disk != FullDisk::Hold && delivered && freed < case.missing_bytes {
            prop_assert_eq!(more, 0);
        }
    }
}
