use std::collections::HashSet;

use super::*;
use crate::archive::column::{ColumnKind, KEY_COLUMNS};

#[test]
fn every_table_begins_with_the_columns_it_is_sorted_by_and_names_each_column_once() {
    for table in ALL {
        assert_eq!(table.columns[..3], KEY_COLUMNS, "{}", table.name);
        let names: HashSet<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), table.columns.len(), "{}", table.name);
    }
    assert_eq!(ALL.iter().collect::<HashSet<_>>().len(), ALL.len());
}

#[test]
fn no_text_and_no_bytes_are_copied_into_footers_or_filters() {
    for column in ALL.iter().flat_map(|table| table.columns) {
        if matches!(column.kind, ColumnKind::Text | ColumnKind::Bytes) {
            assert!(!column.statistics && !column.bloom, "{}", column.name);
        }
    }
}
