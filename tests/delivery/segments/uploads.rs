//! Uploads through outages.

use std::fs;

use super::*;
use crate::common::services::{Relay, RelayMode, S3};

#[test]
fn a_store_that_is_away_is_waited_for_and_told() {
    let s3 = S3::new();
    let relay = Relay::to(s3.port());
    let home = Home::new();
    let settings = to_bucket(&s3, &format!("http://127.0.0.1:{}", relay.port()));
    relay.set(RelayMode::Refuse);
    let server = home.serve(&borrowed(&settings));
    record(&server, &home, 30, 700_000);
    wait_for_fault(&server, &["cannot be reached"]);
    relay.set(RelayMode::Pass);
    wait_until_well(&server);
    let count = wait_for("two segments to be sealed", PATIENCE, || Some(sealed_count(home.data())).filter(|n| *n >= 2));
    wait_for("them to be in the bucket", PATIENCE, || (segment_keys(&s3).len() >= count).then_some(()));
    server.stop();
}

#[test]
fn a_bucket_that_is_missing_is_used_as_soon_as_it_is_there() {
    let s3 = S3::new();
    s3.remove_bucket();
    let home = Home::new();
    let server = home.serve(&borrowed(&to_bucket(&s3, &s3.endpoint())));
    wait_for_fault(&server, &["NoSuchBucket"]);
    record(&server, &home, 30, 700_000);
    s3.create_bucket();
    wait_until_well(&server);
    wait_for("segments to be in the bucket", PATIENCE, || (segment_keys(&s3).len() >= 2).then_some(()));
    server.stop();
}

#[test]
fn a_segment_that_is_damaged_here_is_told_and_neither_uploaded_nor_passed() {
    let home = Home::new();
    let store = tempfile::tempdir().unwrap();
    let server = home.serve(&[]);
    record(&server, &home, 30, 700_000);
    server.stop();
    let original = sealed(home.data());
    let segments: Vec<&String> = original.keys().filter(|name| name.ends_with(".seg")).collect();
    assert!(segments.len() >= 3, "{segments:?}");
    let damaged = home.data().join("log").join(segments[1]);
    let mut bytes = original[segments[1]].clone();
    bytes[100_000] ^= 1;
    fs::write(&damaged, &bytes).unwrap();

    let url = format!("file://{}", store.path().display());
    let server = home.serve(&[("segments_url", &url)]);
    wait_for_fault(&server, &["damaged-segment"]);
    let couriers = server.admin_page("/couriers").text();
    assert!(couriers.contains("does not match the hash"), "{couriers}");
    let uploaded = || files(store.path()).iter().filter(|path| path.extension().unwrap() == "seg").count();
    wait_for("the others to be in the folder", PATIENCE, || (uploaded() == segments.len() - 1).then_some(()));
    let consumers = home.takeup(&["consumers", "--json"]);
    assert!(consumers.stdout.contains("courier-segments"), "{}", consumers.stdout);

    // Mended, it follows by itself.
    fs::write(&damaged, &original[segments[1]]).unwrap();
    wait_until_well(&server);
    assert_eq!(uploaded(), segments.len());
    server.stop();
}

#[test]
fn an_upload_that_a_kill_cuts_off_is_never_seen_half_and_follows_at_the_next_start() {
    let s3 = S3::new();
    let relay = Relay::to(s3.port());
    let home = Home::new();
    let mut settings = to_bucket(&s3, &format!("http://127.0.0.1:{}", relay.port()));
    settings.push(("segment_bytes".into(), "24MiB".into()));
    relay.set(RelayMode::Slow(2_000_000));
    let server = home.serve(&borrowed(&settings));
    record(&server, &home, 40, 900_000);
    let noted = home.data().join("segments-upload.json");
    wait_for("an upload to be under way", PATIENCE, || noted.exists().then_some(()));
    server.kill();
    assert_eq!(segment_keys(&s3), Vec::<String>::new());
    relay.set(RelayMode::Pass);
    let server = home.serve(&borrowed(&settings));
    let count = sealed_count(home.data());
    wait_for("every segment to be in the bucket", PATIENCE, || (segment_keys(&s3).len() >= count).then_some(()));
    wait_for("nothing to be under way", PATIENCE, || (!noted.exists()).then_some(()));
    let dropped = s3.said().lines().any(|line| line.contains("DELETE") && line.contains("uploadId="));
    assert!(dropped, "{}", s3.said());
    for (name, bytes) in sealed(home.data()).iter().filter(|(name, _)| name.ends_with(".seg")) {
        let stem = name.rsplit('/').next().unwrap().trim_end_matches(".seg");
        let key = segment_keys(&s3).into_iter().find(|key| key.contains(stem)).expect("it is there");
        assert_eq!(s3.get(&key).as_deref(), Some(&**bytes), "{key}");
    }
    server.stop();
}
