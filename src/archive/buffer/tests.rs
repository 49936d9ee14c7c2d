use super::*;

const REPEATED: Column = Column::text("a").dictionary().nullable();
const OTHER: Column = Column::text("a").nullable();

fn texts(column: &Column, values: &[Option<&str>]) -> ColumnBuffer {
    let mut column = ColumnBuffer::new(column);
    for value in values {
        assert_eq!(column.push_text(*value), VALUE_BYTES + value.unwrap_or_default().len() as u64);
    }
    column
}

#[test]
fn each_row_has_its_text_also_where_others_have_the_same() {
    let values = [Some("page"), Some("page"), None, Some(""), Some("other"), Some("page"), Some("page")];
    for kind in [REPEATED, OTHER] {
        let column = texts(&kind, &values);
        for (row, value) in values.iter().enumerate() {
            assert_eq!((column.has(row), column.bytes(row)), (value.is_some(), value.unwrap_or_default().as_bytes()));
            assert_eq!(column.value_bytes(row), VALUE_BYTES + value.unwrap_or_default().len() as u64);
        }
        assert!(column.place(2).is_none() && column.place(7).is_none());
    }
    let column = texts(&REPEATED, &values);
    let Values::Repeated { texts, .. } = &column.values else { panic!("texts that repeat") };
    assert_eq!(texts.len(), 3, "each is kept once");
}

#[test]
fn a_row_of_another_buffer_is_the_same_in_this_one() {
    for kind in [REPEATED, OTHER] {
        let from = texts(&kind, &[Some("a"), None, Some("b")]);
        let mut to = texts(&kind, &[]);
        for row in [2, 1, 0, 0] {
            to.push_from(&from, row);
        }
        let rows: Vec<_> = (0..4).map(|row| to.has(row).then(|| to.bytes(row))).collect();
        assert_eq!(rows, [Some(&b"b"[..]), None, Some(b"a"), Some(b"a")]);
    }
}

#[test]
fn a_text_that_is_known_by_its_id_is_kept_once_and_no_other_is_taken_for_it() {
    let mut column = ColumnBuffer::new(&REPEATED);
    let (page, other) = (KnownText::from("page"), KnownText::from("other"));
    let same_text = KnownText::from("page");
    for value in [Some(page), Some(page), None, Some(page), Some(other), Some(page)] {
        column.push_known_text(value);
    }
    column.push_text(Some("x"));
    column.push_known_text(Some(page));
    column.push_known_text(Some(same_text));
    let rows: Vec<_> = (0..9).map(|row| column.has(row).then(|| column.bytes(row))).collect();
    let expected = ["page", "page", "", "page", "other", "page", "x", "page", "page"];
    let expected = expected.map(|text| (!text.is_empty()).then_some(text.as_bytes()));
    assert_eq!(rows, expected);
    let Values::Repeated { texts, .. } = &column.values else { panic!("texts that repeat") };
    assert_eq!(texts.len(), 3);
}
