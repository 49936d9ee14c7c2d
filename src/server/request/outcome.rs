//! How a request ends: with an answer, or with what stopped it.

use crate::api::refusal::Refusal;
use crate::server::memory::pool::{BodyRange, OverBudget};
use crate::server::store::commit::StoreError;

/// What a handler comes to.
pub type Outcome = Result<Answer, Stop>;

/// An answer to be sent.
#[derive(Debug)]
pub enum Answer {
    /// 200 without a body.
    Empty,
    /// 200 with this JSON.
    Json(Vec<u8>),
    /// The JSON in the request's answer buffer, with this status.
    Prepared(u16),
    /// The answer to a preflight.
    Preflight,
    /// 404, in plain text.
    NotFound,
    /// 301 to this place.
    MovedPermanently(Vec<u8>),
    /// 405; the methods that the route takes.
    WrongMethod(&'static str),
}

/// Why a request has no answer of its handler's.
#[derive(Debug)]
pub enum Stop {
    /// The client is told why.
    Refused(Refusal),
    /// Another core, where a place is reserved, serves the request.
    Moves,
    /// There is nobody to tell.
    Gone,
}

impl Answer {
    /// What it holds until it is sent, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Json(bytes) | Self::MovedPermanently(bytes) => bytes.capacity(),
            _ => 0,
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<OverBudget> for Stop {
    fn from(over: OverBudget) -> Self {
        Self::Refused(over.into())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Moves => Self::Moves,
            error => Self::Refused(error.refusal()),
        }
    }
}

/// What happens to the connection behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next request may come; this many bytes of the buffer are used up.
    KeepAlive(usize),
    /// Close at once: the client sends nothing more, or has gone.
    Close,
    /// Close, but let the client read the answer first.
    Linger,
    /// No answer: another core, where a place is reserved, serves the request. With its body, if that has been received.
    PassOn(Option<BodyRange>),
}
