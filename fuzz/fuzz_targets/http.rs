//! The HTTP/1.1 decoder against the slow reference decoder of its tests: any stream of bytes gives the same requests
//! and the same refusal, whether it comes at once, byte by byte, or cut at a place that the input chooses.
//!
//! `cargo +nightly fuzz run http -- -dict=fuzz/http.dict`

#![no_main]

use libfuzzer_sys::fuzz_target;

use takeup::http;

#[path = "../../src/http/tests/harness.rs"]
mod harness;
#[path = "../../src/http/tests/reference.rs"]
mod reference;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let bounds = if choice % 2 == 0 { harness::SMALL } else { harness::usual() };
    let whole = harness::agrees_with_reference(stream, &bounds);
    let (first, second) = stream.split_at(stream.len() * usize::from(choice) / 256);
    assert_eq!(harness::decode_in_pieces([first, second], &bounds), whole);
});
