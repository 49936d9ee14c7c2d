use super::*;

fn param(text: &str, name: &str) -> Param {
    Parameterised::parse(text.as_bytes()).expect("is well formed").param(name)
}

fn value(text: &str) -> Param {
    Param::Value(text.as_bytes().to_vec())
}

#[test]
fn parameters_are_read_whatever_their_case_and_blanks() {
    for text in [
        "form-data; name=a; filename=b",
        "FORM-DATA; NAME=a; FILENAME=b",
        "Form-Data ;Name = \"a\" ; FileName=\"b\"",
        "form-data;name=a;filename*=UTF-8''b;",
        "form-data; name*=utf-8'en'%61; filename=\"no\"; filename*=us-ascii''%62 ; ",
    ] {
        let read = Parameterised::parse(text.as_bytes()).expect(text);
        assert_eq!((&*read.value, read.param("name"), read.param("filename")), ("form-data", value("a"), value("b")));
    }
    assert_eq!(param("multipart/form-data ; boundary = b", "boundary"), value("b"));
    assert_eq!(param("a; b=\"c:\\d \\\"e\\\\; f=g\"", "b"), value("c:\\d \"e\\; f=g"));
    assert_eq!(param("a; b=\"\"", "b"), value(""));
    assert_eq!(param("a", "b"), Param::Absent);
}

#[test]
fn an_extended_value_that_can_not_be_decoded_is_no_other_value() {
    for text in ["utf-16''b", "b", "utf-8''%zz", "''b"] {
        assert_eq!(param(&format!("a; b*=\"{text}\""), "b"), Param::Unreadable, "{text}");
        assert_eq!(param(&format!("a; b*=\"{text}\"; b=c"), "b"), value("c"), "{text}");
    }
}

#[test]
fn malformed_values_are_none() {
    for bad in ["", ";a=b", "a b", "a; b", "a; b=", "a; =c", "a; b=c d", "a; b=\"c", "a; b=c; B=d", "a;;b=c", "a\0"] {
        assert_eq!(Parameterised::parse(bad.as_bytes()), None, "{bad}");
    }
}
