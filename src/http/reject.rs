//! Refusals of requests that break the rules of HTTP.

use std::fmt;

use super::response::reason_phrase;

/// Why a request cannot be served. Answer with it, then close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The status to answer with: 400, 413, 414, 417, 431, 501 or 505.
    pub status: u16,
    /// What is wrong, for the client's developers.
    pub reason: &'static str,
}

impl Reject {
    /// A refusal with 400.
    pub(crate) const fn bad_request(reason: &'static str) -> Self {
        Self::new(400, reason)
    }

    /// A refusal with any status.
    pub(crate) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

/// `400 Bad Request: <reason>`.
impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, reason_phrase(self.status), self.reason)
    }
}

impl std::error::Error for Reject {}
