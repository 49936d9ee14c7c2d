//! A server's place, numbered batches, and the check that each arrived, in order.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::common::services::{Redis, RespConnection, StreamEntry};
use crate::common::{Home, PATIENCE, Request, Server, wait_for};

/// The sessions that send.
pub const SESSIONS: [u64; 3] = [7_000_000_000_001, 7_000_000_000_002, 7_000_000_000_003];

/// Those of a second site.
const OTHER_SESSIONS: [u64; 3] = [7_000_000_000_004, 7_000_000_000_005, 7_000_000_000_006];

/// A data folder, and what was sent to the servers on it.
pub struct Site {
    pub home: Home,
    sessions: [u64; 3],
    /// How many batches each session has sent.
    sent: Mutex<BTreeMap<u64, u32>>,
}

impl Site {
    pub fn new() -> Site {
        Site { home: Home::new(), sessions: SESSIONS, sent: Mutex::default() }
    }

    /// Another one, with sessions of its own.
    pub fn second() -> Site {
        Site { sessions: OTHER_SESSIONS, ..Site::new() }
    }

    /// Starts a server that delivers to the Redis at this URL.
    pub fn serve(&self, url: &str, more: &[(&str, &str)]) -> Server {
        let mut settings = vec![("redis_string", url), ("admission", "off")];
        settings.extend(more);
        self.home.serve(&settings)
    }

    /// Sends so many batches of each session. Each is answered with 200, whatever state Redis is in.
    #[track_caller]
    pub fn send(&self, server: &Server, count: u32) {
        self.send_padded(server, count, 40);
    }

    /// The same, with about so many bytes in each.
    #[track_caller]
    pub fn send_padded(&self, server: &Server, count: u32, bytes: usize) {
        let tokens: Vec<(u64, String)> =
            self.sessions.iter().map(|&session| (session, self.home.token(session))).collect();
        let mut connection = server.connect();
        for _ in 0..count {
            for (session, token) in &tokens {
                let number = self.count(*session);
                let answer = connection.exchange(Request::batch(token, batch(*session, number, bytes)));
                assert_eq!(answer.status, 200, "{}", server.said());
                *self.lock().entry(*session).or_default() += 1;
            }
        }
    }

    /// How many batches a session has sent.
    fn count(&self, session: u64) -> u32 {
        self.lock().get(&session).copied().unwrap_or_default()
    }

    /// How many batches were sent in all.
    pub fn total(&self) -> usize {
        self.lock().values().map(|&count| count as usize).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, u32>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every batch is in the stream `raw`, and demands that each session's are in order. Returns how many came again.
    #[track_caller]
    pub fn wait_for_all(&self, redis: &Redis) -> usize {
        self.wait_for_all_of(|| redis.entries("raw"))
    }

    /// The same, with the entries from elsewhere.
    #[track_caller]
    pub fn wait_for_all_of(&self, mut entries: impl FnMut() -> Vec<StreamEntry>) -> usize {
        wait_for("all batches to be in Redis", 2 * PATIENCE, || self.judge(&entries()))
    }

    /// Demands that each entry is one of those sent, byte for byte, and that each session's are in order: every batch is the next one, or one
    /// that has come before. Returns how many came again; `None` if some are missing.
    pub fn judge(&self, entries: &[StreamEntry]) -> Option<usize> {
        let mut next: BTreeMap<u64, u32> = BTreeMap::new();
        let mut last: BTreeMap<u64, u32> = BTreeMap::new();
        let mut repeats = 0;
        for entry in entries {
            let Some((session, number)) = read(entry).filter(|(session, _)| self.sessions.contains(session)) else {
                continue;
            };
            let before = last.insert(session, number);
            let is_next = before.map_or(number == 0, |before| number <= before + 1);
            assert!(is_next, "session {session}: batch {number} came after {before:?}, as {}", entry.id);
            let next = next.entry(session).or_default();
            if number < *next {
                repeats += 1;
            }
            *next = (number + 1).max(*next);
        }
        (next == *self.lock()).then_some(repeats)
    }
}

/// Whose batch an entry is, and its number; `None` if it is nobody's here. Demands that it is what was sent.
pub fn read(entry: &StreamEntry) -> Option<(u64, u32)> {
    let names: Vec<&str> = entry.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["sessionID", "value"], "exactly these fields");
    let session: u64 = std::str::from_utf8(entry.field("sessionID")?).unwrap().parse().unwrap();
    let value = entry.field("value")?;
    (SESSIONS.contains(&session) || OTHER_SESSIONS.contains(&session)).then_some(())?;
    let text = format!("{session}:");
    let at = value.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + text.len();
    let number: u32 = std::str::from_utf8(&value[at..at + 6]).unwrap().parse().unwrap();
    let pad = value.len() - (at + 7);
    assert!(value == batch(session, number, pad), "another batch than was sent");
    Some((session, number))
}

