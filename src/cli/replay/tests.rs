use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use clap::Parser;
use uuid::Uuid;

use crate::api::judging::Unjudged;
use crate::api::mobile_batch::MobileBatchInput;
use crate::cli::command::{Cli, Command};
use crate::log::format::record::{DataType, Encoding, Ext, ExtWriter, Flags, Kind, Record, RecordId, Topic, ext_type};
use crate::records::mark_unusable;
use crate::session::SessionId;
use crate::session::token::Secrets;

use super::args::ReplayArgs;
use super::http::{Target, query};
use super::order::{Held, Item, Mark};
use super::outcome::Outcome;
use super::play::Pace;
use super::summary::{Choice, Filter, Found};
use super::to::To;
use super::workers;

fn args(more: &[&str]) -> ReplayArgs {
    let all = ["takeup", "replay", "--to", "-"].iter().chain(more);
    let Command::Replay(args) = Cli::try_parse_from(all).unwrap().command else { unreachable!() };
    args
}

fn record<'a>(session: u64, ext: &'a [u8], payload: &'a [u8]) -> Record<'a> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: 4096 },
        order_us: 1,
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::Player,
        encoding: Encoding::Gzip,
        session,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(ext),
        payload,
    }
}

fn item(record: &Record<'_>) -> Item {
    let held = Held::of(record);
    Item { mark: Mark::of(&held.head), due: None, held }
}

/// A request as received by the test server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    head: String,
    body: Vec<u8>,
}

/// Answers requests until each of `connections` connections has been closed; `status` picks the status by request number.
fn serve(listener: &TcpListener, connections: usize, status: impl Fn(usize) -> u16 + Send + Sync) -> Vec<Seen> {
    let seen = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..connections {
            let stream = listener.accept().unwrap().0;
            let (seen, status) = (&seen, &status);
            scope.spawn(move || answer(stream, seen, status));
        }
    });
    seen.into_inner().unwrap()
}

fn answer(stream: TcpStream, seen: &Mutex<Vec<Seen>>, status: impl Fn(usize) -> u16) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap() == 0 {
                return;
            }
        }
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(Seen { head, body });
            seen.len() - 1
        };
        let reply = format!("HTTP/1.1 {} X\r\ncontent-length: 0\r\n\r\n", status(number));
        reader.get_mut().write_all(reply.as_bytes()).unwrap();
    }
}

/// Replays `records` to a server that answers according to `status`.
fn replay(more: &[&str], records: &[Record<'_>], status: impl Fn(usize) -> u16 + Send + Sync) -> (Outcome, Vec<Seen>) {
    let args = args(more);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::parse(&format!("http://{}/ingest/", listener.local_addr().unwrap())).unwrap();
    let secrets = Secrets::new(vec![b"secret".to_vec()]).unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(&listener, 1, status));
        let (outcome, _, fed) = workers::run(&args, &target, &secrets, |queue| {
            records.iter().map(item).take_while(|item| queue.push(item.clone())).for_each(drop);
            Ok(())
        });
        fed.unwrap();
        (outcome, server.join().unwrap())
    })
}

#[test]
fn a_batch_is_sent_as_it_was_received() {
    let mut ext = Vec::new();
    let mut writer = ExtWriter::new(&mut ext);
    writer.push_query(b"3_17_100_network:503 a&b").unwrap();
    let mut visual = record(7, &ext, b"\x1f\x8bbody");
    visual.data_type = DataType::Visual;
    visual.split = 42;
    let (outcome, seen) = replay(&["--connections", "1"], &[visual], |_| 200);
    assert_eq!((outcome.batches, outcome.bytes, outcome.failure), (1, 6, None));
    let Seen { head, body } = &seen[0];
    assert!(
        head.starts_with("POST /ingest/v1/web/i?batch=3_17_100_network%3A503%20a%26b&split=42 HTTP/1.1\r\n"),
        "{head}"
    );
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains("\r\ncontent-encoding: gzip\r\n") && lower.contains("\r\ndatatype: visual\r\n"), "{head}");
    assert!(lower.contains("\r\nauthorization: bearer 7.0."), "{head}");
    assert_eq!(body, b"\x1f\x8bbody");
}

