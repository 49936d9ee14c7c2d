use std::time::Duration;

use uuid::Uuid;

use crate::log::format::position::{MergePosition, Place};
use crate::log::retain::{Facts, FullDisk, Retain};

use super::*;

fn sealed(id: u64) -> Sealed {
    let facts = Facts { last_us: id, received_us: id, records: 3, projects: Some([1].into()) };
    Sealed { core: 0, id, bytes: 100, facts: Some(facts) }
}

fn look<'a>(segments: &'a [Sealed], holding: &'a [Option<MergePosition>], retain: &'a Retain) -> Look<'a> {
    Look {
        segments,
        other_bytes: 0,
        holding,
        retain,
        full_disk: FullDisk::Hold,
        missing_bytes: 0,
        now_us: 1_000,
        earliest_us: 1_000,
    }
}

#[test]
fn a_segment_goes_only_if_it_is_confirmed_and_free_and_as_it_was_sealed_and_else_says_why_not() {
    let mut segments: Vec<Sealed> = (1..=6).map(|at| sealed(at * 100)).collect();
    segments[4].facts = None;
    let place = Place { segment: 400, offset: 0 };
    let holding = [Some(MergePosition { log: Uuid::nil(), cores: [(0, place)].into(), behind: BTreeMap::new() })];
    let names = ["slow".to_owned()];
    let retain = Retain { age: Some(Duration::from_secs(500)), bytes: None, projects: BTreeMap::new() };
    let look = look(&segments, &holding, &retain);
    // All but the second.
    let confirms = InArchive::new(|asked| Ok(asked.iter().map(|segment| segment.id != 200).collect()));
    let altered = Ids::from([(0, 300)]);
    let found = archived(&look, &[], &altered, &confirms);
    assert_eq!(found.go.iter().map(|gone| (gone.id, gone.reason)).collect::<Vec<_>>(), [(100, Reason::Archived)]);
    assert_eq!((found.waiting, found.fault), (2, None));
    let why = why_not(&look, &names, &altered, &confirms);
    let held = || Why::Held(vec!["slow".to_owned()]);
    let expected = [(200, Why::NotArchived(Vec::new())), (300, Why::Altered), (400, held()), (600, held())];
    assert_eq!(why.into_iter().map(|((_, id), why)| (id, why)).collect::<Vec<_>>(), expected);

    // One that goes by another rule is not asked about.
    let others = found.go;
    assert_eq!(archived(&look, &others, &altered, &confirms).go, []);

    let fails = InArchive::new(|_| Err("a file is gone".to_owned()));
    let found = archived(&look, &[], &Ids::new(), &fails);
    assert_eq!((found.go, found.waiting, found.fault.as_deref()), (Vec::new(), 3, Some("a file is gone")));
    let why = why_not(&look, &names, &Ids::new(), &fails);
    assert!(
        why.len() == 5 && why.values().all(|why| *why == Why::ArchiveFault("a file is gone".to_owned())),
        "{why:?}"
    );
}
