use super::*;
use crate::archive::tables::activity::{ACTIVITY, ActivityRow};

fn row(project: u32, session: u64, first_us: u64, batches: u64) -> ActivityRow {
    ActivityRow {
        project,
        session,
        first_us,
        last_us: first_us,
        records: 1,
        batches,
        images: 0,
        stored_bytes: 1,
        payload_bytes: 2,
    }
}

#[test]
fn rows_are_sorted_by_project_session_and_time_and_otherwise_stay_in_order() {
    let mut rows = TableBuffer::new(ACTIVITY);
    for (project, session, at, number) in [(2, 1, 1, 0), (1, 9, 5, 1), (1, 9, 5, 2), (1, 9, 4, 3), (1, 2, 9, 4)] {
        rows.push(&row(project, session, at, number));
    }
    assert_eq!(rows.sorted(), [4, 3, 1, 2, 0]);
    assert_eq!(rows.rows(), 5);
    assert_eq!(rows.bytes(), (0..5).map(|row| rows.row_bytes(row)).sum::<u64>());
}
