//! What a server promises to those who connect to it, and to those who run it, asked of the real
//! binary.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/serve/`.
mod serve {
    mod admission;
    mod answers;
    mod bodies;
    mod bombs;
    mod config;
    mod crowds;
    mod deadlines;
    mod descriptors;
    mod full_rate;
    mod image_limits;
    mod images;
    mod labels;
    mod legacy;
    mod life;
    mod memory;
    mod metrics;
    mod mobile;
    mod output;
    mod pauses;
    mod pipelines;
    mod proxies;
    mod readers;
    mod refusals;
    mod reload;
    mod resources;
    mod retention;
    mod sdk;
    mod settings;
    mod settled;
    mod shortage;
    mod stuck;
    mod tail;
    mod top;
    mod warm;
    mod web_routes;
}
