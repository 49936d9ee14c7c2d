use uuid::Uuid;

use crate::log::format::ledger::DeletedSegment;

use super::*;

fn note(log_dir: &Path, segments: &[u64]) {
    let dir = core_dir(log_dir, 0);
    fs::create_dir_all(&dir).unwrap();
    let mut ledger = Ledger::read(&dir);
    for &segment in segments {
        ledger.add(DeletedSegment { segment, bytes: 8192, records: 10 });
    }
    ledger.write(&dir).unwrap();
}

#[test]
fn what_was_deleted_before_it_was_uploaded_is_counted_once_and_nothing_else() {
    let log = tempfile::tempdir().unwrap();
    let mut position = MergePosition { log: Uuid::from_u128(7), cores: BTreeMap::new(), behind: BTreeMap::new() };
    position.cores.insert(0, Place { segment: 100, offset: 8192 });
    let (cores, mut ahead) = (BTreeSet::from([0]), BTreeSet::from([(0, 300)]));
    let mut deletions = Deletions::default();
    let mut pass = |oldest: Option<u64>, position: &mut MergePosition| {
        let oldest = oldest.map(|id| (0, id)).into_iter().collect();
        deletions.pass(log.path(), &cores, &oldest, position, &mut ahead)
    };
    assert_eq!(pass(Some(200), &mut position), Deleted::default(), "there is no ledger");
    // 100 was delivered, 300 is in the store, 400 is noted and still there.
    note(log.path(), &[100, 200, 300, 400]);
    assert_eq!(pass(Some(400), &mut position), Deleted { segments: 1, records: 10, bytes: 8192 });
    assert_eq!(position.cores[&0], Place { segment: 300, offset: 8192 });
    assert_eq!(pass(Some(400), &mut position), Deleted::default());
    assert_eq!(pass(None, &mut position), Deleted { segments: 1, records: 10, bytes: 8192 }, "400 is gone now");
    assert_eq!(pass(None, &mut position), Deleted::default());
    // All that is noted lies behind a core of which nothing was ever uploaded.
    position.cores.clear();
    note(log.path(), &[500]);
    assert_eq!(pass(Some(600), &mut position).segments, 5);
}
