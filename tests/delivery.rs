//! Delivery to real services: what the couriers write is read back by other clients than wrote it. `scripts/services` installs the services.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/delivery/`.
mod delivery {
    mod couriers;
    mod dead_letters;
    mod directory;
    mod erased;
    mod file;
    mod http;
    #[cfg(feature = "kafka")]
    mod kafka;
    #[cfg(not(feature = "kafka"))]
    mod kafka_absent;
    mod postgres;
    mod redis;
    mod replay;
    mod rows;
    mod segments;
    mod services;
    mod together;
}

/// Of the files in `tests/golden/`, those that send recorded cases.
#[allow(dead_code, reason = "each test binary uses its own part")]
#[path = "golden"]
mod golden {
    pub mod case;
    pub mod run;
}
