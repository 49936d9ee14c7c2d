use super::*;

use crate::archive::column::ColumnKind;
use crate::archive::decode::EventKind;
use crate::archive::rows::TableBuffer;

const RECORD: &str = "00000000-0000-0000-0000-000000000000/1/2/192";

/// An event with every value, each of them another one.
fn full() -> Event<'static> {
    Event {
        project: 3,
        session: 77,
        received_us: 1001,
        happened_us: Some(1002),
        page: Some(2),
        number: Some(9),
        index: 1003,
        stream_index: Some(1007),
        kind: EventKind::Network,
        source: "NetworkRequest",
        tab: Some("tab1".into()),
        page_url: Some("https://shop.example/".into()),
        url: Some("/api".into()),
        label: Some("a label".into()),
        selector: Some("#a".into()),
        name: Some("a name".into()),
        value: Some("a value".into()),
        message: Some("a message".into()),
        method: Some("GET".into()),
        level: Some("warn".into()),
        status: Some(200),
        duration_ms: Some(1004),
        hesitation_ms: Some(1005),
        bytes: Some(1006),
        details: Some("{}"),
        cut: true,
        record: RECORD.into(),
    }
}

/// An event with only what each has.
fn bare() -> Event<'static> {
    Event {
        stream_index: None,
        happened_us: None,
        page: None,
        number: None,
        tab: None,
        page_url: None,
        url: None,
        label: None,
        selector: None,
        name: None,
        value: None,
        message: None,
        method: None,
        level: None,
        status: None,
        duration_ms: None,
        hesitation_ms: None,
        bytes: None,
        details: None,
        cut: false,
        ..full()
    }
}

#[test]
fn each_value_stands_in_the_column_of_its_name() {
    let mut rows = TableBuffer::new(EVENTS);
    rows.push(&full());
    rows.push(&bare());
    let shown = |row: usize| -> Vec<String> {
        let columns = COLUMNS.iter().zip(rows.columns()).filter(|(_, values)| values.has(row));
        columns
            .map(|(column, values)| match column.kind {
                ColumnKind::Text | ColumnKind::Bytes => {
                    format!("{}={}", column.name, String::from_utf8_lossy(values.bytes(row)))
                }
                ColumnKind::Int | ColumnKind::Time | ColumnKind::Bool => {
                    format!("{}={}", column.name, values.int(row))
                }
            })
            .collect()
    };
    let record = "record_id=00000000-0000-0000-0000-000000000000/1/2/192";
    let all = [
        "project_id=3",
        "session_id=77",
        "received_at=1001",
        "happened_at=1002",
        "page=2",
        "number=9",
        "index=1003",
        "stream_index=1007",
        "kind=network",
        "source=NetworkRequest",
        "tab=tab1",
        "page_url=https://shop.example/",
        "url=/api",
        "label=a label",
        "selector=#a",
        "name=a name",
        "value=a value",
        "message=a message",
        "method=GET",
        "level=warn",
        "status=200",
        "duration_ms=1004",
        "hesitation_ms=1005",
        "bytes=1006",
        "details={}",
        "cut=1",
        record,
    ];
    assert_eq!(shown(0), all);
    let always = ["project_id=3", "session_id=77", "received_at=1001", "index=1003", "kind=network"];
    assert_eq!(shown(1), [&always[..], &["source=NetworkRequest", "cut=0", record]].concat());
}

#[test]
fn the_columns_are_those_of_the_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/archive.md")).unwrap();
    let (_, section) = page.split_once("\n## `events`").unwrap();
    let rows =
        section.lines().skip_while(|line| !line.starts_with("| column")).take_while(|line| line.starts_with('|'));
    let named: Vec<&str> =
        rows.skip(2).flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert_eq!(named, COLUMNS.map(|column| column.name));
    let (_, section) = section.split_once("| `kind` | what happened").unwrap();
    let rows = section.lines().skip(2).take_while(|line| line.starts_with('|'));
    let kinds: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    assert_eq!(kinds, EventKind::ALL.map(EventKind::as_str));
}
