mod captures;

use std::convert::Infallible;

use super::*;

use super::super::crafted::{Put, TIME_MS, phone_batch, record, web_batch};
use super::super::text::TEXT_BYTES_MAX;
use crate::tracker::FaultKind;

/// A record's events, each as `show` has it, and what became of the record.
fn listed(record: &Record<'_>, show: impl Fn(&Event<'_>) -> String) -> (Vec<String>, Decoded) {
    let mut list = Vec::new();
    let decoded = EventDecoder::default()
        .decode(record, record.payload, |event| {
            list.push(show(event));
            Ok::<(), Infallible>(())
        })
        .unwrap();
    assert_eq!(decoded.events, list.len() as u64);
    (list, decoded)
}

fn kind_and_value(event: &Event<'_>) -> String {
    format!("{} {}", event.source, event.value.as_deref().unwrap_or("-"))
}

#[test]
fn an_event_says_when_and_where_it_happened() {
    let click: &[Put<'_>] = &[47.into(), 250.into(), "buy".into(), "#buy".into(), 10.into(), 20.into()];
    let batch = web_batch(&[
        (118, &["tab1".into()]),
        (0, &[(TIME_MS + 5).into()]),
        (122, &["https://shop.example/next".into(), "".into(), 0.into(), "Next".into()]),
        (68, click),
    ]);
    let mut events = 0;
    let record = record(Kind::Batch, None, &batch);
    let id = record.id.to_string();
    let visit = |event: &Event<'_>| {
        events += 1;
        if event.kind.as_str() != "click" {
            return Ok(());
        }
        let expected = Event {
            happened_us: Some((TIME_MS + 5) * 1000),
            page: Some(2),
            number: Some(9),
            tab: Some("tab1".into()),
            page_url: Some("https://shop.example/next".into()),
            label: Some("buy".into()),
            selector: Some("#buy".into()),
            hesitation_ms: Some(250),
            details: Some(r#"{"ID":47,"NormalizedX":10,"NormalizedY":20}"#),
            stream_index: Some(2 << 32 | 9),
            ..Event::of(&record, id.as_str().into(), 4, event.kind, "MouseClick")
        };
        assert_eq!(event, &expected);
        assert_eq!((event.project, event.session, event.received_us), (3, 77, 1_800_000_000_000_000));
        Ok::<(), Infallible>(())
    };
    let decoded = EventDecoder::default().decode(&record, &batch, visit).unwrap();
    let client_us = Some((TIME_MS * 1000, (TIME_MS + 5) * 1000));
    assert_eq!((decoded, events), (Decoded { events: 2, client_us, fault: None }, 2));
}

#[test]
fn what_is_masked_is_never_given_out() {
    let input = |masked: bool| -> [Put<'_>; 6] {
        [24.into(), "4111 1111".into(), masked.into(), "Card".into(), 3.into(), 15.into()]
    };
    let show = |event: &Event<'_>| format!("{event:?}");
    let batch =
        web_batch(&[(112, &input(true)), (32, &[1.into(), 2.into(), "4111".into(), true.into(), "Card".into()])]);
    let (list, _) = listed(&record(Kind::Batch, None, &batch), show);
    let phone = phone_batch(&[(101, &["4111".into(), true.into(), "Card".into()])]);
    let (phones, _) = listed(&record(Kind::Batch, None, &phone), show);
    assert_eq!((list.len(), phones.len()), (2, 1));
    for event in list.iter().chain(&phones) {
        assert!(!event.contains("4111") && event.contains("Card"), "{event}");
    }
    let (list, _) = listed(&record(Kind::Batch, None, &web_batch(&[(112, &input(false))])), show);
    assert!(list[0].contains("4111 1111"), "{list:?}");
}

#[test]
fn a_screen_of_a_phone_that_goes_is_no_page() {
    let screen = |visible: bool| -> [Put<'_>; 3] { ["Cart".into(), "CartView".into(), visible.into()] };
    let batch = phone_batch(&[(98, &screen(true)), (98, &screen(false))]);
    let show = |event: &Event<'_>| format!("{:?} {:?} {:?}", event.name, event.label, event.happened_us);
    let (list, _) = listed(&record(Kind::Batch, None, &batch), show);
    assert_eq!(list, [format!(r#"Some("Cart") Some("CartView") Some({}000)"#, TIME_MS)]);
}

#[test]
fn names_and_durations_that_a_message_does_not_hold_as_such_are_given() {
    let batch = web_batch(&[(114, &[5.into()]), (87, &["slow".into(), 1000.into(), 3500.into()])]);
    let show =
        |event: &Event<'_>| format!("{:?} {:?} {:?} {:?}", event.name, event.label, event.duration_ms, event.details);
    let (list, _) = listed(&record(Kind::Batch, None, &batch), show);
    let expected = [
        r#"Some("mouse_thrashing") None None Some("{\"Timestamp\":5}")"#,
        r#"Some("incident") Some("slow") Some(2500) Some("{\"StartTime\":1000,\"EndTime\":3500}")"#,
    ];
    assert_eq!(list, expected);
}

#[test]
fn a_broken_batch_gives_its_events_up_to_the_fault() {
    let whole = web_batch(&[(28, &["ann".into()]), (28, &["bob".into()]), (28, &["cleo".into()])]);
    let cut = &whole[..whole.len() - 2];
    let (list, decoded) = listed(&record(Kind::Batch, None, cut), kind_and_value);
    assert_eq!(list, ["UserID ann", "UserID bob"]);
    let fault =
        Some(DecodeFault::Batch(BatchFault { kind: FaultKind::SizeOverrun { size: 5 }, offset: cut.len() as u64 - 7 }));
    assert_eq!((decoded.events, decoded.fault), (2, fault));
}

#[test]
fn a_broken_message_leaves_those_after_it_alone() {
    let mut batch = web_batch(&[(28, &["ann".into()]), (28, &["bob".into()])]);
    // The length of the first text: it claims more than the message has.
    let at = batch.windows(3).position(|bytes| bytes == b"ann").unwrap() - 1;
    batch[at] = 100;
    let (list, decoded) = listed(&record(Kind::Batch, None, &batch), kind_and_value);
    assert_eq!((list, decoded.fault), (vec!["UserID -".to_owned(), "UserID bob".to_owned()], None));
}

#[test]
fn each_of_two_batches_in_one_body_is_read_up_to_its_own_fault() {
    let (first, second) = (web_batch(&[(28, &["ann".into()])]), web_batch(&[(28, &["bob".into()])]));
    let body = [&first[..], &second].concat();
    let (list, decoded) = listed(&record(Kind::Batch, Some(first.len()), &body), kind_and_value);
    assert_eq!((list, decoded.fault), (vec!["UserID ann".to_owned(), "UserID bob".to_owned()], None));
    let broken = [&first[..], &[28, 255, 255, 255], &second].concat();
    let (list, decoded) = listed(&record(Kind::Batch, Some(first.len() + 4), &broken), kind_and_value);
    assert_eq!(list, ["UserID ann", "UserID bob"]);
    assert!(decoded.fault.is_some());
    let (list, decoded) = listed(&record(Kind::Batch, Some(first.len() - 1), &body), kind_and_value);
    assert_eq!(list, ["UserID ann"]);
    let split = FaultKind::Split { split: first.len() as u64 - 1 };
    assert_eq!(decoded.fault, Some(DecodeFault::Batch(BatchFault { kind: split, offset: first.len() as u64 - 1 })));
}

#[test]
fn record_and_index_are_a_key_whatever_a_body_claims() {
    let batch = web_batch(&[(28, &["ann".into()]), (28, &["bob".into()])]);
    let show = |event: &Event<'_>| format!("{} {:?}", event.index, event.stream_index);
    // Two batches that claim the same indexes.
    let (list, _) = listed(&record(Kind::Batch, Some(batch.len()), &batch.repeat(2)), show);
    let (first, second) = (2_u64 << 32 | 6, 2_u64 << 32 | 7);
    let expected = [(1, first), (2, second), (4, first), (5, second)];
    assert_eq!(list, expected.map(|(index, stream)| format!("{index} {:?}", Some(stream))));
    // A phone's batch that begins again in its middle.
    let batch = phone_batch(&[(94, &["ann".into()])]);
    let (list, _) = listed(&record(Kind::Batch, None, &batch.repeat(2)), show);
    assert_eq!(list.iter().map(|line| &line[..1]).collect::<Vec<_>>(), ["1", "3"]);
    // The next record begins anew.
    let sdk = br#"{"events":[{"name":"a"}],"user_actions":[{"type":"identity","user_id":"b"}]}"#;
    let (list, _) = listed(&record(Kind::Sdk, None, sdk), show);
    assert_eq!(list, ["0 None", "1 None"]);
}

#[test]
fn an_unknown_tracker_is_read_by_the_catalogue_that_fits() {
    // Of the first generation: without sizes, and GraphQL without a duration.
    let mut old = vec![80, 1, 0, 2];
    old.extend([48, 1, b'q', 1, b'n', 1, b'v', 1, b'r', 28, 3, b'a', b'n', b'n']);
    let (list, decoded) = listed(&record(Kind::Batch, None, &old), kind_and_value);
    assert_eq!((list, decoded.fault), (vec!["GraphQLDeprecated -".to_owned(), "UserID ann".to_owned()], None));
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let long = "ü".repeat(TEXT_BYTES_MAX);
    let batch = web_batch(&[(27, &["n".into(), (&*long).into()]), (27, &["n".into(), "v".into()])]);
    let show = |event: &Event<'_>| format!("{} {}", event.cut, event.value.as_deref().unwrap_or("-").len());
    let (list, _) = listed(&record(Kind::Batch, None, &batch), show);
    assert_eq!(list, [format!("true {TEXT_BYTES_MAX}"), "false 1".to_owned()]);
}

#[test]
fn the_first_error_of_who_is_called_ends_it() {
    let batch = web_batch(&[(28, &["ann".into()]), (28, &["bob".into()])]);
    let sdk = br#"{"events":[{"name":"a"},{"name":"b"}]}"#;
    for record in [record(Kind::Batch, None, &batch), record(Kind::Sdk, None, sdk)] {
        let mut called = 0;
        let ended = EventDecoder::default().decode(&record, record.payload, |_| {
            called += 1;
            Err("full")
        });
        assert_eq!((ended, called), (Err("full"), 1));
    }
}

#[test]
fn other_records_have_no_events() {
    let batch = web_batch(&[(28, &["ann".into()])]);
    for kind in Kind::ALL.iter().filter(|kind| !matches!(kind, Kind::Batch | Kind::Sdk)) {
        assert_eq!(listed(&record(*kind, None, &batch), kind_and_value), (Vec::new(), Decoded::default()));
    }
}
