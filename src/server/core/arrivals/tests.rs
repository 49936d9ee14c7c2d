use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;

/// A connection: the client's end and the server's.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn told(arrivals: &Arrivals) -> Vec<(usize, bool)> {
    let mut told = Vec::new();
    arrivals.drain(&mut Named::default(), |key, ended| told.push((key, ended))).unwrap();
    told
}

#[test]
fn what_arrives_is_told_once_and_what_follows_anew() {
    let arrivals = Arrivals::new().unwrap();
    let (mut client, mut server) = connection();
    client.write_all(b"before").unwrap();
    arrivals.watch(server.as_raw_fd(), 7).unwrap();
    assert_eq!(told(&arrivals), [(7, false)], "what came before it was watched");
    assert_eq!(told(&arrivals), []);
    let mut bytes = [0; 100];
    assert_eq!(server.read(&mut bytes).unwrap(), 6);
    assert_eq!(told(&arrivals), []);
    client.write_all(b"after").unwrap();
    assert_eq!(told(&arrivals), [(7, false)]);
    client.write_all(b"more").unwrap();
    assert_eq!(told(&arrivals), [(7, false)], "although the bytes before are still there");
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_told() {
    let arrivals = Arrivals::new().unwrap();
    let (mut client, server) = connection();
    arrivals.watch(server.as_raw_fd(), 7).unwrap();
    client.write_all(b"last").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(told(&arrivals), [(7, true)]);
    let (client, server) = connection();
    arrivals.watch(server.as_raw_fd(), 8).unwrap();
    assert_eq!(told(&arrivals), []);
    drop(client);
    assert_eq!(told(&arrivals), [(8, true)]);
}

#[test]
fn a_connection_that_is_shut_down_here_is_told() {
    let arrivals = Arrivals::new().unwrap();
    let (_client, server) = connection();
    arrivals.watch(server.as_raw_fd(), 7).unwrap();
    server.shutdown(Shutdown::Both).unwrap();
    assert_eq!(told(&arrivals), [(7, true)]);
}

#[test]
fn a_socket_that_is_forgotten_is_told_no_more_although_another_has_it() {
    let arrivals = Arrivals::new().unwrap();
    let (mut client, server) = connection();
    arrivals.watch(server.as_raw_fd(), 7).unwrap();
    let _elsewhere = server.try_clone().unwrap();
    arrivals.forget(server.as_raw_fd());
    drop(server);
    client.write_all(b"for the other core").unwrap();
    assert_eq!(told(&arrivals), []);
}

#[test]
fn all_are_told_however_many_there_are() {
    let arrivals = Arrivals::new().unwrap();
    let mut open: Vec<_> = (0..EVENTS_MAX + 10).map(|_| connection()).collect();
    for (key, (client, server)) in open.iter_mut().enumerate() {
        arrivals.watch(server.as_raw_fd(), key).unwrap();
        client.write_all(b"x").unwrap();
    }
    let mut keys: Vec<_> = told(&arrivals).into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..open.len()).collect::<Vec<_>>());
}
