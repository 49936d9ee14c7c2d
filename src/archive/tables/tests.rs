use std::collections::HashSet;
use std::fs;
use std::path::Path;

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

#[test]
fn the_page_on_the_archive_has_every_column() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/archive.md");
    let page = fs::read_to_string(page).unwrap();
    for table in ALL.into_iter().filter(|table| *table != events::EVENTS) {
        let is_of_table =
            |part: &&str| part.lines().next().is_some_and(|line| line.contains(&format!("`{}`", table.name)));
        let of_table = page.split("\n## ").find(is_of_table).expect("the table has a part of the page");
        for column in table.columns {
            assert!(of_table.contains(&format!("| `{}` |", column.name)), "{}.{}", table.name, column.name);
        }
    }
}
