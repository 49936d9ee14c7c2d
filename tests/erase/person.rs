//! A person who sends to a server, and others who do meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::common::{Connection, Home, PATIENCE, Request, Server, gzip, wait_for};

/// The person's id, as the site gave it.
pub const USER: &str = "jane.roe+7041@example.org";

/// What is in the person's payloads, and in nobody else's.
pub const SECRET: &str = "correct-horse-battery-staple-7041";

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
    pub fn traces(&self) -> Vec<Vec<u8>> {
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
pub const SENT: u32 = 6;

/// One of the person's payloads.
pub fn body(number: u32) -> Vec<u8> {
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
                // Another connection can be another core's.
                if sent.len() % 64 == 63 {
                    client = Connection::open(addr);
                }
                let token = &tokens[sent.len() % tokens.len()];
                let mut body = format!("of others {} ", NUMBER.fetch_add(1, Ordering::SeqCst)).into_bytes();
                body.resize(300 + (sent.len() * 7_919) % 9_000, b'x');
                let answer = client.exchange(Request::batch(token, &body));
                assert_eq!(answer.status, 200, "{}", answer.text());
                sent.push(blake3::hash(&body));
            }
            sent
        });
        // The sender ends, too, if the work fails.
        let ending = Ending(&is_done);
        let result = work();
        drop(ending);
        (result, sender.join().expect("the sender ends"))
    })
}

/// Sets it when it is dropped.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
