//! JSON bodies: every field missing, empty, of each wrong type and at its extremes; every text cut short.

use crate::common::Connection;

use super::probe::Siege;
use super::routes::{Body, DOORS, Door, IOS_KEY, KEY, doors};

/// A value for each field that the route knows, all of them good: `KEY` stands for the key of a project.
fn fields(path: &str) -> &'static [(&'static str, &'static str)] {
    match path {
        "/v1/web/start" => &[
            ("projectKey", "KEY"),
            ("trackerVersion", r#""19.0.1""#),
            ("token", r#""""#),
            ("userUUID", r#""0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11""#),
            ("revID", r#""r1""#),
            ("timestamp", "1710417074000"),
            ("timezone", r#""UTC+02:00""#),
            ("isSnippet", "false"),
            ("deviceMemory", "8192"),
            ("jsHeapSizeLimit", "4294705152"),
            ("reset", "false"),
            ("userID", r#""user@example.com""#),
            ("doNotRecord", "false"),
            ("bufferDiff", "12"),
            ("isOffline", "false"),
            ("condition", r#""checkout""#),
            ("width", "1280"),
            ("height", "720"),
            ("assistOnly", "false"),
        ],
        "/v1/web/not-started" => {
            &[("projectKey", "KEY"), ("trackerVersion", r#""12.0.4""#), ("doNotTrack", "true"), ("reason", r#""x""#)]
        }
        "/v1/web/feature-flags" => &[
            ("projectID", r#""1""#),
            ("os", r#""Linux""#),
            ("device", r#""""#),
            ("country", r#""UN""#),
            ("state", r#""""#),
            ("city", r#""""#),
            ("browser", r#""Chrome""#),
            ("referrer", r#""""#),
            ("userID", r#""u""#),
            ("metadata", r#"{"plan":"pro"}"#),
            ("persistFlags", r#"{"single-all":{"key":"single-all","value":true}}"#),
        ],
        "/v1/web/uxt/signals/test" => &[
            ("testId", "1"),
            ("status", r#""begin""#),
            ("timestamp", "1710417074000"),
            ("duration", "12"),
            ("sessionID", "7"),
        ],
        "/v1/web/uxt/signals/task" => &[
            ("testId", "1"),
            ("taskId", "1"),
            ("status", r#""done""#),
            ("timestamp", "1710417074000"),
            ("duration", "12"),
            ("answer", r#""yes""#),
            ("taskAnswer", r#""yes""#),
        ],
        "/v1/mobile/start" => &[
            ("projectKey", "KEY"),
            ("trackerVersion", r#""1.1.8""#),
            ("token", r#""""#),
            ("revID", r#""1""#),
            ("userUUID", r#""0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11""#),
            ("userOSVersion", r#""17.4""#),
            ("userDevice", r#""iPhone15,2""#),
            ("userDeviceType", r#""mobile""#),
            ("timestamp", "1710417074000"),
            ("timezone", r#""UTC+02:00""#),
            ("deviceMemory", "6000000"),
            ("doNotRecord", "false"),
            ("condition", r#""""#),
            ("platform", r#""ios""#),
            ("width", "390"),
            ("height", "844"),
            ("performances", r#"{"a":1}"#),
            ("projectID", "3"),
        ],
        "/v1/sdk/start" => &[
            ("projectKey", "KEY"),
            ("os", r#""Linux""#),
            ("os_version", r#""""#),
            ("browser", r#""Chrome""#),
            ("browser_version", r#""122""#),
            ("platform", r#""web""#),
            ("screen_height", "720"),
            ("screen_width", "1280"),
            ("initial_referrer", r#""""#),
            ("user_id", r#""u""#),
            ("device_id", r#""d""#),
            ("sdk_edition", r#""web""#),
            ("sdk_version", r#""1.0.0""#),
            ("timezone", r#""UTC""#),
            ("search_engine", r#""""#),
            ("defaultFields", r#"{"os":"Linux"}"#),
        ],
        _ => panic!("no fields for {path}: add them"),
    }
}

/// Values that are wrong for some fields and extreme for others.
fn values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "1",
        "1.5",
        "390.0",
        "1e3",
        "1e400",
        "-1e400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        r#""""#,
        r#"" ""#,
        r#""5""#,
        r#""a\u0000b""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""é\u2028<>&""#,
        r#""../../etc/passwd""#,
        r#""a;rm -rf /""#,
        "[]",
        "{}",
        "[1]",
        r#"["a"]"#,
        r#"{"a":{"b":[1,2,{"c":null}]}}"#,
        "nan",
        "01",
        "+1",
        "'a'",
        r#""a"#,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    values.push(b"\"\xff\xfe\xc0\x80\"".to_vec());
    values.push([b"\"".as_slice(), &[b'x'; 20_000], b"\""].concat());
    values.push([b"\"".as_slice(), "é".repeat(300).as_bytes(), b"\""].concat());
    values.push([vec![b'['; 2_000], vec![b']'; 2_000]].concat());
    values.push([vec![b'['; 12_000], vec![b']'; 12_000]].concat());
    values
}

/// A document of these fields.
fn document(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = b"{".to_vec();
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        text.extend_from_slice(format!("{comma}\"{name}\":").as_bytes());
        text.extend_from_slice(value);
    }
    text.push(b'}');
    text
}

/// The good fields of a route with its project's key.
fn good(door: &Door) -> Vec<(&'static str, Vec<u8>)> {
    let key = format!("\"{}\"", if door.is_mobile() { IOS_KEY } else { KEY });
    let value = |text: &str| if text == "KEY" { key.clone().into_bytes() } else { text.as_bytes().to_vec() };
    fields(door.path).iter().map(|(name, text)| (*name, value(text))).collect()
}

fn as_slices<'a>(fields: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'static str, &'a [u8])> {
    fields.iter().map(|(name, value)| (*name, value.as_slice())).collect()
}

/// Sends documents one behind the other, and checks each answer.
struct Sender<'a> {
    siege: &'a Siege,
    door: &'static Door,
    token: String,
    client: Connection,
    faults: Vec<String>,
}

impl<'a> Sender<'a> {
    fn new(siege: &'a Siege, door: &'static Door) -> Self {
        let token = siege.token.clone();
        Sender { siege, door, token, client: siege.server().connect(), faults: Vec::new() }
    }

    fn send(&mut self, body: &[u8]) -> u16 {
        self.client.send(self.door.request(&self.token, &["Content-Type: application/json"], body));
        let answer = self.client.read();
        if answer.closes() {
            self.client = self.siege.server().connect();
        }
        if let Some(fault) = self.door.fault(&answer) {
            let start = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            self.faults.push(format!("{fault}\nfor {start}"));
        }
        answer.status
    }

    #[track_caller]
    fn finish(self) {
        let shown = self.faults.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(self.faults.is_empty(), "{} faults:\n{shown}", self.faults.len());
    }
}

#[test]
fn every_field_may_be_missing_empty_wrong_or_extreme() {
    let siege = Siege::begin(&[("ack", "memory")]);
    for door in doors(Body::Json) {
        let mut sender = Sender::new(&siege, door);
        let good = good(door);
        assert_eq!(sender.send(&document(&as_slices(&good))), 200, "{}: the good document is taken", door.path);
        for at in 0..good.len() {
            let mut fields = good.clone();
            let (name, _) = fields.remove(at);
            sender.send(&document(&as_slices(&fields)));
            for value in values() {
                let mut fields = as_slices(&good);
                fields[at] = (name, &value);
                sender.send(&document(&fields));
            }
            // Twice, in other letters: the last one counts.
            let upper = name.to_ascii_uppercase();
            let twice = [document(&as_slices(&good)), document(&[(&upper, b"{\"a\":[null]}")])];
            sender.send(&[&twice[0][..twice[0].len() - 1], b",", &twice[1][1..]].concat());
        }
        sender.finish();
    }
    siege.end();
}

#[test]
fn a_document_that_is_cut_is_refused_wherever_it_is_cut() {
    let siege = Siege::begin(&[("ack", "memory")]);
    for door in doors(Body::Json) {
        let mut sender = Sender::new(&siege, door);
        let whole = document(&as_slices(&good(door)));
        for end in 0..whole.len() {
            let status = sender.send(&whole[..end]);
            // Who asks for flags without saying who he is gets those for nobody in particular.
            let lenient = end == 0 && door.path.ends_with("feature-flags");
            assert!(status == 400 || lenient, "{}: {}", door.path, String::from_utf8_lossy(&whole[..end]));
        }
        sender.finish();
    }
    siege.end();
}

#[test]
fn what_is_no_document_is_refused() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let junk: Vec<Vec<u8>> = vec![
        b"[]".to_vec(),
        b"5".to_vec(),
        b"\"a\"".to_vec(),
        b"true".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"a\":1}}".to_vec(),
        b"{'a':1}".to_vec(),
        b"projectKey=a&b=c".to_vec(),
        vec![b'{'; 100_000],
        vec![b'['; 100_000],
        vec![b' '; 100_000],
        [b"{\"x\":\"".as_slice(), &[b'\\'; 99_999], b"\"}"].concat(),
        (0..=255).collect(),
    ];
    for door in doors(Body::Json) {
        let mut sender = Sender::new(&siege, door);
        for body in &junk {
            sender.send(body);
        }
        // Many keys, none of them known, and one that is known many times.
        let many: Vec<String> = (0..8_000).map(|number| format!("\"k{number}\":{number}")).collect();
        sender.send(format!("{{{}}}", many.join(",")).as_bytes());
        let again = vec!["\"projectKey\":\"x\""; 6_000].join(",");
        sender.send(format!("{{{again}}}").as_bytes());
        sender.finish();
    }
    siege.end();
}

#[test]
fn every_json_route_has_its_fields() {
    for door in DOORS.iter().filter(|door| door.body == Body::Json) {
        assert!(fields(door.path).len() > 3, "{}", door.path);
    }
}
