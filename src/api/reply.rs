//! Answers: what a handler decides, and how it goes out.
//!
//! One place turns an error into a status and a body. The body is always `{"error":"<text>"}`, which
//! is the one shape that OpenReplay's clients look into.

use std::borrow::Cow;

use crate::http::{Reply, Version};
use crate::telemetry::Refusal as Reason;

use super::cors::{Asked, Cors, CorsSetting};

/// A refusal: who is at fault stands in the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// What it is counted as.
    pub reason: Reason,
    /// What is wrong, for the client and the log line.
    pub text: Cow<'static, str>,
    /// Seconds after which a client may try again; 0 if it may not, or not with this request.
    pub retry_after_seconds: u32,
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(status: u16, reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_seconds = if status == 503 { RETRY_AFTER_SECONDS } else { 0 };
        let mut text = text.into();
        if text.len() > ERROR_BYTES_MAX {
            cut(text.to_mut());
        }
        Self { status, reason, text, retry_after_seconds }
    }

    /// The same, with another time to stay away.
    pub fn retry_after(self, retry_after_seconds: u32) -> Self {
        Self { retry_after_seconds, ..self }
    }
}

/// The longest text of an error. Some repeat what the client sent, which must not become long by that.
pub const ERROR_BYTES_MAX: usize = 1024;

/// Cuts a text to what an error may hold.
pub fn cut(text: &mut String) {
    if text.len() > ERROR_BYTES_MAX {
        let end = start_of(text, ERROR_BYTES_MAX - MORE.len()).len();
        text.truncate(end);
        text.push_str(MORE);
        text.shrink_to_fit();
    }
}

/// As much of a text as fits into so many bytes.
pub fn start_of(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// What stands where a text was cut.
const MORE: &str = "\u{2026}";

/// Seconds after which a client may try again when we could not store.
const RETRY_AFTER_SECONDS: u32 = 1;

/// What every reply of a connection needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The request's version.
    pub version: Version,
    /// The connection stays open behind this reply.
    pub keep_alive: bool,
    /// The request was a HEAD: the body is announced and left out.
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

/// The answer to the last preflight: pages ask for the same fields again and again.
#[derive(Debug, Default)]
pub struct Preflight {
    fields: Vec<u8>,
    private_network: bool,
    lines: Vec<u8>,
    /// What `lines` were made for: the setting may change.
    setting: CorsSetting,
}

impl Preflight {
    /// Prepares the answer to an `OPTIONS` request that asked for `asked`.
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
