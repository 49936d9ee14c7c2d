//! What a message says.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::export::said::Said;

/// What one message says.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Something about the page.
    Page(Said),
    /// Something that happened: the message's name, and its fields.
    Event(&'static str, Json),
    /// Batches of this page are missing before this one.
    Gap,
}

/// A message, with what its batch says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Client time in Unix ms.
    pub at_ms: i64,
    /// The number of the page in the session.
    pub page: u64,
    /// The browser's tab; empty if the tracker does not tell.
    pub tab: Arc<str>,
    /// How many bytes it was sent in.
    pub bytes: usize,
    /// What it says.
    pub what: What,
}