/// A batch with metadata and one message, a console line that begins with session and number, and has so many more bytes.
pub fn batch(session: u64, number: u32, bytes: usize) -> Vec<u8> {
    let text = format!("{session}:{number:06}:{}", "x".repeat(bytes));
    // BatchMetadata: version 1, page 1, first index 1, time, URL.
    let mut body = vec![81, 1, 1, 1];
    uint(&mut body, 1_700_000_000_000 * 2);
    body.extend([1, b'/']);
    // ConsoleLog with its size.
    let mut fields = vec![3, b'l', b'o', b'g'];
    uint(&mut fields, text.len() as u64);
    fields.extend(text.as_bytes());
    body.push(22);
    body.extend(&(fields.len() as u32).to_le_bytes()[..3]);
    body.extend(fields);
    body
}

fn uint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Waits until the server has logged that Redis takes nothing, for this kind of trouble.
#[track_caller]
pub fn wait_for_trouble(server: &Server, trouble: &str) -> String {
    server.wait_for_line(&["takes no records", &format!("\"trouble\":\"{trouble}\"")], 2 * PATIENCE)
}

/// Waits until the server has logged so many times that Redis takes records again.
#[track_caller]
pub fn wait_for_recovery(server: &Server, times: usize) {
    wait_for("Redis to take records again", 2 * PATIENCE, || {
        (server.stdout().matches("takes records again").count() >= times).then_some(())
    });
}

/// How many entries a stream has.
pub fn length(redis: &Redis, stream: &str) -> usize {
    redis.cli(&["XLEN", stream]).parse().unwrap()
}

/// A reader as OpenReplay's services are: a group that reads from the beginning, ten entries at a time.
pub struct Group {
    connection: RespConnection,
    name: &'static str,
    stream: &'static str,
}

impl Group {
    pub fn new(redis: &Redis, stream: &'static str, name: &'static str) -> Group {
        let mut connection = redis.connect();
        connection.call(&["XGROUP", "CREATE", stream, name, "0", "MKSTREAM"]).expect_ok();
        Group { connection, name, stream }
    }

    /// One that exists already.
    pub fn with(redis: &Redis, stream: &'static str, name: &'static str) -> Group {
        Group { connection: redis.connect(), name, stream }
    }

    /// Reads up to ten new entries.
    pub fn read(&mut self) -> Vec<StreamEntry> {
        let (name, stream) = (self.name, self.stream);
        let answer = self.connection.call(&["XREADGROUP", "GROUP", name, name, "COUNT", "10", "STREAMS", stream, ">"]);
        let Some(of_stream) = answer.list().into_iter().next() else { return Vec::new() };
        of_stream.list().into_iter().nth(1).unwrap().entries()
    }

    /// Acknowledges entries.
    pub fn acknowledge(&mut self, entries: &[StreamEntry]) {
        for entry in entries {
            self.connection.call(&["XACK", self.stream, self.name, &entry.id]);
        }
    }

    /// Reads and acknowledges everything that is there.
    pub fn read_all(&mut self) -> Vec<StreamEntry> {
        let mut all = Vec::new();
        loop {
            let entries = self.read();
            if entries.is_empty() {
                return all;
            }
            self.acknowledge(&entries);
            all.extend(entries);
        }
    }
}
