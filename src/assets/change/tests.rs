use super::*;

const LIMITS: Limits = Limits { asset_bytes: 1000, store_bytes: 3000 };

fn address(name: &str) -> Address {
    Address::parse(&format!("https://shop.example/{name}")).unwrap()
}

fn begin(store: &Store) -> Change {
    Change::begin(store, LIMITS).unwrap()
}

fn add(change: &mut Change, name: &str, bytes: &[u8], at_ms: u64) {
    assert_eq!(change.add(1, address(name), Kind::Css, bytes, at_ms).unwrap(), Ok(()));
}

fn names(store: &Store) -> Vec<String> {
    let index = store.project(1).unwrap();
    index.iter().map(|(address, _)| address.as_str().rsplit('/').next().unwrap().to_owned()).collect()
}

fn content(store: &Store, name: &str) -> Option<Vec<u8>> {
    let index = store.project(1).unwrap();
    let (_, entry) = index.find(&address(name).as_str().parse().unwrap())?;
    store.read(entry).unwrap()
}

/// The files below the folder, without the lock and the indexes.
fn contents(store: &Store) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (name, path) in files(store.dir()).unwrap() {
        match path.is_dir() {
            true if name != "projects" => found.extend(files(&path).unwrap().into_iter().map(|(_, path)| path)),
            true => {}
            false if name != "lock" => found.push(path),
            false => {}
        }
    }
    found
}

#[test]
fn what_is_added_is_there_for_others_and_equal_contents_are_one_file() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    assert_eq!(store.projects().unwrap(), [] as [u32; 0]);
    let mut change = begin(&store);
    add(&mut change, "a.css", b"a{}", 1);
    add(&mut change, "b.css", b"a{}", 1);
    assert_eq!(change.add(2, address("a.css"), Kind::Css, b"b{}", 1).unwrap(), Ok(()));
    assert_eq!(change.finish().unwrap(), Changed { added: 3, ..Changed::default() });
    assert_eq!(names(&store), ["a.css", "b.css"]);
    assert_eq!(content(&store, "b.css").unwrap(), b"a{}");
    assert_eq!(store.projects().unwrap(), [1, 2]);
    assert_eq!(contents(&store).len(), 2);

    let mut change = begin(&store);
    add(&mut change, "a.css", b"a{}", 2);
    assert_eq!(change.finish().unwrap(), Changed { unchanged: 1, ..Changed::default() });
}

#[test]
fn a_change_that_is_killed_before_the_index_leaves_what_was_there_and_its_rest_goes() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    add(&mut change, "a.css", b"old", 1);
    change.finish().unwrap();
    let mut change = begin(&store);
    add(&mut change, "a.css", b"new", 2);
    std::fs::write(store.dir().join(".new-half"), b"ne").unwrap();
    // The end of the process gives up the lock.
    drop(change);
    assert_eq!(content(&store, "a.css").unwrap(), b"old");
    assert_eq!(contents(&store).len(), 3);
    begin(&store).finish().unwrap();
    assert_eq!(content(&store, "a.css").unwrap(), b"old");
    assert_eq!(contents(&store).len(), 1);
}

#[test]
fn a_change_that_is_killed_behind_the_index_is_done_and_its_rest_goes() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    add(&mut change, "a.css", b"old", 1);
    add(&mut change, "b.css", b"other", 1);
    change.finish().unwrap();
    let mut change = begin(&store);
    add(&mut change, "a.css", b"new", 2);
    assert_eq!(change.remove(1, "https://shop.example/b"), 1);
    change.name_contents().unwrap();
    drop(change);
    assert_eq!((names(&store), content(&store, "a.css").unwrap()), (vec!["a.css".to_owned()], b"new".to_vec()));
    assert_eq!(contents(&store).len(), 3);
    begin(&store).finish().unwrap();
    assert_eq!(contents(&store).len(), 1);
}

#[test]
fn what_was_added_first_leaves_first() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    for number in 0..5_u8 {
        add(&mut change, &format!("{number}.css"), &[number; 1000], 10 - u64::from(number));
    }
    assert_eq!(change.finish().unwrap().evicted, 2);
    assert_eq!(names(&store), ["0.css", "1.css", "2.css"]);
    assert_eq!(contents(&store).len(), 3);
}

#[test]
fn nothing_larger_than_the_limits_is_kept_and_a_smaller_limit_takes_effect() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    assert_eq!(change.add(1, address("a"), Kind::Css, &[0; 1001], 1).unwrap(), Err(TooLarge::Asset));
    let limits = Limits { asset_bytes: 1000, store_bytes: 10 };
    drop(change);
    let mut change = Change::begin(&store, limits).unwrap();
    assert_eq!(change.add(1, address("a"), Kind::Css, &[0; 11], 1).unwrap(), Err(TooLarge::Store));
    add(&mut change, "a", &[0; 10], 1);
    add(&mut change, "b", &[1; 10], 2);
    change.finish().unwrap();
    assert_eq!(names(&store), ["b"]);
}

#[test]
fn an_index_that_cannot_be_read_ends_the_change_before_anything_is_removed() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    add(&mut change, "a.css", b"a{}", 1);
    change.finish().unwrap();
    std::fs::write(store.index_path(1), b"{").unwrap();
    let error = Change::begin(&store, LIMITS).unwrap_err();
    assert!(matches!(error, AssetsError::Index { .. }), "{error}");
    assert_eq!(contents(&store).len(), 1);
}

#[test]
fn a_content_that_has_changed_is_not_shown_and_comes_back_by_a_push() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    add(&mut change, "a.css", b"a{}", 1);
    change.finish().unwrap();
    let index = store.project(1).unwrap();
    let (_, entry) = index.iter().next().unwrap();
    for damaged in [&b"b{}"[..], b"a{} and more", b""] {
        std::fs::write(store.content(&entry.hash), damaged).unwrap();
        assert!(matches!(store.read(entry), Err(AssetsError::Damaged(_))));
    }
    let mut change = begin(&store);
    add(&mut change, "a.css", b"a{}", 2);
    change.finish().unwrap();
    assert_eq!(content(&store, "a.css").unwrap(), b"a{}");
}

#[test]
fn all_of_a_project_goes_and_that_of_others_stays() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::in_data(data.path());
    let mut change = begin(&store);
    add(&mut change, "a.css", b"a{}", 1);
    assert_eq!(change.add(2, address("a.css"), Kind::Css, b"a{}", 1).unwrap(), Ok(()));
    change.finish().unwrap();
    let mut change = begin(&store);
    assert_eq!((change.remove(1, ""), change.remove(3, "")), (1, 0));
    change.finish().unwrap();
    assert_eq!(store.projects().unwrap(), [2]);
    assert_eq!(contents(&store).len(), 1);
}
