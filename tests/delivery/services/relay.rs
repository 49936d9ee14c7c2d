use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::common::services::{Redis, Relay, RelayMode};
use crate::common::{PATIENCE, wait_for};

fn ask(stream: &mut TcpStream, wait: Duration) -> std::io::Result<String> {
    stream.write_all(b"PING\r\n")?;
    stream.set_read_timeout(Some(wait))?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn a_relay_passes_hangs_keeps_answers_slows_down_resets_and_refuses() {
    let redis = Redis::new();
    let relay = Relay::to(redis.port());
    let open = || TcpStream::connect(("127.0.0.1", relay.port()));
    let (soon, short) = (PATIENCE, Duration::from_millis(200));
    let mut stream = open().unwrap();
    assert_eq!(ask(&mut stream, soon).unwrap(), "+PONG\r\n");

    relay.set(RelayMode::Hang);
    assert!(ask(&mut stream, short).is_err());
    relay.set(RelayMode::Slow(10));
    assert_eq!(ask(&mut stream, soon).unwrap(), "+PONG\r\n", "the answer to the request that hung");

    relay.set(RelayMode::KeepAnswers);
    let mut writer = open().unwrap();
    writer.write_all(b"SET key value\r\n").unwrap();
    wait_for("the command to arrive", PATIENCE, || (redis.cli(&["GET", "key"]) == "value").then_some(()));
    assert!(ask(&mut writer, short).is_err());

    relay.set(RelayMode::Pass);
    relay.cut();
    assert_eq!(relay.connections(), 0);
    let error = ask(&mut stream, soon).and_then(|_| ask(&mut stream, soon)).and_then(|_| ask(&mut stream, soon));
    assert!(error.is_err(), "{error:?}");
    assert_eq!(ask(&mut open().unwrap(), soon).unwrap(), "+PONG\r\n");
    relay.set(RelayMode::Refuse);
    assert_eq!(open().unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    relay.set(RelayMode::Pass);
    assert_eq!(ask(&mut open().unwrap(), soon).unwrap(), "+PONG\r\n");
}
