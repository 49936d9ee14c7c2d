//! `takeup erase` beside a real server: nothing of a person is left anywhere under the data folder, and all that others sent is there.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

#[path = "archive/recorded.rs"]
#[allow(missing_docs, dead_code)]
mod recorded;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Connection, Finished, Home, PATIENCE, Request, Server, gzip, wait_for};
use parquet::file::reader::{FileReader, SerializedFileReader};
use read::Archived;

/// The person's id, as the site gave it.
const USER: &str = "jane.roe+7041@example.org";

/// What is in the person's payloads, and in nobody else's.
const SECRET: &str = "correct-horse-battery-staple-7041";

fn settings(flush: &str) -> Vec<(&str, &str)> {
    vec![
        ("cores", "2"),
        ("segment_bytes", "2MiB"),
        ("window_bytes", "512KiB"),
        ("group_bytes_max", "512KiB"),
        ("beacon_size_limit", "100000"),
        ("archive", "true"),
        ("archive_budget_percent", "100"),
        ("archive_flush", flush),
    ]
}

/// A session of the person.
struct Person {
    token: String,
    session: u64,
}

impl Person {
    fn start(home: &Home, server: &Server) -> Self {
        let key = home.project_key();
        let start = Request::start(&key).field("userID", USER);
        let answer = wait_for("a start to be answered", PATIENCE, || {
            let answer = server.connect().exchange(start.clone());
            (answer.status != 503).then_some(answer)
        });
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = |name: &str| answer.json()[name].as_str().expect("a text").to_owned();
        Self { token: text("token"), session: text("sessionID").parse().expect("a number") }
    }

    /// Sends a batch as it is, and one that is packed.
    fn send(&self, server: &Server, number: u32) {
        let body = body(number);
        let mut client = server.connect();
        assert_eq!(client.exchange(Request::batch(&self.token, &body)).status, 200);
        assert_eq!(client.exchange(Request::batch(&self.token, body).gzip()).status, 200);
    }

    /// What must be nowhere.
    fn traces(&self) -> Vec<Vec<u8>> {
        let mut traces = vec![
            USER.as_bytes().to_vec(),
            SECRET.as_bytes().to_vec(),
            self.session.to_string().into_bytes(),
            self.session.to_le_bytes().to_vec(),
        ];
        traces.extend((0..SENT).map(|number| gzip(&body(number))));
        traces
    }
}

/// How many times the person sends.
const SENT: u32 = 6;

fn body(number: u32) -> Vec<u8> {
    format!("{number} {SECRET} ").repeat(40).into_bytes()
}

/// How many times others have sent: no two bodies are the same.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What others send while `work` runs: the hashes of what was acknowledged.
fn under_load<T>(home: &Home, server: &Server, work: impl FnOnce() -> T) -> (T, Vec<blake3::Hash>) {
    let tokens: Vec<String> = (1..6).map(|session| home.token(session)).collect();
    let (addr, is_done) = (server.addr, AtomicBool::new(false));
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut client = Connection::open(addr);
            let mut sent = Vec::new();
            while !is_done.load(Ordering::SeqCst) {
                let token = &tokens[sent.len() % tokens.len()];
                let mut body = format!("of others {} ", NUMBER.fetch_add(1, Ordering::SeqCst)).into_bytes();
                body.resize(300 + (sent.len() * 7_919) % 9_000, b'x');
                let answer = client.exchange(Request::batch(token, &body));
                assert_eq!(answer.status, 200, "{}", answer.text());
                sent.push(blake3::hash(&body));
            }
            sent
        });
        let result = work();
        is_done.store(true, Ordering::SeqCst);
        (result, sender.join().expect("the sender ends"))
    })
}

/// Every file below a folder.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        match entry.path().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

/// The pages of a Parquet file, unpacked, dictionaries too.
fn pages(file: Vec<u8>) -> Vec<Vec<u8>> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).expect("a Parquet file");
    let mut all = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).expect("a row group");
        for column in 0..group.num_columns() {
            let pages = group.get_column_page_reader(column).expect("its pages");
            all.extend(pages.map(|page| page.expect("a page").buffer().to_vec()));
        }
    }
    all
}

/// Where one of these is, in a file's name, bytes or unpacked pages. Files that go meanwhile have nothing.
fn found(data: &Path, traces: &[Vec<u8>]) -> Vec<String> {
    let finders: Vec<_> = traces.iter().map(memchr::memmem::Finder::new).collect();
    let has = |bytes: &[u8]| finders.iter().any(|finder| finder.find(bytes).is_some());
    let mut all = Vec::new();
    files(data, &mut all);
    let mut found = Vec::new();
    for path in all {
        let name = path.display().to_string();
        let Ok(bytes) = fs::read(&path) else { continue };
        let is_parquet = path.extension().is_some_and(|ext| ext == "parquet");
        if has(name.as_bytes()) || has(&bytes) || is_parquet && pages(bytes).iter().any(|page| has(page)) {
            found.push(name);
        }
    }
    found
}

