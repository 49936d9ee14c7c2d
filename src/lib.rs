//! takeup receives session recordings from browsers and phones over HTTP and stores them in a segment log on disk.
//!
//! It replaces OpenReplay's ingestion service. A request waits for the log and for nothing else; everything downstream reads the log.
//! `docs/architecture.md` has the invariants, the threads and what each folder may import.
//!
//! | to find | look in |
//! |---|---|
//! | the command line | [`cli`], one file or folder per subcommand; settings are in [`config`] |
//! | a running server as a whole | [`node`]: start, reload, signals, shutdown |
//! | the path of a request | [`server`] (sockets, cores, waiting for the log), [`http`] (HTTP/1.1), [`api`] (routes and answers) |
//! | what requests are made of | [`session`] (tokens, ids, starts), [`client`] (user agents, addresses), [`codec`] (JSON, compression) |
//! | what is stored | [`records`] (what a record means), [`log`] (segments on disk: writing, reading, retention, repair) |
//! | who reads the log | [`consume`] (the loop that follows it), [`checker`] (checks batches), [`courier`] (queue messages of OpenReplay) |
//! | recent sessions, and watching one | [`sessions`]; in other programs' forms: [`export`] |
//! | erasing what is stored of a person | [`erase`] |
//! | the archive of Parquet files | `archive`, with the feature of that name |
//! | the trackers' binary messages | [`tracker`] |
//! | a crowd of trackers to load a server with | [`load`] |
//! | projects and other files that operators edit | [`directory`], [`watched_files`] |
//! | the page that plays a session | [`player`]; style sheets, pictures and fonts that it shows: [`assets`] |
//! | health, metrics, log lines | [`admin`], [`telemetry`] |
//! | the rest | [`bucket`] (signed upload URLs), [`base`] (clocks, text) |
//!
//! Invariant: a 200 is sent only when the record is as safe as `ack` promises.
//!
//! Invariant: only [`server`] knows the runtime.
//!
//! Invariant: `unsafe` is in `log/write/segment.rs`, `log/disk/shared_page.rs` and `log/disk/sigbus.rs` alone.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests write their own files"))]

pub mod admin;
pub mod api;
#[cfg(feature = "archive")]
pub mod archive;
pub mod assets;
pub mod base;
pub mod bucket;
pub mod chart;
pub mod checker;
pub mod cli;
pub mod client;
pub mod codec;
pub mod config;
pub mod consume;
pub mod courier;
pub mod directory;
pub mod erase;
pub mod export;
pub mod http;
pub mod load;
pub mod log;
pub mod node;
pub mod player;
pub mod postgres;
pub mod records;
pub mod server;
pub mod session;
pub mod sessions;
pub mod stats;
pub mod telemetry;
pub mod tracker;
pub mod watched_files;
