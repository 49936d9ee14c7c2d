//! The protocol of Redis, version 2, without the client under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::common::wait::PATIENCE;

/// A connection to Redis.
#[derive(Debug)]
pub struct RespConnection(BufReader<TcpStream>);

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status, such as `OK`.
    Status(String),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An error: the code word, a space, a text.
    Error(String),
    /// A list.
    List(Vec<Reply>),
    /// Nothing.
    Nil,
}

/// An entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its id, `<ms>-<sequence>`.
    pub id: String,
    /// Its fields, in order.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl StreamEntry {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

impl RespConnection {
    /// Connects.
    #[track_caller]
    pub fn open(addr: SocketAddr) -> RespConnection {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE).expect("Redis listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        RespConnection(BufReader::new(stream))
    }

    /// Sends a command and reads the answer.
    #[track_caller]
    pub fn call<T: AsRef<[u8]>>(&mut self, arguments: &[T]) -> Reply {
        let mut wire = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments.iter().map(AsRef::as_ref) {
            wire.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            wire.extend_from_slice(argument);
            wire.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&wire).expect("Redis takes the command");
        self.read()
    }

    fn read(&mut self) -> Reply {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("Redis answers");
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).expect("Redis keeps the connection");
        let number = || rest.parse::<i64>().expect("a number");
        match kind {
            "+" => Reply::Status(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Integer(number()),
            "$" | "*" => match (kind, usize::try_from(number())) {
                (_, Err(_)) => Reply::Nil,
                ("$", Ok(length)) => {
                    let mut bytes = vec![0; length + 2];
                    self.0.read_exact(&mut bytes).expect("Redis sends all of it");
                    bytes.truncate(length);
                    Reply::Bytes(bytes)
                }
                (_, Ok(length)) => Reply::List((0..length).map(|_| self.read()).collect()),
            },
            _ => panic!("not an answer of Redis: {line}"),
        }
    }
}

impl Reply {
    /// Demands `OK`.
    #[track_caller]
    pub fn expect_ok(&self) {
        assert_eq!(self, &Reply::Status("OK".to_owned()));
    }

    /// The elements of a list; none of nothing.
    #[track_caller]
    pub fn list(self) -> Vec<Reply> {
        match self {
            Reply::List(list) => list,
            Reply::Nil => Vec::new(),
            other => panic!("not a list: {other:?}"),
        }
    }

    /// Its bytes.
    #[track_caller]
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Reply::Bytes(bytes) => bytes,
            other => panic!("not bytes: {other:?}"),
        }
    }

    /// Its bytes as text.
    #[track_caller]
    pub fn text(self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }

    /// The entries that XRANGE, or XREADGROUP for one of its streams, answers.
    #[track_caller]
    pub fn entries(self) -> Vec<StreamEntry> {
        let entry = |entry: Reply| {
            let mut parts = entry.list().into_iter();
            let id = parts.next().expect("an id").text();
            let mut fields = parts.next().expect("the fields").list().into_iter();
            let mut pairs = Vec::new();
            while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
                pairs.push((name.text(), value.bytes()));
            }
            StreamEntry { id, fields: pairs }
        };
        self.list().into_iter().map(entry).collect()
    }
}
