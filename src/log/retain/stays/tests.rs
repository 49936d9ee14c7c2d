use std::time::Duration;

use uuid::Uuid;

use crate::log::retain::{Facts, FullDisk, Retain};

use super::*;

const SECOND: u64 = 1_000_000;
const NOW_US: u64 = 1_000 * SECOND;

fn sealed(id_s: u64, projects: &[u32]) -> Sealed {
    let at = id_s * SECOND;
    let facts = Facts { last_us: at, received_us: at, records: 3, projects: Some(projects.into()) };
    Sealed { core: 0, id: at, bytes: 100, facts: Some(facts) }
}

fn at(segment_s: u64) -> Option<MergePosition> {
    let place = Place { segment: segment_s * SECOND, offset: 0 };
    Some(MergePosition { log: Uuid::nil(), cores: [(0, place)].into(), behind: BTreeMap::new() })
}

/// Why each segment stays, by the second of its id.
fn why(look: &Look<'_>, names: &[&str], latest_us: u64) -> Vec<(u64, Why)> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let goes = plan(look);
    let stays = stays(look, &names, latest_us, &goes);
    assert_eq!(goes.len() + stays.len(), look.segments.len(), "each goes or stays");
    assert!(stays.iter().all(|stay| !goes.iter().any(|gone| (gone.core, gone.id) == (stay.core, stay.id))));
    stays.into_iter().map(|stay| (stay.id / SECOND, stay.why)).collect()
}

#[test]
fn each_segment_that_stays_says_which_rule_keeps_it() {
    let mut segments: Vec<Sealed> = [100, 200, 300, 400, 900, 990].map(|id| sealed(id, &[1])).into();
    segments[1].facts = None;
    segments[3].facts.as_mut().unwrap().projects = Some([1, 7].into());
    let retain = Retain { age: Some(Duration::from_secs(500)), bytes: None, projects: [(7, None), (8, None)].into() };
    let holding = [at(300), at(5_000), None];
    let look = Look {
        segments: &segments,
        other_bytes: 0,
        holding: &holding[..2],
        retain: &retain,
        full_disk: FullDisk::Hold,
        missing_bytes: 0,
        now_us: NOW_US,
        earliest_us: NOW_US,
    };
    let names = ["slow", "quick", "torn"];
    let rest = [(400, Why::ForEver(Some(7))), (900, Why::Young(1_400 * SECOND)), (990, Why::Newest)];
    let expected = [&[(200, Why::Doubt), (300, Why::Held(vec!["slow".into()]))], &rest[..]].concat();
    assert_eq!(why(&look, &names, NOW_US), expected, "100 goes");

    // A cursor that can't be believed holds all, and is named.
    let look = Look { holding: &holding, ..look };
    let held = |names: &[&str]| Why::Held(names.iter().map(|&name| name.to_owned()).collect());
    let expected = [&[(100, held(&["torn"])), (200, Why::Doubt), (300, held(&["slow", "torn"]))], &rest[..]].concat();
    assert_eq!(why(&look, &names, NOW_US), expected);

    // Old only by a clock that is not believed; and held besides.
    let look = Look { holding: &holding[..2], earliest_us: 500 * SECOND, ..look };
    let expected = [&[(100, Why::Clock), (200, Why::Doubt), (300, held(&["slow"]))], &rest[..]].concat();
    assert_eq!(why(&look, &names, NOW_US), expected);
}

#[test]
fn a_size_that_a_consumer_keeps_the_log_from_is_put_down_to_that_consumer() {
    let segments: Vec<Sealed> = [100, 200, 300].map(|id| sealed(id, &[1])).into();
    let retain = Retain { bytes: Some(150), ..Retain::default() };
    let holding = [at(200)];
    let mut look = Look {
        segments: &segments,
        other_bytes: 0,
        holding: &holding,
        retain: &retain,
        full_disk: FullDisk::Hold,
        missing_bytes: 0,
        now_us: NOW_US,
        earliest_us: 0,
    };
    let held = Why::Held(vec!["slow".into()]);
    assert_eq!(why(&look, &["slow"], NOW_US), [(200, held), (300, Why::Newest)]);
    let none = Retain::default();
    look = Look { retain: &none, ..look };
    let for_ever = Why::ForEver(None);
    assert_eq!(
        why(&look, &["slow"], NOW_US),
        [(100, for_ever.clone()), (200, for_ever), (300, Why::Newest)],
        "nothing would go, whoever holds"
    );
}
