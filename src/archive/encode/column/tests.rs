use std::path::Path;

use bytes::Bytes;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;

use super::*;
use crate::archive::column::KEY_COLUMNS;
use crate::archive::read_file::read_file;
use crate::archive::rows::TableBuffer;
use crate::archive::table::Table;
use crate::archive::write_file::{FileMeta, FileWriter};

const TABLE: Table = Table { name: "made", columns: &COLUMNS };

const COLUMNS: [Column; 10] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    Column::int("number").nullable(),
    Column::int("few").dictionary().nullable(),
    Column::text("repeated").dictionary().nullable(),
    Column::text("text").nullable(),
    Column::bytes("bytes"),
    Column::bool("flag"),
    Column::text("none").dictionary().nullable(),
];

/// Rows whose texts have about so many bytes.
fn made(rows: usize, text_bytes: usize) -> TableBuffer {
    let mut made = TableBuffer::new(TABLE);
    let text = |row: usize| format!("{row}{}", "x".repeat(row * 7919 % (2 * text_bytes)));
    let fill = |at: usize, column: &mut ColumnBuffer| {
        for row in 0..rows {
            match at {
                0 => column.push_int(Some(7)),
                1 => column.push_int(Some((row / 100) as i64 - 3)),
                2 => column.push_int(Some(1_700_000_000_000_000 + row as i64)),
                3 => column.push_int((row % 3 > 0).then_some(row as i64 - 1000)),
                4 => column.push_int((row / 50 % 2 == 0).then_some((row % 5) as i64)),
                5 => column.push_text((row % 7 > 0).then(|| text(row % 40)).as_deref()),
                6 => column.push_text((row % 2 > 0).then(|| text(row)).as_deref()),
                7 => column.push_bytes(Some(text(row + 1).as_bytes())),
                8 => column.push_int(Some(i64::from(row % 3 == 0))),
                _ => column.push_text(None),
            };
        }
        Ok::<_, ParquetError>(())
    };
    made.append(rows, fill).unwrap();
    made
}

fn written(rows: &TableBuffer, groups: &[&[u32]]) -> Bytes {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a.parquet");
    let meta = FileMeta { log: String::new(), from: String::new(), to: String::new() };
    let mut file = FileWriter::begin(TABLE, &meta, &path).unwrap();
    let mut encoder = ColumnEncoder::default();
    groups.iter().for_each(|group| file.group(&mut encoder, rows, group).unwrap());
    file.finish().unwrap();
    std::fs::read(path).unwrap().into()
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(file).unwrap()
}

#[test]
fn every_row_is_read_back_in_the_order_in_which_it_was_written() {
    for (count, text_bytes) in [(1, 10), (9, 3), (45_000, 8), (3_000, 2_000)] {
        let rows = made(count, text_bytes);
        let order: Vec<u32> = (0..count as u32).rev().collect();
        let (first, rest) = order.split_at(count.div_ceil(3));
        let mut back = TableBuffer::new(TABLE);
        read_file(Path::new("a"), written(&rows, &[first, rest]), &mut back).unwrap();
        assert_eq!(back.rows(), count);
        for (at, &row) in order.iter().enumerate() {
            for (column, (back, made)) in COLUMNS.iter().zip(back.columns().iter().zip(rows.columns())) {
                let row = row as usize;
                assert_eq!(back.has(at), made.has(row), "{} of row {row}", column.name);
                if matches!(column.kind, ColumnKind::Text | ColumnKind::Bytes) {
                    assert_eq!(back.bytes(at), made.bytes(row), "{} of row {row}", column.name);
                } else {
                    assert_eq!(back.int(at), made.int(row), "{} of row {row}", column.name);
                }
            }
        }
    }
}

#[test]
fn values_that_repeat_stand_in_a_dictionary_unless_that_becomes_large() {
    let dictionaries = |file: &Bytes| -> Vec<bool> {
        let group = metadata(file).row_group(0).clone();
        group.columns().iter().map(|column| column.dictionary_page_offset().is_some()).collect()
    };
    // A time of its own for each row, and no value at all, are in none.
    let has_one = |column: &Column| column.dictionary && !["received_at", "none"].contains(&column.name);
    let declared: Vec<bool> = COLUMNS.iter().map(has_one).collect();
    let order: Vec<u32> = (0..1000).collect();
    assert_eq!(dictionaries(&written(&made(1000, 8), &[&order])), declared);
    let large = dictionaries(&written(&made(1000, DICTIONARY_BYTES_MAX), &[&order[..40]]));
    assert!(declared[5] && !large[5]);
}

#[test]
fn pages_end_at_a_size_or_a_count_of_rows_and_the_index_finds_each() {
    let rows = made(45_000, 120);
    let order: Vec<u32> = (0..45_000).collect();
    let file = written(&rows, &[&order]);
    let metadata = metadata(&file);
    let index = metadata.page_index_for_row_group(0);
    for (at, column) in COLUMNS.iter().enumerate() {
        let locations = index.offset_index(at).expect("each column has one").page_locations().clone();
        let first_rows: Vec<i64> = locations.iter().map(|location| location.first_row_index).collect();
        if column.kind == ColumnKind::Bytes {
            assert!(first_rows.len() > 3 && first_rows.is_sorted(), "{first_rows:?}");
        } else if column.name != "text" {
            assert_eq!(first_rows, [0, 20_000, 40_000], "{}", column.name);
        }
        // What a reader finds through the index is what it finds without it.
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let with = SerializedFileReader::new_with_options(file.clone(), options).unwrap();
        let without = SerializedFileReader::new(file.clone()).unwrap();
        let pages = |reader: &SerializedFileReader<Bytes>| -> Vec<_> {
            let pages = reader.get_row_group(0).unwrap().get_column_page_reader(at).unwrap();
            pages.map(|page| page.unwrap().buffer().clone()).collect()
        };
        assert!(pages(&with) == pages(&without) && pages(&with).len() >= locations.len(), "{}", column.name);
    }
}

#[test]
fn footer_index_and_filter_have_what_the_keys_are_and_nothing_of_other_columns() {
    let rows = made(45_000, 8);
    let order: Vec<u32> = (0..45_000).collect();
    let file = written(&rows, &[&order[..100], &order[100..]]);
    let metadata = metadata(&file);
    for (at, column) in COLUMNS.iter().enumerate() {
        let chunk = metadata.row_group(1).column(at);
        assert_eq!(chunk.statistics().is_some(), column.statistics, "{}", column.name);
        assert_eq!(metadata.page_index_for_row_group(1).column_index(at).is_some(), column.statistics);
        assert_eq!(chunk.bloom_filter_offset().is_some(), column.bloom);
    }
    let Some(Statistics::Int64(sessions)) = metadata.row_group(1).column(1).statistics() else { panic!("numbers") };
    assert_eq!((sessions.min_opt(), sessions.max_opt(), sessions.null_count_opt()), (Some(&-2), Some(&446), Some(0)));
    let options = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(options).build();
    let reader = SerializedFileReader::new_with_options(file, options).unwrap();
    let group = reader.get_row_group(1).unwrap();
    let filter = group.get_column_bloom_filter(1).expect("a filter");
    assert!((-2_i64..=446).all(|session| filter.check(&session)));
    let others = (10_000_i64..11_000).filter(|session| filter.check(session)).count();
    assert!(others < 50, "{others} of 1000");
}
