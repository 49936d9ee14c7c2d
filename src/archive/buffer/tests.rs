use super::*;

fn texts(values: &[Option<&str>]) -> ColumnBuffer {
    let mut column = ColumnBuffer::new(&Column::text("a").nullable());
    for value in values {
        assert_eq!(column.push_text(*value), VALUE_BYTES + value.unwrap_or_default().len() as u64);
    }
    column
}

#[test]
fn rows_that_share_a_text_have_it_each_in_any_order() {
    let values = [Some("page"), Some("page"), None, Some(""), Some("other"), Some("page"), Some("page")];
    let column = texts(&values);
    for (row, value) in values.iter().enumerate() {
        assert_eq!((column.has(row), column.bytes(row)), (value.is_some(), value.unwrap_or_default().as_bytes()));
        assert_eq!(column.value_bytes(row), VALUE_BYTES + value.unwrap_or_default().len() as u64);
    }
    for order in [[0, 1, 2, 3, 4, 5, 6], [6, 0, 5, 1, 4, 3, 2], [4, 4, 2, 0, 0, 6, 5]] {
        let expected: Vec<&[u8]> = order.iter().filter(|&&row| column.has(row)).map(|&row| column.bytes(row)).collect();
        assert_eq!(column.shared(order.into_iter()), expected);
    }
    assert!(column.place(2).is_none() && column.place(7).is_none());
    let Values::Texts { all, .. } = &column.values else { panic!("texts") };
    assert_eq!(all, "pageotherpage", "kept once for rows in a row");
}

#[test]
fn a_row_of_another_buffer_is_the_same_in_this_one() {
    let from = texts(&[Some("a"), None, Some("b")]);
    let mut to = texts(&[]);
    for row in [2, 1, 0, 0] {
        to.push_from(&from, row);
    }
    let rows: Vec<_> = (0..4).map(|row| to.has(row).then(|| to.bytes(row))).collect();
    assert_eq!(rows, [Some(&b"b"[..]), None, Some(b"a"), Some(b"a")]);
}

#[test]
fn a_text_that_is_known_by_its_id_is_kept_once_for_rows_in_a_row_and_no_other_is_taken_for_it() {
    let mut column = ColumnBuffer::new(&Column::text("a").nullable());
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
    let Values::Texts { all, .. } = &column.values else { panic!("texts") };
    assert_eq!(all, "pageotherpagexpage");
}