#[test]
fn a_batch_of_a_phone_goes_where_phones_send_theirs() {
    let mut batch = record(7, &[], b"\x1f\x8bbody");
    batch.topic = Topic::RawIos;
    let (outcome, seen) = replay(&["--connections", "1"], &[batch], |_| 200);
    assert_eq!((outcome.batches, outcome.failure), (1, None));
    assert!(seen[0].head.starts_with("POST /ingest/v1/mobile/i HTTP/1.1\r\n"), "{}", seen[0].head);
}

#[test]
fn plain_batches_carry_no_headers_that_they_came_without() {
    let mut old = record(7, &[], b"body");
    (old.data_type, old.encoding) = (DataType::All, Encoding::Identity);
    let (_, seen) = replay(&["--connections", "1"], &[old], |_| 200);
    let head = seen[0].head.to_ascii_lowercase();
    assert!(
        head.starts_with("post /ingest/v1/web/i http/1.1")
            && !head.contains("datatype")
            && !head.contains("encoding: gzip")
    );
}

#[test]
fn unknown_data_types_keep_their_text() {
    let mut ext = Vec::new();
    ExtWriter::new(&mut ext).push(ext_type::DATA_TYPE, b"future").unwrap();
    let mut other = record(7, &ext, b"body");
    other.data_type = DataType::Other;
    let (_, seen) = replay(&["--connections", "1"], &[other], |_| 200);
    assert!(seen[0].head.to_ascii_lowercase().contains("\r\ndatatype: future\r\n"));
    assert_eq!(query(&other), "");
}

#[test]
fn a_failing_server_gets_the_batch_again_and_the_order_stays() {
    let bodies: Vec<Vec<u8>> = (0..20u8).map(|i| vec![i]).collect();
    let records: Vec<_> = bodies.iter().map(|body| record(7, &[], body)).collect();
    let (outcome, seen) = replay(&["--connections", "1"], &records, |number| if number == 3 { 503 } else { 200 });
    assert_eq!((outcome.batches, outcome.retries, outcome.refused), (20, 1, 0));
    let received: Vec<u8> = seen.iter().map(|seen| seen.body[0]).collect();
    assert_eq!(received[..6], [0, 1, 2, 3, 3, 4]);
    assert!(received.is_sorted());
}

#[test]
fn a_refused_batch_is_counted_and_the_next_one_sent() {
    let records = [record(7, &[], b"a"), record(7, &[], b"b")];
    let (outcome, seen) = replay(&["--connections", "1"], &records, |number| if number == 0 { 413 } else { 200 });
    assert_eq!((outcome.batches, outcome.refused, seen.len()), (1, 1, 2));
    assert!(outcome.refusals[0].contains("status 413"), "{:?}", outcome.refusals);
}

