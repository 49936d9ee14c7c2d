use super::*;

fn plan() -> Plan {
    Plan { store: "s3://a/b".into(), log: Uuid::from_u128(7), cores: BTreeSet::new(), from_us: None, until_us: None }
}

fn refusal(to: &Path, plan: &Plan) -> String {
    match NewFolder::take(to, plan) {
        Err(RestoreError::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_restore_goes_on_wherever_it_was_ended_and_another_one_does_not() {
    let home = tempfile::tempdir().unwrap();
    let to = home.path().join("new");
    fs::create_dir(&to).unwrap();
    // Ended while the plan was written.
    fs::write(to.join(FRESH_PLAN_FILE_NAME), "{\"sto").unwrap();
    NewFolder::look(&to).unwrap();
    let folder = NewFolder::take(&to, &plan()).unwrap();
    fs::create_dir(folder.unfinished()).unwrap();
    fs::create_dir(to.join(DAMAGED_DIR_NAME)).unwrap();
    drop(folder);
    let folder = NewFolder::take(&to, &plan()).unwrap();
    assert!(!folder.is_whole());
    assert!(!to.join(FRESH_PLAN_FILE_NAME).exists());
    drop(folder);
    assert!(refusal(&to, &Plan { from_us: Some(1), ..plan() }).contains("part of another restore"));

    // Ended after the log had got its name.
    fs::rename(to.join(UNFINISHED_DIR_NAME), to.join(LOG_DIR_NAME)).unwrap();
    NewFolder::look(&to).unwrap();
    assert!(refusal(&to, &Plan { from_us: Some(1), ..plan() }).contains("holds a log"));
    let folder = NewFolder::take(&to, &plan()).unwrap();
    assert!(folder.is_whole());
    folder.finish().unwrap();
    assert!(refusal(&to, &plan()).contains("holds a log"));
}

#[test]
fn two_restores_never_write_into_one_folder() {
    let home = tempfile::tempdir().unwrap();
    let to = home.path().join("new");
    let first = NewFolder::take(&to, &plan()).unwrap();
    assert!(refusal(&to, &plan()).contains("another restore"));
    drop(first);
    NewFolder::take(&to, &plan()).unwrap();
}

#[test]
fn a_folder_that_holds_anything_else_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("takeup.toml"), "").unwrap();
    assert!(refusal(home.path(), &plan()).contains("not empty"));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}
