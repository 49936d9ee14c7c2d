//! What is in the store becomes a log again.

use std::fs;

use super::*;
use crate::common::services::{Relay, RelayMode, S3};

/// Restores from a store with these settings.
fn restore(home: &Home, url: &str, settings: &[(String, String)], more: &[&str]) -> crate::common::Finished {
    let set: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["restore", url];
    arguments.extend(set.iter().flat_map(|set| ["--set", set]));
    arguments.extend(more);
    home.takeup(&arguments)
}

#[test]
fn a_log_restored_from_a_folder_is_the_original_byte_for_byte() {
    let home = Home::new();
    let store = tempfile::tempdir().unwrap();
    let url = format!("file://{}", store.path().display());
    let server = home.serve(&[("segments_url", &url), ("cores", "2")]);
    record(&server, &home, 30, 700_000);
    server.stop();
    // The last segments are sealed at the end, and uploaded by the next server.
    let server = home.serve(&[("segments_url", &url), ("cores", "2")]);
    let original = sealed(home.data());
    wait_for("every segment to be in the folder", PATIENCE, || {
        (files(store.path()).len() == original.len()).then_some(())
    });
    server.stop();

    let to = home.data().with_file_name("restored");
    let to = to.to_str().unwrap();
    let restored = home.takeup(&["restore", &url, "--to", to]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    let copy = Home::with_data(Path::new(to));
    assert_eq!(sealed(copy.data()), original);
    let verified = copy.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(
        copy.stored()
            .iter()
            .map(|stored| stored.body.clone())
            .eq(home.stored().iter().map(|stored| stored.body.clone()))
    );
    assert!(fs::read_dir(to).unwrap().count() == 1, "nothing but the log is left: {:?}", files(Path::new(to)));

    let again = home.takeup(&["restore", &url, "--to", to]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("holds a log already"), "{}", again.stderr);
}

#[test]
fn segments_of_several_parts_come_back_from_a_bucket_whole_and_by_time() {
    let s3 = S3::new();
    let home = Home::new();
    let mut settings = to_bucket(&s3, &s3.endpoint());
    settings.push(("segment_bytes".into(), "24MiB".into()));
    let server = home.serve(&borrowed(&settings));
    record(&server, &home, 60, 900_000);
    server.stop();
    let server = home.serve(&borrowed(&settings));
    let original = sealed(home.data());
    wait_for("every segment to be in the bucket", PATIENCE, || (s3.keys().len() == original.len()).then_some(()));
    server.stop();
    assert!(sealed_count(home.data()) >= 3, "{:?}", original.keys());

    let url = format!("s3://{}/logs/a", s3.bucket());
    let listed = restore(&home, &url, &keys(&s3), &["--list", "--json"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let listed = listed.lines();
    assert_eq!(listed[0]["segments"], sealed_count(home.data()) as u64);
    let to = home.data().with_file_name("restored");
    let restored = restore(&home, &url, &keys(&s3), &["--to", to.to_str().unwrap(), "--json"]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    assert_eq!(sealed(&to), original);

    // From the first record of the second segment on.
    let sidecars: Vec<Value> = original
        .iter()
        .filter(|(name, _)| name.ends_with(".json"))
        .map(|(_, text)| serde_json::from_slice(text).unwrap())
        .collect();
    let from = jiff_time(sidecars[1]["first_us"].as_u64().unwrap());
    let part = home.data().with_file_name("part");
    let restored = restore(&home, &url, &keys(&s3), &["--to", part.to_str().unwrap(), "--from", &from]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    let first = original.keys().next().unwrap().clone();
    let mut expected = original.clone();
    expected.retain(|name, _| name[..name.len() - 4] != first[..first.len() - 5] && *name != first);
    assert_eq!(sealed(&part).keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let verified = Home::with_data(&part).takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

/// A time as the command takes it.
fn jiff_time(us: u64) -> String {
    jiff::Timestamp::from_microsecond(us as i64).unwrap().to_string()
}

#[test]
fn an_object_that_is_damaged_in_the_store_is_noticed_left_out_and_set_aside() {
    let home = Home::new();
    let store = tempfile::tempdir().unwrap();
    let url = format!("file://{}", store.path().display());
    let server = home.serve(&[("segments_url", &url)]);
    record(&server, &home, 30, 700_000);
    let segments = || -> Vec<PathBuf> {
        files(store.path()).into_iter().filter(|path| path.extension().unwrap() == "seg").collect()
    };
    wait_for("two segments to be in the folder", PATIENCE, || (segments().len() >= 2).then_some(()));
    server.stop();
    let damaged = segments()[0].clone();
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[1_000_000] ^= 1;
    fs::write(&damaged, bytes).unwrap();

    // Its name has the right hash, and it is no segment.
    let alien = damaged.with_file_name(format!("{:020}-{}.seg", 7, blake3::hash(b"alien").to_hex()));
    fs::write(&alien, "alien").unwrap();

    let to = home.data().with_file_name("restored");
    let restored = home.takeup(&["restore", &url, "--to", to.to_str().unwrap(), "--json"]);
    assert_eq!(restored.code, Some(1), "{}{}", restored.stdout, restored.stderr);
    let report = &restored.lines()[0];
    assert_eq!(report["complete"], false);
    for (set_aside, at) in [&alien, &damaged].into_iter().zip(0..) {
        let object = report["damaged"][at]["object"].as_str().unwrap();
        assert!(set_aside.ends_with(object), "{report}");
        assert!(Path::new(report["damaged"][at]["path"].as_str().unwrap()).is_file(), "{report}");
    }
    assert_eq!(report["segments"], segments().len() as u64 - 2);
    assert_eq!(Home::with_data(&to).takeup(&["verify"]).code, Some(0));
}

#[test]
fn objects_of_others_and_names_that_are_no_paths_do_not_keep_a_bucket_from_being_restored() {
    let s3 = S3::new();
    let home = Home::new();
    for key in ["logs/a/", "logs/a/%2Fx", "logs/a/%01x", "logs/a/not-a-log/0/x.seg"] {
        s3.put(key, "foreign");
    }
    let settings = to_bucket(&s3, &s3.endpoint());
    let server = home.serve(&borrowed(&settings));
    record(&server, &home, 30, 700_000);
    wait_until_well(&server);
    let own = || segment_keys(&s3).into_iter().filter(|key| !key.contains("not-a-log")).collect::<Vec<_>>();
    let own = wait_for("two segments to be in the bucket", PATIENCE, || Some(own()).filter(|own| own.len() >= 2));
    server.stop();
    let core = own[0].rsplit_once('/').unwrap().0.to_owned();
    for name in ["%2Fx.seg", "%01.seg", "00000000000000000001-ff.seg", ".seg"] {
        s3.put(&format!("{core}/{name}"), "foreign");
    }
    let url = format!("s3://{}/logs/a", s3.bucket());
    let to = home.data().with_file_name("restored");
    let restored = restore(&home, &url, &keys(&s3), &["--to", to.to_str().unwrap()]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    assert_eq!(Home::with_data(&to).takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_restore_outlives_connections_that_break_in_the_middle_of_an_object() {
    let s3 = S3::new();
    let home = Home::new();
    let mut settings = to_bucket(&s3, &s3.endpoint());
    settings.push(("segment_bytes".into(), "24MiB".into()));
    let server = home.serve(&borrowed(&settings));
    record(&server, &home, 40, 900_000);
    wait_for("a segment to be in the bucket", PATIENCE, || (!segment_keys(&s3).is_empty()).then_some(()));
    server.stop();

    let relay = Relay::to(s3.port());
    relay.set(RelayMode::Slow(4_000_000));
    let to = home.data().with_file_name("restored");
    let url = format!("s3://{}/logs/a", s3.bucket());
    let mut through = keys(&s3);
    through.retain(|(name, _)| name != "aws_endpoint");
    through.push(("aws_endpoint".into(), format!("http://127.0.0.1:{}", relay.port())));
    let restored = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("an object to be on its way", PATIENCE, || to.join("restore.json").exists().then_some(()));
            relay.set(RelayMode::Refuse);
            relay.set(RelayMode::Pass);
        });
        restore(&home, &url, &through, &["--to", to.to_str().unwrap()])
    });
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    assert_eq!(Home::with_data(&to).takeup(&["verify"]).code, Some(0));
}
