//! A disk that fails, and a file that another process truncates: what was answered 200 stays stored, the service goes on as far as it can,
//! and once the disk works again an operator takes everything back into use without a restart.
//!
//! Most tests mount a file system, for which they need root; without it, they say so and pass.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/failing_disk/`.
mod failing_disk {
    #[cfg(feature = "archive")]
    mod archive;
    mod cut;
    mod faults;
    mod faulty;
    mod poison;
    mod power;
    mod sync;
    mod upload;
}

#[cfg(feature = "archive")]
#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

#[cfg(feature = "archive")]
#[path = "archive/sender.rs"]
#[allow(missing_docs, dead_code)]
mod sender;

use std::collections::HashMap;

use common::Home;

/// Each of these bodies is in the log once, and nothing else is.
#[track_caller]
fn stored_once(home: &Home, bodies: &[Vec<u8>]) {
    let mut counts: HashMap<Vec<u8>, i32> = HashMap::new();
    bodies.iter().for_each(|body| *counts.entry(body.clone()).or_default() += 1);
    home.stored().into_iter().for_each(|batch| *counts.entry(batch.body).or_default() -= 1);
    let text = |body: &Vec<u8>| String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
    let wrong: Vec<_> =
        counts.iter().filter(|(_, count)| **count != 0).map(|(body, count)| (text(body), count)).collect();
    assert!(wrong.is_empty(), "missing (above 0) or there too often (below 0): {wrong:?}");
}

/// The log is whole.
#[track_caller]
fn verify(home: &Home) {
    let verified = home.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}
