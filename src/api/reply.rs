//! The form of answers: status line and headers, the JSON of a refusal, the reply to a preflight.

use crate::http::{Reply, Version};

use super::cors::{Asked, Cors, CorsSetting};
use super::refusal::Refusal;

/// What every reply on a connection depends on.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The request's version.
    pub version: Version,
    /// The connection stays open after this reply.
    pub keep_alive: bool,
    /// The request was a HEAD: the body's length is announced, but no body is sent.
    pub head_only: bool,
    /// `Date`.
    pub date: &'a [u8; 29],
    /// Cross-origin headers.
    pub cors: &'a Cors,
}

impl Frame<'_> {
    /// Appends a reply to `out`.
    pub fn write(&self, out: &mut Vec<u8>, status: u16, headers: &[(&str, &[u8])], body: &[u8]) {
        self.write_lines(out, self.cors.reply(), status, headers, body);
    }

    /// Appends a reply with a JSON body.
    pub fn write_json(&self, out: &mut Vec<u8>, status: u16, body: &[u8]) {
        self.write(out, status, &[("Content-Type", b"application/json")], body);
    }

    /// Appends a refusal.
    pub fn write_refusal(&self, out: &mut Vec<u8>, refusal: &Refusal) {
        let mut body = Vec::with_capacity(64);
        body.extend_from_slice(b"{\"error\":");
        crate::codec::json::write_string(&mut body, &refusal.text);
        body.push(b'}');
        let content_type: (&str, &[u8]) = ("Content-Type", b"application/json");
        if refusal.retry_after_seconds > 0 {
            let seconds = refusal.retry_after_seconds.to_string();
            let headers = [content_type, ("Retry-After", seconds.as_bytes())];
            self.write(out, refusal.status, &headers, &body);
        } else {
            self.write(out, refusal.status, &[content_type], &body);
        }
    }

    fn write_lines(&self, out: &mut Vec<u8>, lines: &[u8], status: u16, headers: &[(&str, &[u8])], body: &[u8]) {
        Reply {
            status,
            version: self.version,
            keep_alive: self.keep_alive,
            date: self.date,
            lines,
            headers,
            body,
            head_only: self.head_only,
        }
        .write_to(out);
    }
}

/// The answer to the last preflight, cached because pages ask for the same fields again and again.
#[derive(Debug, Default)]
pub struct Preflight {
    fields: Vec<u8>,
    private_network: bool,
    lines: Vec<u8>,
    /// The setting that `lines` were made for; it may change.
    setting: CorsSetting,
}

impl Preflight {
    /// Prepares the answer to an `OPTIONS` request.
    pub fn ask(&mut self, cors: &Cors, asked: Asked<'_>) {
        let last = Asked { fields: &self.fields, private_network: self.private_network };
        if self.lines.is_empty() || last != asked || self.setting != cors.setting() {
            self.setting = cors.setting();
            self.fields.clear();
            self.fields.extend_from_slice(asked.fields);
            self.private_network = asked.private_network;
            self.lines.clear();
            cors.write_preflight(&mut self.lines, asked);
            self.lines.extend_from_slice(b"Cache-Control: max-age=86400\r\n");
        }
    }

    /// Appends the prepared answer to `out`.
    pub fn write(&self, out: &mut Vec<u8>, frame: &Frame<'_>) {
        frame.write_lines(out, &self.lines, 200, &[], b"");
    }
}