fn wait_until_archived(server: &Server) {
    wait_for("nothing is left to archive", PATIENCE, || {
        let reports = server.admin_page("/couriers").json();
        let of = reports.as_array().and_then(|all| all.iter().find(|report| report["name"] == "compactor"))?;
        (of["lag"]["bytes"] == 0 && of["state"] == "ready").then_some(())
    });
}

fn erase(home: &Home, server: &Server, what: &[&str]) -> Finished {
    let admin = server.admin.to_string();
    home.takeup(&[&["erase", "--yes", "--json", "--admin", &admin], what].concat())
}

/// Each of these is in the archive once, and the archive is what the log has now.
#[track_caller]
fn check_the_rest(home: &Home, sent: &[blake3::Hash]) {
    let archived = Archived::read(home.data());
    recorded::expected(home.data()).check(&archived);
    let mut found: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    for (_, hash) in archived.payloads() {
        *found.entry(*hash.as_bytes()).or_default() += 1;
    }
    assert!(!sent.is_empty());
    for hash in sent {
        assert_eq!(found.get(hash.as_bytes()), Some(&1));
    }
}

#[track_caller]
fn check_verified(home: &Home) {
    let verified = home.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// Erases a person beside a server that puts chunks of this age into its archive.
fn erase_beside_a_server(flush: &str, before: impl Fn(&Server)) {
    let home = Home::new();
    let server = home.serve(&settings(flush));
    let person = Person::start(&home, &server);
    let traces = person.traces();
    let (receipt, sent) = under_load(&home, &server, || {
        (0..SENT / 2).for_each(|number| person.send(&server, number));
        before(&server);
        (SENT / 2..SENT).for_each(|number| person.send(&server, number));
        assert!(!found(home.data(), &traces).is_empty(), "the search finds what is there");
        let erased = erase(&home, &server, &["--user", USER]);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        assert_eq!(found(home.data(), &traces), Vec::<String>::new());
        erased.lines().remove(0)
    });
    assert_eq!(receipt["session_ids"], serde_json::json!([person.session.to_string()]), "{receipt}");
    assert_eq!((&receipt["complete"], &receipt["beside_server"]), (&true.into(), &true.into()), "{receipt}");
    server.stop();
    assert_eq!(found(home.data(), &traces), Vec::<String>::new());

    // What the keeper had in memory is read again, and does not bring the person back.
    let server = home.serve(&settings("100ms"));
    wait_until_archived(&server);
    server.stop();
    assert_eq!(found(home.data(), &traces), Vec::<String>::new());
    check_the_rest(&home, &sent);
    check_verified(&home);
}

#[test]
fn a_person_whose_records_are_in_the_archive_is_erased_under_load_and_the_rest_stays() {
    erase_beside_a_server("100ms", |server| {
        let added = || server.metric("takeup_archive_records_total");
        let begun = added();
        wait_for("the archive to grow", PATIENCE, || (added() > begun).then_some(()));
    });
}

#[test]
fn what_the_keeper_has_in_memory_does_not_come_into_the_archive_after_an_erasure() {
    erase_beside_a_server("1h", |_| {});
}

#[test]
fn an_erasure_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let home = Home::new();
    let server = home.serve(&settings("100ms"));
    let admin = server.admin.to_string();
    let mut sent = Vec::new();
    for round in 0..rounds {
        let person = Person::start(&home, &server);
        (0..SENT).for_each(|number| person.send(&server, number));
        wait_until_archived(&server);
        let session = person.session.to_string();
        let ((), more) = under_load(&home, &server, || {
            let arguments = ["erase", "--yes", "--json", "--admin", &admin, "--session", &session];
            let mut child = home.follow(&arguments);
            // A prime keeps the moments apart.
            let until = Instant::now() + Duration::from_millis(20 + round * 7_919 % 600);
            while Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            let _ = child.kill();
            child.wait().expect("a child");
            check_verified(&home);
            let erased = erase(&home, &server, &["--session", &session]);
            assert_eq!(erased.code, Some(0), "{erased:?}");
            assert_eq!(found(home.data(), &person.traces()), Vec::<String>::new());
        });
        sent.extend(more);
    }
    wait_until_archived(&server);
    server.stop();
    check_the_rest(&home, &sent);
    check_verified(&home);
}
