//! A client asks for a session: `POST /v1/{web,mobile,sdk}/start`.
//!
//! One call ([`start`]) judges the whole request and prepares everything that follows from it in reused buffers: the answer, the
//! session's first message, and the row that goes with it.
//!
//! | module | holds |
//! |---|---|
//! | `request` | what a request brings, and what it is judged by |
//! | `judge` | the call itself |
//! | `web`, `mobile`, `sdk` | the three kinds of clients: their checks in order, their answers and messages |
//! | `grant` | a session and its token: resumed, or sampled and new |
//! | `coding` | how the request's body is compressed |
//! | `scratch` | the reused buffers |
//! | `outcome` | what becomes of a request, and its refusals |

mod coding;
mod grant;
mod judge;
mod mobile;
mod outcome;
mod request;
mod scratch;
mod sdk;
mod web;

pub use coding::reading;
pub use judge::start;
pub use outcome::{Refused, StartOutcome, Started};
pub use request::{StartDeps, StartInput, StartKind, StartSettings};
pub use scratch::{ROW_BYTES_MAX, StartScratch};

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;
