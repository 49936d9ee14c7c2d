//! Erasing beside a server under load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::common::{Connection, Finished, Home, PATIENCE, Request, Server, gzip, wait_for};
use crate::read::Archived;
use crate::recorded;

use super::search::Traces;

/// The person's id, as the site gave it.
const USER: &str = "jane.roe+7041@example.org";

/// What is in the person's payloads, and in nobody else's.
const SECRET: &str = "correct-horse-battery-staple-7041";

pub fn settings(flush: &str) -> Vec<(&str, &str)> {
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
pub struct Person {
    token: String,
    pub session: u64,
}

impl Person {
    pub fn start(home: &Home, server: &Server) -> Self {
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
    pub fn send(&self, server: &Server, number: u32) {
        let body = body(number);
        let mut client = server.connect();
        assert_eq!(client.exchange(Request::batch(&self.token, &body)).status, 200);
        assert_eq!(client.exchange(Request::batch(&self.token, body).gzip()).status, 200);
    }

    /// What must be nowhere.
    pub fn traces(&self) -> Traces {
        let mut traces = Traces::of(&[USER, SECRET]);
        traces.session(self.session);
        (0..SENT).for_each(|number| traces.body("a packed body", &gzip(&body(number))));
        traces
    }
}

/// How many times the person sends.
pub const SENT: u32 = 6;

fn body(number: u32) -> Vec<u8> {
    format!("{number} {SECRET} ").repeat(40).into_bytes()
}

/// How many times others have sent: no two bodies are the same.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What others send while `work` runs: the hashes of what was acknowledged.
pub fn under_load<T>(home: &Home, server: &Server, work: impl FnOnce() -> T) -> (T, Vec<blake3::Hash>) {
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

pub fn wait_until_archived(server: &Server) {
    wait_for("nothing is left to archive", PATIENCE, || {
        let reports = server.admin_page("/couriers").json();
        let of = reports.as_array().and_then(|all| all.iter().find(|report| report["name"] == "compactor"))?;
        (of["lag"]["bytes"] == 0 && of["state"] == "ready").then_some(())
    });
}

pub fn erase(home: &Home, server: &Server, what: &[&str]) -> Finished {
    let admin = server.admin.to_string();
    home.takeup(&[&["erase", "--yes", "--json", "--admin", &admin], what].concat())
}

/// Each of these is in the archive once, and the archive is what the log has now.
#[track_caller]
pub fn check_the_rest(home: &Home, sent: &[blake3::Hash]) {
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
pub fn check_verified(home: &Home) {
    for what in [&["verify"][..], &["verify", "--archive"]] {
        let verified = home.takeup(what);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// Erases a person beside a server that puts chunks of this age into its archive.
pub fn erase_beside_a_server(flush: &str, before: impl Fn(&Server)) {
    let home = Home::new();
    let server = home.serve(&settings(flush));
    let person = Person::start(&home, &server);
    let traces = person.traces();
    let ((), mut sent) = under_load(&home, &server, || {
        (0..SENT / 2).for_each(|number| person.send(&server, number));
        before(&server);
    });
    assert!(!traces.found(home.data()).is_empty(), "the search finds what is there");
    let (receipt, more) = under_load(&home, &server, || {
        (SENT / 2..SENT).for_each(|number| person.send(&server, number));
        let erased = erase(&home, &server, &["--user", USER]);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        erased.lines().remove(0)
    });
    sent.extend(more);
    assert_eq!(traces.found(home.data()), Vec::<String>::new());
    assert_eq!(receipt["session_ids"], serde_json::json!([person.session.to_string()]), "{receipt}");
    assert_eq!((&receipt["complete"], &receipt["beside_server"]), (&true.into(), &true.into()), "{receipt}");
    server.stop();
    assert_eq!(traces.found(home.data()), Vec::<String>::new());

    // What the keeper had in memory is read again, and does not bring the person back.
    let server = home.serve(&settings("100ms"));
    wait_until_archived(&server);
    server.stop();
    assert_eq!(traces.found(home.data()), Vec::<String>::new());
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
