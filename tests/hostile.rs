//! Requests of bad clients on every route: broken, oversize, wrong in every field, swollen by compression, endless and slow.
//!
//! Every answer must be one that the route may give, errors as JSON. Meanwhile a probe on the same core must get its answers: no request may
//! block the core. At the end the server runs, has not panicked, and has given back its memory and its descriptors.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/hostile/`.
mod hostile {
    mod bombs;
    mod bytes;
    mod forms;
    mod json;
    mod probe;
    mod routes;
    mod slow;
}
