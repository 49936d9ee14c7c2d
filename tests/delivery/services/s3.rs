use crate::common::services::S3;

#[test]
fn s3_keeps_objects_until_it_is_killed() {
    let s3 = S3::new();
    assert_eq!(s3.keys(), Vec::<String>::new());
    s3.put("segments/1", "bytes");
    s3.put("segments/2", "");
    assert_eq!(s3.keys(), ["segments/1", "segments/2"]);
    assert_eq!(s3.get("segments/1").as_deref(), Some(&b"bytes"[..]));
    assert_eq!(s3.get("segments/3"), None);
    s3.pause();
    s3.resume();
    s3.remove("segments/2");
    assert_eq!(s3.keys(), ["segments/1"]);
    s3.restart_empty();
    assert_eq!(s3.keys(), Vec::<String>::new());
    s3.remove_bucket();
    s3.stop();
    s3.start();
}
