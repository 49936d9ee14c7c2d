use super::*;
use crate::archive::manifest::places;

fn file(number: u64, blake3: &str) -> FileEntry {
    FileEntry {
        path: format!("batches/date=2026-11-29/hour=08/{:020}-{number}.parquet", 7),
        table: "batches".into(),
        date: "2026-11-29".into(),
        hour: "08".into(),
        log: String::new(),
        from: places(None),
        to: places(None),
        rows: 10,
        bytes: 100,
        inflated_bytes: 1000,
        largest_row: 0,
        blake3: blake3.into(),
        first_us: 0,
        last_us: 0,
        received_us: 0,
        first_session: (1, 1),
        last_session: (1, 1),
        merged_from: 0,
    }
}

fn day(number: u64) -> Day {
    Day {
        date: "2026-11-29".into(),
        path: format!("manifest/2026-11-29-{number}.json"),
        blake3: String::new(),
        list_bytes: 5,
        files: 0,
        rows: 0,
        bytes: 0,
        to_merge: 0,
    }
}

#[test]
fn what_is_new_is_uploaded_and_what_is_not_named_any_more_goes() {
    let (old, new) = (day(3), day(5));
    let mut plan = Plan::default();
    plan.day(Some((&new, vec![file(1, "a"), file(4, "d")])), Some((&old, vec![file(1, "a"), file(2, "b")])));
    let names = |wanted: &[Wanted]| wanted.iter().map(|wanted| wanted.path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&plan.files), [file(4, "d").path]);
    assert!(plan.lists.len() == 1 && plan.lists[0].path == new.path);
    assert_eq!(plan.gone, BTreeSet::from([file(2, "b").path, old.path.clone()]));
    assert_eq!(plan.files[0].records, 10);

    let mut gone = Plan::default();
    gone.day(None, Some((&old, vec![file(1, "a")])));
    assert_eq!((gone.files.len(), gone.lists.len(), gone.gone.len()), (0, 0, 2));

    // A number that was given out again.
    let mut again = Plan::default();
    again.day(Some((&new, vec![file(1, "z")])), Some((&old, vec![file(1, "a")])));
    assert!(again.files[0].replaces && !again.gone.contains(&again.files[0].path));
}

#[test]
fn of_loose_names_only_those_of_an_archive_that_it_does_not_have_go() {
    let temp = tempfile::tempdir().unwrap();
    let source = Source::folder(&crate::archive::place::Place::at(temp.path()));
    let manifest = Manifest::begun(uuid::Uuid::from_u128(7));
    let mut plan = Plan::default();
    let foreign =
        ["manifest.json", "manifest/notes.json", "batches/x.parquet", "../x", "events/date=2026-11-29/hour=08/x"];
    let ours = [file(9, "").path, day(9).path];
    plan.loose(foreign.map(str::to_owned).into_iter().chain(ours.clone()), &source, &manifest).unwrap();
    assert_eq!(plan.gone, BTreeSet::from(ours));
}
