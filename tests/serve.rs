//! What a server promises to those who connect to it, and to those who run it, asked of the real
//! binary.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "serve/admission.rs"]
mod admission;
#[path = "serve/answers.rs"]
mod answers;
#[path = "serve/bodies.rs"]
mod bodies;
#[path = "serve/bombs.rs"]
mod bombs;
#[path = "serve/config.rs"]
mod config;
#[path = "serve/crowds.rs"]
mod crowds;
#[path = "serve/deadlines.rs"]
mod deadlines;
#[path = "serve/descriptors.rs"]
mod descriptors;
#[path = "serve/images.rs"]
mod images;
#[path = "serve/labels.rs"]
mod labels;
#[path = "serve/legacy.rs"]
mod legacy;
#[path = "serve/life.rs"]
mod life;
#[path = "serve/memory.rs"]
mod memory;
#[path = "serve/metrics.rs"]
mod metrics;
#[path = "serve/mobile.rs"]
mod mobile;
#[path = "serve/output.rs"]
mod output;
#[path = "serve/pauses.rs"]
mod pauses;
#[path = "serve/pipelines.rs"]
mod pipelines;
#[path = "serve/proxies.rs"]
mod proxies;
#[path = "serve/readers.rs"]
mod readers;
#[path = "serve/refusals.rs"]
mod refusals;
#[path = "serve/reload.rs"]
mod reload;
#[path = "serve/resources.rs"]
mod resources;
#[path = "serve/retention.rs"]
mod retention;
#[path = "serve/sdk.rs"]
mod sdk;
#[path = "serve/settings.rs"]
mod settings;
#[path = "serve/settled.rs"]
mod settled;
#[path = "serve/shortage.rs"]
mod shortage;
#[path = "serve/stuck.rs"]
mod stuck;
#[path = "serve/tail.rs"]
mod tail;
#[path = "serve/warm.rs"]
mod warm;
#[path = "serve/web_routes.rs"]
mod web_routes;
