use super::*;

#[test]
fn what_is_written_is_read() {
    let task = TestSignalRow {
        session_id: u64::MAX,
        test_id: 3,
        task_id: Some(5),
        status: "done",
        comment: "it <was> \"easy\"",
        timestamp: 1_710_417_074_000,
        duration: 60_000,
    };
    let test = TestSignalRow { task_id: None, comment: "", duration: 0, ..task.clone() };
    for (row, nulls) in [(task, 0), (test, 3)] {
        let mut json = Vec::new();
        row.write(&mut json);
        let read = TestSignalRow::read(&json).expect("a row is read");
        assert_eq!(format!("{read:?}"), format!("{row:?}"));
        assert_eq!(String::from_utf8_lossy(&json).matches("null").count(), nulls);
        assert_eq!(TestSignalRow::read(&json[..json.len() - 1]), None);
    }
}
