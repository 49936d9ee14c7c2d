use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

#[test]
fn a_second_handle_is_the_same_connection_and_outlives_the_first() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut client = StdStream::connect(listener.local_addr().expect("is bound")).expect("it listens");
    let (first, _) = listener.accept().expect("a connection");
    let mut second = StdStream::from(second_handle(first.as_raw_fd()).expect("a second handle"));
    drop(first);
    client.write_all(b"to the second").expect("it is open");
    let mut text = [0; 13];
    second.read_exact(&mut text).expect("it is open");
    assert_eq!(&text, b"to the second");
    drop(second);
    assert_eq!(client.read(&mut text).expect("the end"), 0);
    assert!(second_handle(-1).is_err());
}

#[test]
fn places_and_bytes_on_their_way_are_bounded() {
    let inbox = Inbox::new(2, 100);
    let mut first = inbox.reserve().expect("there is room");
    let second = inbox.reserve().expect("there is room");
    assert!(inbox.reserve().is_none(), "no more than two");
    drop(second);
    first.bytes = 100;
    inbox.bytes.fetch_add(100, Ordering::SeqCst);
    assert!(inbox.reserve().is_none(), "no more than these bytes");
    drop(first);
    assert!(inbox.reserve().is_some());
    assert_eq!(inbox.places(), 0);
}
