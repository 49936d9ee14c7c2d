//! A response, as it came.

use std::io::{self, Error, ErrorKind};

use serde_json::Value;

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The status line and the header lines, each with its line end.
    pub head: String,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The interim (1xx) statuses that came before it, if the reader skipped them.
    pub interim: Vec<u16>,
}

impl Response {
    /// A response whose body has not been read. Fails for what is not HTTP.
    pub fn without_body(head: String) -> io::Result<Response> {
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let are_headers = head.lines().skip(1).all(|line| line.contains(':'));
        match status {
            Some(status) if are_headers => Ok(Response { status, head, body: Vec::new(), interim: Vec::new() }),
            _ => Err(Error::new(ErrorKind::InvalidData, head)),
        }
    }

    /// The reason phrase.
    pub fn reason(&self) -> &str {
        self.head.lines().next().and_then(|line| line.splitn(3, ' ').nth(2)).unwrap_or_default()
    }

    /// The headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name, value.trim_matches([' ', '\t'])))
    }

    /// The first header of that name, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether it announces that the connection ends.
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// All of it, for people to read.
    pub fn text(&self) -> String {
        format!("{}\r\n{}", self.head, String::from_utf8_lossy(&self.body))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The same without its date, to compare two responses.
    pub fn undated(mut self) -> Response {
        self.head = self.head.lines().filter(|line| !line.starts_with("Date:")).collect::<Vec<_>>().join("\n");
        self
    }
}
