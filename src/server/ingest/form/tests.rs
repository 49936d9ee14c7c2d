use super::*;

#[test]
fn the_boundary_of_a_form_is_found_whatever_stands_around_it() {
    for text in [
        "multipart/form-data; boundary=b",
        "multipart/form-data ; boundary = b",
        "Multipart/Form-Data;BOUNDARY=\"b\"",
        "multipart/form-data; charset=utf-8; boundary=b;",
        "multipart/form-data; boundary*=us-ascii'en'%62",
    ] {
        assert_eq!(boundary(Some(text.as_bytes())), Ok(b"b".to_vec()), "{text}");
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(BOUNDARY_BYTES_MAX + 1));
    for text in ["multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary*=b", &long]
    {
        assert_eq!(boundary(Some(text.as_bytes())), Err("no multipart boundary param in Content-Type"), "{text}");
    }
    for text in [
        "",
        "multipart/mixed; boundary=b",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=b; boundary=b",
        "multipart/form-data; boundary=b; BOUNDARY=c",
    ] {
        assert_eq!(boundary(Some(text.as_bytes())), Err("request Content-Type isn't multipart/form-data"), "{text}");
    }
    assert!(boundary(None).is_err());
}
