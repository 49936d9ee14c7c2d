//! How a request ends: with an answer, or with the reason why there is none.

use crate::api::refusal::Refusal;
use crate::server::memory::pool::{BodyRange, OverBudget};
use crate::server::store::commit::StoreError;

/// What a handler returns.
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
    /// 301 to this location.
    MovedPermanently(Vec<u8>),
    /// 405, with the methods that the route accepts.
    WrongMethod(&'static str),
}

/// Why a handler has no answer.
#[derive(Debug)]
pub enum Stop {
    /// The client is refused, and told why.
    Refused(Refusal),
    /// Another core serves the request; a place there is reserved.
    Moves,
    /// Nobody is left to answer.
    Gone,
}

impl Answer {
    /// Bytes held until it is sent.
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

/// What happens to the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next request may come; this many bytes of the buffer are consumed.
    KeepAlive(usize),
    /// Close at once: the client will send nothing more, or has gone.
    Close,
    /// Close, but let the client read the answer first.
    Linger,
    /// No answer: another core, where a place is reserved, serves the request. Carries its body, if that has been received.
    PassOn(Option<BodyRange>),
}