#[test]
fn refused_tokens_end_the_replay_and_say_why() {
    let records = [record(7, &[], b"a"), record(7, &[], b"b")];
    let (outcome, seen) = replay(&["--connections", "1"], &records, |_| 401);
    assert!(outcome.failure.unwrap().contains("--token-secret-file"));
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_server_that_keeps_failing_ends_the_replay() {
    let records: Vec<_> = (0..1000).map(|_| record(7, &[], b"a")).collect();
    let (outcome, seen) = replay(&["--connections", "1", "--retries", "1"], &records, |_| 500);
    assert!(outcome.failure.unwrap().contains("tried 2 times"));
    assert_eq!((seen.len(), outcome.batches), (2, 0));
}

#[test]
fn the_buffer_bounds_what_waits() {
    let body = vec![1; 10_000];
    let records: Vec<_> = (0..50).map(|_| record(7, &[], &body)).collect();
    let (outcome, _) = replay(&["--connections", "1", "--buffer", "1"], &records, |_| 200);
    assert_eq!(outcome.batches, 50);
}

#[test]
fn targets_that_cannot_work_are_refused() {
    for url in ["https://host", "host:8080", "http://", "http:///x", "ftp://x", "http://h/?a=1"] {
        assert!(Target::parse(url).is_err(), "{url}");
    }
}

/// Why the command line is refused, before anything is read or sent.
fn refusal(arguments: &[&str]) -> String {
    let all = ["takeup", "replay"].iter().chain(arguments);
    let Command::Replay(args) = Cli::try_parse_from(all).unwrap().command else { unreachable!() };
    To::parse(args.to.reveal()).and_then(|to| args.check(&to)).expect_err("it is refused").to_string()
}

#[test]
fn a_queue_is_told_from_a_server_by_its_scheme() {
    let redis =
        ["redis://h", "rediss://u:p@h:6379/3", "REDIS://h", "redis://a:1,redis://b:2", "redis://a:1,b:2", "valkey://h"];
    for url in redis {
        let To::Queue(queue) = To::parse(url).unwrap() else { panic!("{url} is a queue") };
        assert_eq!((queue.setting, queue.value.reveal()), ("redis_string", url));
    }
    assert!(matches!(To::parse("http://redis:8080"), Ok(To::Server(_))));
    assert_eq!(To::parse("-").unwrap(), To::Stdout);
}

#[cfg(feature = "kafka")]
#[test]
fn brokers_are_named_with_their_ports_and_without_credentials() {
    for (url, servers) in [("kafka://a:9092,b:9093", "a:9092,b:9093"), ("kafka://a:9092/", "a:9092")] {
        let To::Queue(queue) = To::parse(url).unwrap() else { panic!("{url} is a queue") };
        assert_eq!((queue.setting, queue.value.reveal()), ("kafka_servers", servers));
    }
    for url in ["kafka://", "kafka://host", "kafka://user:s3cret@host:9092", "kafka://h:9092/topic"] {
        let error = refusal(&["--to", url]);
        assert!(error.contains("HOST:PORT") && error.contains("kafka_options") && !error.contains("s3cret"), "{error}");
    }
}

#[cfg(not(feature = "kafka"))]
#[test]
fn a_build_without_kafka_says_how_to_get_one() {
    assert!(refusal(&["--to", "kafka://h:9092"]).contains("cargo build --release --features kafka"));
}

#[test]
fn options_that_do_not_fit_the_destination_are_refused_by_name() {
    for option in [&["--connections", "2"][..], &["--token-secret-file", "x"], &["--buffer", "1MiB"], &["--unusable"]] {
        let error = refusal(&[&["--to", "redis://h"], option].concat());
        assert!(error.starts_with(option[0]), "{error}");
    }
    for to in ["-", "http://h:1"] {
        assert!(refusal(&["--to", to, "--set", "topic_raw_web=x"]).starts_with("--set"));
    }
    for to in ["-", "http://h:1", "redis://h"] {
        let error = refusal(&["--to", to, "--from", "2026-11-29", "--until", "2026-11-29T00:00:00Z"]);
        assert!(error.starts_with("--until"), "{error}");
    }
}

#[test]
fn no_error_about_an_address_shows_its_password() {
    for url in [
        "redi://:s3cret@h",
        "https://u:s3cret@h",
        "http://u:s3cret@h",
        "u:s3cret@h",
        "rediss://u:s3cret@h@x y",
        "redis://h,ftp://:s3cret@b",
        "redis://:s3/cret@h:x",
    ] {
        let error = refusal(&["--to", url]);
        assert!(!error.contains("cret"), "{url}: {error}");
    }
    let Command::Replay(args) = Cli::try_parse_from(["takeup", "replay", "--to", "redis://:s3cret@h"]).unwrap().command
    else {
        unreachable!()
    };
    assert!(!format!("{args:?}").contains("s3cret"));
}

#[test]
fn a_queue_is_sent_starts_and_images_too() {
    let mut filter = Filter::new(&args(&[]), Choice::ForQueues);
    let of = |kind| Record { kind, ..record(7, &[], b"x") };
    let wanted: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| filter.wants(&of(*kind))).collect();
    assert_eq!(wanted.len(), 4, "{wanted:?}");
    assert!([Kind::Batch, Kind::Sdk, Kind::Start, Kind::Image].iter().all(|kind| wanted.contains(kind)));
    filter.gives_nothing(&of(Kind::Image));
    let mut summary = filter.summary();
    let outcome = Outcome { batches: 1, starts: 1, refused: 1, ..Default::default() };
    summary.sent(&outcome);
    assert_eq!((summary.batches, summary.starts, summary.images, summary.not_sent), (1, 1, 0, 0));
    assert_eq!((summary.skipped_starts, summary.skipped_images, summary.skipped_empty), (0, 0, 1));
}

