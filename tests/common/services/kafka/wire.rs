//! Three requests of Kafka's protocol, so that topics are made and removed in milliseconds: the broker's own tool takes seconds.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::common::wait::PATIENCE;

const METADATA: (i16, i16) = (3, 1);
const CREATE_TOPICS: (i16, i16) = (19, 4);
const DELETE_TOPICS: (i16, i16) = (20, 3);

/// How long the broker may take, ms.
const TIMEOUT_MS: i32 = 30_000;

/// How many brokers the broker knows: one, once it is ready.
pub fn brokers(addr: SocketAddr) -> io::Result<i32> {
    // No topic.
    Answer(exchange(addr, METADATA, &Request::default().i32(0).0)?).i32()
}

/// Makes a topic. Returns the broker's error number; 0 is none.
pub fn create_topic(addr: SocketAddr, name: &str, partitions: i32, settings: &[(&str, &str)]) -> io::Result<i16> {
    let mut request = Request::default().i32(1).text(name).i32(partitions).i16(1).i32(0);
    request = request.i32(i32::try_from(settings.len()).expect("few settings"));
    for (setting, value) in settings {
        request = request.text(setting).text(value);
    }
    // And not only to check it.
    let mut request = request.i32(TIMEOUT_MS).0;
    request.push(0);
    error_of_topic(exchange(addr, CREATE_TOPICS, &request)?)
}

/// Removes a topic. Returns the broker's error number; 0 is none.
pub fn delete_topic(addr: SocketAddr, name: &str) -> io::Result<i16> {
    error_of_topic(exchange(addr, DELETE_TOPICS, &Request::default().i32(1).text(name).i32(TIMEOUT_MS).0)?)
}

fn error_of_topic(answer: Vec<u8>) -> io::Result<i16> {
    let mut answer = Answer(answer);
    let (_throttle_ms, _topics) = (answer.i32()?, answer.i32()?);
    let length = answer.i16()?;
    answer.take(usize::try_from(length).map_err(|_| ErrorKind::InvalidData)?)?;
    answer.i16()
}

/// Sends a request and reads the answer behind its header.
fn exchange(addr: SocketAddr, (key, version): (i16, i16), body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    let mut request = Request::default().i16(key).i16(version).i32(1).text("takeup-tests").0;
    request.extend_from_slice(body);
    let length = u32::try_from(request.len()).expect("a short request");
    stream.write_all(&[&length.to_be_bytes()[..], &request].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer)?;
    // The number of the request.
    answer.drain(..4.min(answer.len()));
    Ok(answer)
}

#[derive(Default)]
struct Request(Vec<u8>);

impl Request {
    fn i16(mut self, number: i16) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn i32(mut self, number: i32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        let mut request = self.i16(i16::try_from(text.len()).expect("a short text"));
        request.0.extend_from_slice(text.as_bytes());
        request
    }
}

struct Answer(Vec<u8>);

impl Answer {
    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if self.0.len() < length {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the answer is short"));
        }
        Ok(self.0.drain(..length).collect())
    }

    fn i16(&mut self) -> io::Result<i16> {
        let bytes = self.take(2)?;
        Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn i32(&mut self) -> io::Result<i32> {
        let bytes = self.take(4)?;
        Ok(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}
