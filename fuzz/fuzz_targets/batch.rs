//! What trackers send: the check, the reader, and inflation. The check itself is `fuzz/checks/batch.rs`;
//! `cargo test --test corpus` runs it over the corpus that is kept.
//!
//! `cargo +nightly fuzz run batch -- -max_total_time=600 -rss_limit_mb=2048`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/batch.rs"]
mod check;

fuzz_target!(|input: &[u8]| check::check(input));
