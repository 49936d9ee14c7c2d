use super::*;

#[test]
fn what_was_noted_is_found_by_the_next_run_and_gone_when_it_is_finished() {
    let data = tempfile::tempdir().unwrap();
    let receipt = Uuid::new_v4();
    let mut targets = Targets::default();
    targets.add(u64::MAX).unwrap();
    targets.add(5).unwrap();
    targets.projects.insert(3);
    {
        let pending = Pending::take(data.path()).unwrap();
        assert!(pending.read().unwrap().is_none());
        pending.write(receipt, &targets).unwrap();
        let busy = Pending::take(data.path()).unwrap_err();
        assert!(matches!(busy, EraseError::Busy { .. }), "{busy}");
    }
    let pending = Pending::take(data.path()).unwrap();
    assert_eq!(pending.read().unwrap(), Some((receipt, targets)));
    pending.finish().unwrap();
    assert!(pending.read().unwrap().is_none());
    assert!(!path(data.path()).exists());
}

#[test]
fn a_note_that_cannot_be_read_is_not_taken_for_nothing() {
    let data = tempfile::tempdir().unwrap();
    let pending = Pending::take(data.path()).unwrap();
    for text in ["{", "{\"version\":2,\"receipt\":\"\",\"sessions\":[],\"projects\":[]}"] {
        fs::write(path(data.path()), text).unwrap();
        assert!(matches!(pending.read(), Err(EraseError::Pending { .. })), "{text}");
    }
}
