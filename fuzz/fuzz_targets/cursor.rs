//! A consumer's place in the log, and the merge that resumes from it. The check itself is `fuzz/checks/cursor.rs`;
//! `cargo test --test corpus` runs it over the corpus that is kept.
//!
//! `cargo +nightly fuzz run cursor -- -max_total_time=600 -rss_limit_mb=2048`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/cursor.rs"]
mod check;
#[path = "../checks/log.rs"]
#[allow(dead_code, reason = "each target uses a part")]
mod log;

fuzz_target!(|input: &[u8]| check::check(input));
