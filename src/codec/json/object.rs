//! Writes JSON objects, member by member, into reused buffers.

use super::write::{write_integer, write_string};

/// Writes the members of one JSON object.
pub struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> ObjectWriter<'a> {
    /// Begins an object at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    fn key(&mut self, key: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(self.out, value);
    }

    /// An integer.
    pub fn integer(&mut self, key: &str, value: impl Into<i128>) {
        self.key(key);
        write_integer(self.out, value.into());
    }

    /// An integer as a text, because JavaScript's numbers cannot hold all 64 bits.
    pub fn quoted_integer(&mut self, key: &str, value: impl Into<i128>) {
        self.key(key);
        self.out.push(b'"');
        write_integer(self.out, value.into());
        self.out.push(b'"');
    }

    /// A boolean.
    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A member whose value is JSON already.
    pub fn raw(&mut self, key: &str, json: impl AsRef<[u8]>) {
        self.key(key);
        self.out.extend_from_slice(json.as_ref());
    }

    /// `null`.
    pub fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    /// A text, or `null` for an empty one.
    pub fn text_or_null(&mut self, key: &str, value: &str) {
        if value.is_empty() { self.null(key) } else { self.text(key, value) }
    }

    /// An integer, or `null` for 0.
    pub fn integer_or_null(&mut self, key: &str, value: u64) {
        if value == 0 { self.null(key) } else { self.integer(key, value) }
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}
