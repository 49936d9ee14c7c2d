use super::*;

const HOUR_US: u64 = 3_600_000_000;

fn file(name: &str, chunk: u64, bytes: u64) -> FileEntry {
    let places = |offset: u64| BTreeMap::from([(0, (1, offset))]);
    FileEntry {
        path: name.to_owned(),
        table: "batches".to_owned(),
        date: "1970-01-01".to_owned(),
        hour: "00".to_owned(),
        log: "log".to_owned(),
        from: places(chunk),
        to: places(chunk + 1),
        rows: 1,
        bytes: 1,
        inflated_bytes: bytes,
        largest_row: 0,
        blake3: String::new(),
        first_us: 1,
        last_us: 2,
        received_us: 0,
        first_session: (1, 1),
        last_session: (1, 1),
        merged_from: 0,
    }
}

/// The names of what is merged next.
fn next(files: &[FileEntry]) -> Vec<String> {
    next_merge(files, u64::MAX).unwrap_or_default().into_iter().map(|file| file.path).collect()
}

#[test]
fn runs_of_similar_size_are_merged_and_a_large_one_is_not_written_again_for_a_crumb() {
    const MB: u64 = 1 << 20;
    let (one, two, three) = (file("one", 1, 64 * MB), file("two", 2, 64 * MB), file("three", 3, 50 * MB));
    assert_eq!(next(&[one.clone(), two.clone(), three.clone()]), ["one", "two", "three"], "in the manifest's order");
    assert!(next(std::slice::from_ref(&one)).is_empty());
    // Files of one run.
    let part = |name: &str| file(name, 9, 128 * MB);
    assert!(next(&[part("a"), part("b"), part("c")]).is_empty());
    assert!(next(&[part("a"), part("b"), file("late", 10, MB)]).is_empty());
    assert_eq!(next(&[part("a"), part("b"), file("late", 10, MB), file("later", 11, MB)]), ["late", "later"]);
    assert_eq!(next(&[part("a"), part("b"), one, two, file("late", 10, MB)]), ["a", "b", "one", "two", "late"]);
    // However small, an hour of little is one file.
    assert_eq!(next(&[file("most", 1, 15 * MB), file("crumb", 2, 1)]), ["most", "crumb"]);
    // No merge is longer than another one would wait.
    let huge = |name: &str, chunk: u64| file(name, chunk, 3 << 30);
    assert!(next(&[huge("a", 1), huge("b", 2)]).is_empty());
    // No more at once than memory allows.
    let many: Vec<_> = (0..100).map(|chunk| file(&chunk.to_string(), chunk, 64 * MB)).collect();
    assert_eq!(next(&many).len(), RUNS_MAX);
    // Only hours that are over, and each by itself.
    assert!(next_merge(&many, HOUR_US - 1).is_none());
    let other =
        FileEntry { hour: "01".to_owned(), first_us: HOUR_US as i64, last_us: HOUR_US as i64, ..file("x", 4, MB) };
    assert!(next(&[three, other]).is_empty());
}

#[test]
fn runs_with_large_rows_are_merged_a_few_at_a_time() {
    let runs = |largest_row: u64| {
        let file = |at: u64| FileEntry { largest_row, ..file(&at.to_string(), at, 20 << 20) };
        (0..16).map(file).collect::<Vec<_>>()
    };
    assert_eq!(next(&runs(0)).len(), RUNS_MAX);
    assert_eq!(next(&runs(4 << 20)).len(), 10);
    assert_eq!(next(&runs(16 << 20)).len(), 2);
    assert_eq!(next(&runs(100 << 20)).len(), 2, "two are always merged");
}

#[test]
fn an_hour_ahead_of_the_clock_is_merged_once_it_has_many_runs() {
    let ahead = |count: u64| {
        let us = (100 * HOUR_US).cast_signed();
        (0..count).map(|at| FileEntry { first_us: us, last_us: us, ..file(&at.to_string(), at, 1 << 20) }).collect()
    };
    let next = |count: u64, over_us: u64| {
        let files: Vec<FileEntry> = ahead(count);
        next_merge(&files, over_us).unwrap_or_default().len()
    };
    assert_eq!((next(7, HOUR_US), next(8, HOUR_US), next(20, HOUR_US)), (0, 8, RUNS_MAX));
    // The hour that goes on, and the next one, are left alone.
    assert_eq!((next(20, 100 * HOUR_US), next(20, 99 * HOUR_US + 1)), (0, 0));
    assert_eq!(next(2, 101 * HOUR_US), 2, "it is over");
}
