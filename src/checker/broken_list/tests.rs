use super::*;

#[test]
fn the_list_of_broken_batches_is_bounded() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join(FILE);
    let mut list = BrokenList { bytes_max: 100, ..BrokenList::new(path.clone()) };
    for _ in 0..50 {
        list.append(&[b'x'; 30]).expect("is written");
    }
    let bytes = |path: &PathBuf| fs::metadata(path).expect("is there").len();
    assert!(bytes(&path) <= 100 && bytes(&path.with_extension("ndjson.1")) <= 100);
    assert_eq!(fs::read_dir(dir.path()).expect("is there").count(), 2);
}
