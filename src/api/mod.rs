//! What the server answers: routes, one file per family of endpoints, and the shape of replies.
//!
//! Handlers get bytes and give bytes: they know HTTP's heads and queries, sessions, projects and the records of the log, and nothing of
//! sockets, cores or waiting.
//!
//! To add a route:
//!
//! 1. [`route`]: a line in the table (its template, what it wants of the token, its methods), and its path in `matched`.
//! 2. A file here for its family: what it reads from the request, and what it answers or records.
//! 3. [`refusal`]: a `Reason` if it refuses for a new one; the status and the text stand where it refuses.
//! 4. `server/dispatch.rs`: an arm that calls it; if it reads a body, a file in `server/ingest/`.
//! 5. A case in `tests/golden` if OpenReplay has the route, and a line in `docs/differences.md` where the answer differs.

pub mod batch;
pub mod body;
pub mod conditions;
pub mod cors;
pub mod flags;
pub mod images;
pub mod judging;
pub mod mobile_batch;
pub mod not_started;
pub mod prefix;
pub mod refusal;
pub mod reply;
pub mod route;
pub mod sdk_batch;
pub mod start;
pub mod tags;
pub mod uxt;
