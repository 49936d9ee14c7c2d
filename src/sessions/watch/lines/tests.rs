use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::super::super::handle::Sessions;
use super::*;

/// What a client has got.
#[derive(Default, Clone)]
struct Client {
    pieces: Arc<Mutex<Vec<Vec<u8>>>>,
    is_gone: Arc<AtomicBool>,
}

impl Client {
    fn text(&self) -> String {
        String::from_utf8(self.pieces.lock().unwrap().concat()).unwrap()
    }
}

impl Out for Client {
    fn send(&mut self, piece: Piece) -> Sent {
        if let Piece::Lines(lines) = piece {
            self.pieces.lock().unwrap().push(lines);
        }
        Sent::Done
    }

    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }
}

fn lines() -> (Lines, Client) {
    let sessions = Sessions::new("nowhere".into(), None);
    let client = Client::default();
    let mut lines = Lines::new(Place::take(&sessions.0, 1).unwrap(), Box::new(client.clone()));
    lines.is_found = true;
    (lines, client)
}

#[test]
fn a_line_of_any_length_is_never_in_memory_as_a_whole() {
    let (mut lines, client) = lines();
    // Each character becomes six.
    let long = "\u{1}".repeat(1 << 20);
    lines.line(&"short").unwrap();
    lines.line(&long).unwrap();
    assert!(lines.buffer.capacity() <= 2 * PIECE_BYTES, "{}", lines.buffer.capacity());
    lines.line(&"short").unwrap();
    lines.flush().unwrap();
    let largest = client.pieces.lock().unwrap().iter().map(Vec::len).max();
    assert!(largest.is_some_and(|bytes| bytes <= PIECE_BYTES + 1), "{largest:?}");
    let expected = format!("\"short\"\n{}\n\"short\"\n", serde_json::to_string(&long).unwrap());
    assert!(client.text() == expected);
}

#[test]
fn a_sign_of_life_stands_in_no_line() {
    let (mut lines, client) = lines();
    let long = "x".repeat(PIECE_BYTES);
    lines.line(&long).unwrap();
    assert!(!lines.buffer.is_empty() && !client.text().is_empty(), "a part of it was sent");
    for sign in ["", " \n"] {
        lines.sent -= HEARTBEAT;
        lines.beat().unwrap();
        assert!(client.text() == format!("\"{long}\"\n{sign}"));
    }
}

#[test]
fn a_long_line_ends_when_nobody_waits_for_it_any_more() {
    let sessions = Sessions::new("nowhere".into(), None);
    let client = Client::default();
    let mut lines = Lines::new(Place::take(&sessions.0, 1).unwrap(), Box::new(client.clone()));
    sessions.stop();
    assert!(matches!(lines.line(&"x".repeat(1 << 20)), Err(WatchError::Gone)));
    assert_eq!(client.text(), "");
}

#[test]
fn it_is_looked_for_the_client_every_fifty_milliseconds_and_not_at_each_line() {
    let (mut lines, client) = lines();
    client.is_gone.store(true, Ordering::Relaxed);
    lines.looked = Instant::now() + LOOK;
    lines.line(&1).unwrap();
    lines.looked = Instant::now() - LOOK;
    assert!(matches!(lines.line(&2), Err(WatchError::Gone)));
    assert_eq!(LOOK, Duration::from_millis(50));
}

#[test]
fn an_answer_ends_when_it_has_used_its_time_of_a_processor_for_what_it_converts() {
    let (mut lines, _) = lines();
    lines.converting = CONVERTING_MAX;
    lines.beat().unwrap();
    lines.convert(true);
    let began = processor_time();
    while processor_time() == began {}
    assert!(matches!(lines.beat(), Err(WatchError::TooLong)));
    // What else it does is not counted.
    lines.convert(false);
    assert!(lines.converting > CONVERTING_MAX);
    lines.beat().unwrap();
    assert_eq!(CONVERTING_MAX, Duration::from_secs(300));
}
