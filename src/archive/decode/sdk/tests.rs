use super::*;

use std::convert::Infallible;

use super::super::crafted::record;
use super::super::text::TEXT_BYTES_MAX;
use crate::log::format::record::Kind;

fn listed(body: &str) -> (Vec<String>, Option<JsonError>) {
    let mut list = Vec::new();
    let mut note = |event: &Event<'_>| {
        let (kind, index) = (event.kind.as_str(), event.index);
        list.push(format!("{index} {kind} {:?} {:?} {:?}", event.name, event.value, event.happened_us));
        Ok::<(), Infallible>(())
    };
    let record = record(Kind::Sdk, None, body.as_bytes());
    let fault = visit_events(&record, body.as_bytes(), &mut Buffers::default(), &mut note).unwrap();
    (list, fault)
}

#[test]
fn events_and_user_actions_are_read_with_and_without_their_wrapper() {
    let lists = r#"{"user_actions":[{"type":"identity","user_id":"ann","timestamp":1795569805293},
        {"type":"set_property","user_id":"ann","payload":{"plan":"pro"}}],
        "events":[{"name":"shelf_viewed","payload":{"n":12},"timestamp":1795569805675.5},{"name":"bare"}]}"#;
    let expected = [
        r#"0 user Some("identity") Some("ann") Some(1795569805293000)"#,
        r#"1 metadata Some("set_property") Some("{\"plan\":\"pro\"}") None"#,
        r#"2 custom Some("shelf_viewed") Some("{\"n\":12}") Some(1795569805675000)"#,
        r#"3 custom Some("bare") None None"#,
    ];
    for body in [lists.to_owned(), format!(r#"{{"data":{lists}}}"#)] {
        let (list, fault) = listed(&body);
        assert_eq!((list, fault), (expected.map(str::to_owned).to_vec(), None), "{body}");
    }
}

#[test]
fn what_has_another_form_is_passed_over() {
    for body in
        ["{}", "[]", "5", r#"{"data":[{"name":"x"}]}"#, r#"{"events":{"name":"x"}}"#, r#"{"events":[1,null,"x"]}"#]
    {
        assert_eq!(listed(body), (Vec::new(), None), "{body}");
    }
    let odd = r#"{"events":[{"name":null,"payload":null,"timestamp":"now"},{"name":7,"timestamp":1e300}]}"#;
    assert_eq!(listed(odd).0, [r#"0 custom None None None"#, r#"1 custom Some("7") None None"#]);
}

#[test]
fn what_comes_before_a_fault_is_given_out() {
    let (list, fault) = listed(r#"{"events":[{"name":"a"}],"user_actions":[{"type""#);
    assert_eq!((list.len(), fault), (1, Some(JsonError::UnexpectedEnd)));
}

#[test]
fn long_values_are_cut() {
    let body = format!(r#"{{"events":[{{"name":"a","payload":"{}"}},{{"name":"b"}}]}}"#, "ü".repeat(TEXT_BYTES_MAX));
    let record = record(Kind::Sdk, None, body.as_bytes());
    let mut cuts = Vec::new();
    let mut note = |event: &Event<'_>| {
        cuts.push((event.cut, event.value.as_ref().map_or(0, |value| value.len())));
        Ok::<(), Infallible>(())
    };
    visit_events(&record, body.as_bytes(), &mut Buffers::default(), &mut note).unwrap();
    assert_eq!(cuts, [(true, TEXT_BYTES_MAX), (false, 0)]);
}