#[test]
fn the_pace_keeps_recorded_distances() {
    let mut pace = Pace::new(Some(10.0));
    let first = pace.due(1_000_000).unwrap();
    assert_eq!(pace.due(2_000_000).unwrap() - first, Duration::from_millis(100));
    assert!(pace.due(u64::MAX).unwrap() > first);
    assert_eq!(Pace::new(None).due(u64::MAX), None);
}

#[test]
fn the_progress_template_is_valid() {
    super::play::style();
}

#[test]
fn a_phones_batch_that_cannot_be_used_goes_where_phones_send_theirs() {
    let input = MobileBatchInput {
        session: SessionId(7),
        project: 1,
        just_expired: false,
        body: b"\x1f\x8b is cut",
        inflate: None,
    };
    let kept = mark_unusable(input.judge(None, &[]).entry);
    assert_eq!(kept.topic, Topic::None);
    let batch = Record { topic: kept.topic, flags: kept.flags, ..record(7, &[], kept.payload) };
    let web = Record { flags: Flags::UNUSABLE, topic: Topic::None, ..record(7, &[], b"a page's") };
    let (_, seen) = replay(&["--connections", "1", "--unusable"], &[batch, web], |_| 200);
    assert!(seen[0].head.starts_with("POST /ingest/v1/mobile/i HTTP/1.1\r\n"), "{}", seen[0].head);
    assert!(seen[1].head.starts_with("POST /ingest/v1/web/i HTTP/1.1\r\n"), "{}", seen[1].head);
}

#[test]
fn events_of_the_analytics_sdk_are_sent_too() {
    let events = Record {
        kind: Kind::Sdk,
        topic: Topic::RawAnalytics,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        ..record(7, &[], b"{}")
    };
    assert!(Filter::new(&args(&[]), Choice::Batches).wants(&events));
    let (outcome, seen) = replay(&["--connections", "1"], &[events], |_| 200);
    assert_eq!((outcome.batches, outcome.failure), (1, None));
    assert!(seen[0].head.starts_with("POST /ingest/v1/sdk/i HTTP/1.1\r\n"), "{}", seen[0].head);
}

#[test]
fn the_summary_adds_up_to_the_log() {
    let mut filter = Filter::new(&args(&[]), Choice::Batches);
    let of = |kind| Record { kind, ..record(7, &[], b"x") };
    let mut wanted = 0;
    for kind in Kind::ALL {
        wanted += u64::from(filter.wants(&of(*kind)));
    }
    wanted += u64::from(filter.wants(&Record { flags: Flags::UNUSABLE, ..of(Kind::Batch) }));
    let again = record(8, &[], b"sent by an earlier run");
    wanted += u64::from(filter.wants(&again));
    filter.was_sent(&again);
    let mut summary = filter.summary();
    assert_eq!((wanted, summary.batches), (3, 2), "a batch and one of the SDK, and one that was sent");
    // Three records were not chosen, and four are in two sources.
    summary.found(Found::of(&[], 4, 3));
    summary.sent(&Outcome { batches: 1, ..Default::default() });
    assert_eq!((summary.batches, summary.not_sent, summary.skipped_unusable, summary.not_chosen), (1, 1, 1, 3));
    let fields = serde_json::to_value(&summary).unwrap();
    let count = |name: &str| fields[name].as_u64().unwrap();
    let sum: u64 = fields
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.starts_with("skipped_") || name.starts_with("not_"))
        .map(|name| count(name))
        .sum();
    let sent = count("batches") + count("starts") + count("images") + count("others");
    assert_eq!(count("records"), sum + sent + count("refused"));
    assert_eq!(count("records"), Kind::ALL.len() as u64 + 2 + 7);
    assert_eq!(count("skipped_sent"), 1);
}
