//! takeup takes session recordings from browsers and phones, winds them onto a log, and hands them on.
//!
//! It is a drop-in for OpenReplay's ingestion service. A request waits for the log and for nothing
//! else; everything downstream reads the log.
//!
//! | folder | holds | may use |
//! |---|---|---|
//! | [`cli`] | one file per subcommand | everything |
//! | [`config`] | file and environment, checked | settled |
//! | [`server`] | the cores: accept, connections, budgets, drain | http, api, log, session, directory, config, telemetry, bucket |
//! | [`http`] | HTTP/1.1 on owned buffers | – |
//! | [`api`] | routes, handlers, replies | http, session, directory, log, tracker, telemetry |
//! | [`session`] | tokens, ids, the start request | settled |
//! | [`directory`] | projects, as an immutable snapshot | settled |
//! | [`watched_files`] | files that others write: what is taken over of them, and when | – |
//! | [`tracker`] | the binary message catalogue and the batch reader | terminal |
//! | [`log`] | segments, writer, recovery, reader, merge | – |
//! | [`records`] | what the log's records mean: a type for each kind | log, codec, tracker, session |
//! | [`courier`] | what queues are sent of a record | log, tracker, session |
//! | [`consume`] | the loop that follows the log: cursor, batches, back-off, stop, lag | log |
//! | [`checker`] | checks batches behind the log | consume, log, records, tracker, session, codec, config, telemetry |
//! | [`bucket`] | signed URLs of an object store's bucket | – |
//! | [`telemetry`] | log lines, metrics, health | terminal |
//! | `terminal` | what may not reach a terminal | – |
//!
//! Invariant: a 200 is sent only when the record is as safe as `ack` promises.
//!
//! Invariant: only [`server`] knows the runtime.
//!
//! Invariant: `unsafe` is in `log/write/segment.rs`, `log/disk/shared_page.rs` and `log/disk/sigbus.rs` alone.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests write their own files"))]

pub mod admin;
pub mod api;
pub mod base;
pub mod bucket;
pub mod checker;
pub mod cli;
pub mod client;
pub mod codec;
pub mod config;
pub mod consume;
pub mod courier;
pub mod directory;
pub mod http;
pub mod log;
pub mod node;
pub mod records;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod tracker;
pub mod watched_files;
