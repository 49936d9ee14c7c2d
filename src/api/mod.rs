//! What the server answers: routes, one file per family of endpoints, and the form of replies.
//!
//! The functions here take bytes and return bytes. They know HTTP heads and queries, sessions, projects and the log's records, but nothing
//! about sockets, cores or waiting.
//!
//! | file | holds |
//! |---|---|
//! | [`route`], [`prefix`] | which route a path belongs to, and what each route requires |
//! | [`start`] | starting a session, for browsers, phones and the SDK |
//! | [`batch`], [`mobile_batch`], [`sdk_batch`] | batches from browsers, phones and the SDK |
//! | [`judging`], [`body`] | what their routes have in common; what must be known about a compressed body before the answer |
//! | [`images`] | uploads of pictures |
//! | [`flags`], [`conditions`], [`tags`] | feature flags, recording conditions, watched elements |
//! | [`uxt`] | usability tests |
//! | [`not_started`] | a browser reports that it does not record |
//! | [`reply`], [`refusal`], [`cors`] | what goes out: replies, refusals, cross-origin headers |
//!
//! To add a route:
//!
//! 1. [`route`]: a line in the table (template, token rule, methods), and its path in `matched` (in `below_version` for the paths below `/v1/`).
//! 2. A file here for its family: what it reads from the request, and what it answers or records.
//! 3. [`refusal`]: a `Reason`, if it refuses for a new reason. The status and the text are given where it refuses.
//! 4. `server/dispatch.rs`: an arm in `judge`, if the head is enough for the answer. If a body is read, an arm in `handle`, and a file in
//!    `server/ingest/`. Without an arm the route answers 404.
//! 5. If it stores a new kind of record: a `Kind` in `log/format/record/codes.rs` and its row in the header of `log/mod.rs`, a type in
//!    `records/`, and an arm in `records::Content::of`.
//! 6. A case in `tests/golden` if OpenReplay has the route, and a line in `docs/differences.md` if the answer differs.

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
