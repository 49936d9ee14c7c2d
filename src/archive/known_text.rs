//! Texts that many rows share.

use std::sync::atomic::{AtomicU64, Ordering};

/// Stands for one text, for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextId(u64);

impl TextId {
    /// An id that no other text has.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for TextId {
    fn default() -> Self {
        Self::new()
    }
}

/// A text with an id, by which rows that share it are told without a comparison. The same text may have several ids.
#[derive(Debug, Clone, Copy)]
pub struct KnownText<'a> {
    /// The text.
    pub text: &'a str,
    /// Its id.
    pub id: TextId,
}

impl<'a> From<&'a str> for KnownText<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, id: TextId::new() }
    }
}

impl PartialEq for KnownText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for KnownText<'_> {}
