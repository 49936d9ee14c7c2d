use crate::courier::rows::table::{Column, Presence};

use super::*;

fn found(kind: Kind, takes: Takes, not_null: bool) -> FoundColumn {
    let column = Column { name: "c", kind, presence: Presence::Usual };
    FoundColumn { at: 0, column, type_name: "t".to_owned(), takes, not_null }
}

fn labels(labels: &[&str]) -> Takes {
    Takes::Labels(labels.iter().map(|label| (*label).to_owned()).collect())
}

const INT4: Takes = Takes::Integers { min: i32::MIN as i64, max: i32::MAX as i64 };

#[test]
fn a_number_is_limited_to_the_range_of_its_column_but_an_id_is_not_changed() {
    let column = found(Kind::Integer, INT4, false);
    for (number, expected) in [(5, 5), (i64::MAX, i64::from(i32::MAX)), (i64::MIN, i64::from(i32::MIN))] {
        assert_eq!(sent(&Value::Integer(number), &column, 9), Ok(Sent::Integer(expected)));
    }
    let column = found(Kind::Id, INT4, false);
    assert_eq!(sent(&Value::Integer(5), &column, 9), Ok(Sent::Integer(5)));
    assert!(matches!(sent(&Value::Integer(1 << 40), &column, 9), Err(Unfit::Row(_))));
}

#[test]
fn a_label_that_the_database_lacks_becomes_the_one_for_others() {
    let country = |known: &[&str], not_null| found(Kind::Label(Some("UN")), labels(known), not_null);
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(sent(&text("FR"), &country(&["FR", "UN"], true), 9), Ok(Sent::Text("FR")));
    assert_eq!(sent(&text("XK"), &country(&["FR", "UN"], true), 9), Ok(Sent::Text("UN")));
    assert_eq!(sent(&Value::Null, &country(&["FR", "UN"], true), 9), Ok(Sent::Text("UN")));
    assert_eq!(sent(&text("XK"), &country(&["FR"], false), 9), Ok(Sent::Null));
    let column = country(&["FR"], true);
    let Err(Unfit::Column(cause)) = sent(&text("XK"), &column, 9) else { panic!("the type lacks UN") };
    assert_eq!((cause.trouble, cause.text.contains("\"UN\"")), (Trouble::Mismatch, true), "{cause}");
}

#[test]
fn nothing_is_null_where_null_is_refused() {
    let cases = [
        (Kind::Integer, INT4, Sent::Integer(0)),
        (Kind::Integer, Takes::Numbers, Sent::Integer(0)),
        (Kind::Text, Takes::Texts, Sent::Text("")),
        (Kind::Bool, Takes::Bools, Sent::Bool(false)),
    ];
    for (kind, takes, expected) in cases {
        assert_eq!(sent(&Value::Null, &found(kind, takes.clone(), true), 9), Ok(expected));
        assert_eq!(sent(&Value::Null, &found(kind, takes, false), 9), Ok(Sent::Null));
    }
}

#[test]
fn a_text_is_cut_between_characters() {
    let column = found(Kind::Text, Takes::Texts, false);
    assert_eq!(sent(&Value::Text("äöü".into()), &column, 2), Ok(Sent::Text("äö")));
    assert_eq!(sent(&Value::Text("äöü".into()), &column, 3), Ok(Sent::Text("äöü")));
}
