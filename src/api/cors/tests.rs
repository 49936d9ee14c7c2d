use super::*;

const ALL: CorsSetting = CorsSetting { enabled: true, private_network: true };

fn preflight(asked: Option<&[u8]>) -> String {
    let mut out = Vec::new();
    Cors::new(ALL).write_preflight(&mut out, Asked::new(asked, None));
    String::from_utf8(out).expect("header fields are ASCII")
}

#[test]
fn a_preflight_allows_what_trackers_send_and_mirrors_what_was_asked() {
    let text = preflight(Some(b"authorization, x-openreplay-batch,DataType"));
    assert!(text.contains(
        "Access-Control-Allow-Headers: Content-Type,Authorization,Content-Encoding,datatype,x-openreplay-batch\r\n"
    ));
    assert!(text.contains("Access-Control-Max-Age: 86400\r\n"));
    assert!(text.contains("Access-Control-Allow-Origin: *\r\n"));
}

#[test]
fn nothing_but_field_names_is_mirrored() {
    for bad in [&b"a\r\nX: y"[..], b"a;b", b"a\x80", &[b'a'; 2000]] {
        assert_eq!(preflight(Some(bad)), preflight(None));
    }
}

#[test]
fn a_private_address_is_open_to_public_pages_where_they_ask_and_the_setting_says_so() {
    const ALLOWED: &str = "Access-Control-Allow-Private-Network: true\r\n";
    for (private_network, asked, answered) in [
        (true, Some(&b"true"[..]), true),
        (true, None, false),
        (true, Some(b"false"), false),
        (false, Some(b"true"), false),
    ] {
        let mut out = Vec::new();
        let cors = Cors::new(CorsSetting { private_network, ..ALL });
        cors.write_preflight(&mut out, Asked::new(None, asked));
        let text = String::from_utf8(out).expect("header fields are ASCII");
        assert_eq!(text.contains(ALLOWED), answered, "{private_network} {asked:?}: {text}");
    }
}

#[test]
fn behind_a_proxy_that_adds_its_own_there_are_none() {
    let cors = Cors::new(CorsSetting { enabled: false, ..ALL });
    let mut out = Vec::new();
    cors.write_preflight(&mut out, Asked::new(Some(b"authorization"), Some(b"true")));
    assert!(out.is_empty() && cors.reply().is_empty());
}
