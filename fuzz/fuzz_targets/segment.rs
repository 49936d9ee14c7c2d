//! A segment file of any bytes: reading it, and settling it as recovery does. The check itself is `fuzz/checks/segment.rs`;
//! `cargo test --test corpus` runs it over the corpus that is kept.
//!
//! `cargo +nightly fuzz run segment -- -max_total_time=600 -rss_limit_mb=2048`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../checks/segment.rs"]
mod check;
#[path = "../checks/log.rs"]
#[allow(dead_code, reason = "each target uses a part")]
mod log;

fuzz_target!(|input: &[u8]| check::check(input));
