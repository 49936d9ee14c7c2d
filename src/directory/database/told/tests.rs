use std::thread::sleep;

use super::*;

const GRACE: Duration = Duration::from_millis(50);

/// A reading of these projects; the first has a tag.
fn reading(ids: &[u32], tags: &str) -> Assembled {
    let project = |id: &u32| format!("[[projects]]\nproject_id = {id}\nproject_key = \"key{id}\"\n");
    let text = match ids {
        [] => "projects = []\n".to_owned(),
        ids => ids.iter().map(project).collect::<String>() + tags,
    };
    Assembled::from_text(text).expect("is well formed")
}

const TAG: &str = "[[tags]]\nproject_id = 1\nselector = \"#a\"\n";

/// A data folder whose last reading had these projects, with a tag.
fn begun(ids: &[u32]) -> (tempfile::TempDir, Intake, Arc<Directory>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut intake, kept, fault) = Intake::open(folder.path()).expect("it opens");
    assert!(kept.is_none() && fault.is_none());
    let (directory, report) = intake.take(&Arc::default(), reading(ids, TAG), GRACE);
    assert_eq!(report.expect("it is new").expect("is good").projects, ids.len());
    (folder, intake, directory.expect("it is new"))
}

#[test]
fn an_outage_is_no_evidence_that_a_project_is_gone() {
    let (_folder, mut intake, before) = begun(&[1, 2, 3]);
    let (directory, report) = intake.take(&before, reading(&[1, 3], TAG), GRACE);
    assert_eq!(report.expect("it is new").expect("is good").missing, [2]);
    let in_force = directory.expect("it is new");
    // It was missing for long enough, but nobody has looked.
    sleep(GRACE * 2);
    intake.doubt();
    assert!(intake.take(&in_force, reading(&[1, 3], TAG), GRACE).1.is_none());
    sleep(GRACE * 2);
    let (directory, report) = intake.take(&in_force, reading(&[1, 3], TAG), GRACE);
    assert_eq!(report.expect("it is certain").expect("is good").removed, [2]);
    assert!(directory.expect("it is certain").by_id(2).is_none());
}

#[test]
fn no_reading_without_projects_replaces_one_that_has_some() {
    let (_folder, mut intake, before) = begun(&[1, 2]);
    for _ in 0..2 {
        let (directory, report) = intake.take(&before, reading(&[], ""), Duration::ZERO);
        assert!(directory.is_none());
        let error = report.expect("it is told").expect_err("it is a fault");
        assert!(matches!(error, DirectoryError::EmptiedTable { projects: 2 }), "{error}");
    }
}

#[test]
fn a_table_without_any_row_is_doubted_and_one_row_less_is_not() {
    let (_folder, mut intake, before) = begun(&[1, 2]);
    let other = "[[tags]]\nproject_id = 2\nselector = \"#b\"\n";
    let (moved, _) = intake.take(&before, reading(&[1, 2], other), GRACE);
    let moved = moved.expect("it is new");
    assert_eq!(moved.projects().iter().map(|project| project.tags.len()).collect::<Vec<_>>(), [0, 1]);
    let (empty, report) = intake.take(&moved, reading(&[1, 2], ""), GRACE);
    assert_eq!(report.expect("it is new").expect("is good").incomplete, [1, 2]);
    assert_eq!(empty.expect("it is new").projects()[1].tags.len(), 1);
}

#[test]
fn a_restart_begins_with_the_last_certain_reading_and_survives_a_damaged_one() {
    let (folder, mut intake, before) = begun(&[1, 2, 3]);
    // What is in doubt is not kept.
    assert!(intake.take(&before, reading(&[1], TAG), GRACE).0.is_some());
    let (_, kept, _) = Intake::open(folder.path()).expect("it opens");
    assert_eq!(kept.expect("it was kept").projects(), before.projects());

    std::fs::write(Directory::kept_of_database(folder.path()), "[[projects]]\nproject_id = ").expect("it is ours");
    let (_, kept, fault) = Intake::open(folder.path()).expect("it opens");
    assert!(kept.is_none() && fault.is_some_and(|text| text.contains("line 2")));
}
