//! A client asks for a session: `POST /v1/{web,mobile,sdk}/start`.
//!
//! One call ([`start`]) judges the whole request and prepares, in reused buffers, everything that follows from it: the answer, the session's
//! first message, and its row.
//!
//! | module | holds |
//! |---|---|
//! | `judge` | [`start`] itself: begin here |
//! | `request` | its inputs: the request, and what is needed to judge it |
//! | `web`, `mobile`, `sdk` | the three kinds of clients: their checks in order, their answers and messages |
//! | `grant` | a session and its token: resumed, or sampled and new |
//! | `coding` | how the request's body is compressed |
//! | `scratch` | the reused buffers |
//! | `outcome` | the result: a session, or a refusal |

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
