use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

#[test]
fn host_names_give_the_recorded_shards() {
    for (name, shard) in
        [("localhost", 4_920), ("http-openreplay-7c9d5b6f4-abcde", 43_091), ("http-0", 1_645), ("a", 97)]
    {
        assert_eq!(from_host_name(name), shard, "{name}");
    }
}

fn answered(body: &str) -> Result<u16, MetadataError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/v3/id", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        assert!(request.starts_with(b"GET /v3/id HTTP/1.0\r\n"));
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let shard = from_ecs_metadata(&uri);
    server.join().unwrap();
    shard
}

#[test]
fn one_address_of_one_network_is_the_shard_of_a_container() {
    let one = r#"{"Networks":[{"NetworkMode":"awsvpc","IPv4Addresses":["10.0.3.7"]}]}"#;
    assert_eq!(answered(one).unwrap(), 3 * 256 + 7);
    let two = r#"{"Networks":[{"IPv4Addresses":["10.0.3.7","10.0.3.8"]}]}"#;
    assert!(matches!(answered(two), Err(MetadataError::Answer { .. })));
    assert!(matches!(answered("{}"), Err(MetadataError::Answer { .. })));
}

#[test]
fn addresses_that_cannot_be_asked_are_refused() {
    for uri in ["", "https://x/", "http://", "http://a b/"] {
        let refused = from_ecs_metadata(uri);
        assert!(matches!(refused, Err(MetadataError::Address(_))), "{uri}");
    }
}
