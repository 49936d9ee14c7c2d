//! A copy that can't have all: what is damaged before it was uploaded, and what the store does not let be removed, is told and stops nothing else.

use std::fs;

use crate::common::services::S3;
use crate::common::{Home, PATIENCE, finish, wait_for};
use crate::copied::{Copied, local};
use crate::{PREFIX, compact, fault, record, run, serve, settings, wait_for_fault, wait_until_copied};

#[test]
fn a_file_that_was_damaged_before_its_upload_is_told_and_all_else_is_copied() {
    let s3 = S3::new();
    let home = Home::new();
    let server = home.serve(&[]);
    record(&server, &home, 2);
    server.stop();
    run(compact(home.data(), None, &["--merge", "none"]));
    let files = local(home.data());
    let name = files.names().find(|name| name.starts_with("activity/")).expect("there is one").to_owned();
    let path = home.data().join("archive").join(&name);
    let good = fs::read(&path).expect("it is there");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&path, &bad).expect("it can be written");

    // By the command, and by a server that goes on with what comes.
    let told = finish(compact(home.data(), Some((&s3, s3.port())), &["--merge", "none"]), PATIENCE);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stderr.contains(&name) && told.stderr.contains("All else was copied"), "{told:?}");
    let copied = Copied::of(&s3, PREFIX);
    assert_eq!(copied.check_whole(), files.files() - 1);
    assert!(!copied.names().any(|copied| copied == name));
    let server = serve(&home, &settings(&s3, s3.port()));
    wait_for_fault(&server, &format!("{name} is not copied"));
    record(&server, &home, 2);
    run(compact(home.data(), None, &["--merge", "none"]));
    let more = local(home.data()).files();
    wait_for("what is new to be copied", PATIENCE, || {
        let copied = Copied::of(&s3, PREFIX);
        (copied.files() + 1 == more).then(|| copied.check_whole() + 1 == more).filter(|is_named| *is_named)
    });

    // Put back, it is copied with the next change.
    fs::write(&path, &good).expect("it can be written");
    record(&server, &home, 1);
    run(compact(home.data(), None, &["--merge", "none"]));
    wait_until_copied(home.data(), &s3);
    wait_for("the courier to be well", PATIENCE, || fault(&server).is_none().then_some(()));
    assert_eq!(server.stdout().matches("could not do all").count(), 1);
    server.stop();
}

#[test]
fn what_the_store_does_not_let_be_removed_is_told_once_and_keeps_nothing_from_being_copied() {
    let s3 = S3::new();
    let home = Home::new();
    let server = serve(&home, &settings(&s3, s3.port()));
    for _ in 0..3 {
        record(&server, &home, 2);
        run(compact(home.data(), None, &["--merge", "none"]));
    }
    wait_until_copied(home.data(), &s3);
    let before = Copied::of(&s3, PREFIX);
    s3.forbid("s3:DeleteObject");
    for _ in 0..2 {
        run(compact(home.data(), None, &["--merge", "all"]));
        record(&server, &home, 2);
        run(compact(home.data(), None, &["--merge", "none"]));
        wait_for("what is new to be copied", PATIENCE, || {
            let copied = Copied::of(&s3, PREFIX);
            copied.has_all_of(&local(home.data())).then(|| copied.check_whole())
        });
        wait_for_fault(&server, "that the archive no longer has can't be removed there");
    }
    assert!(Copied::of(&s3, PREFIX).has_all_of(&before.without("manifest.json")));
    assert_eq!(server.stdout().matches("could not do all").count(), 1);
    let told = finish(compact(home.data(), Some((&s3, s3.port())), &["--merge", "none"]), PATIENCE);
    assert!(told.code == Some(1) && told.stderr.contains("can't be removed there"), "{told:?}");

    // What was left goes once the right is there.
    s3.forbid_nothing();
    record(&server, &home, 1);
    run(compact(home.data(), None, &["--merge", "none"]));
    wait_until_copied(home.data(), &s3);
    wait_for("the courier to be well", PATIENCE, || fault(&server).is_none().then_some(()));
    server.stop();
}
