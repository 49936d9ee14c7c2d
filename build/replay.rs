//! Embeds the library that plays sessions, if `scripts/player` has built it into `build/player/`. Without it the player's page takes the
//! library from where it is published, so that a build needs neither npm nor a network.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

const SOURCE: &str = "build/player/replay.js";

/// Writes `OUT_DIR/replay.rs`, an expression of type `Option<&str>`. `build/` is watched as a whole, so that a library that comes or goes is
/// noticed.
pub fn embed() {
    println!("cargo::rerun-if-changed=build/replay.rs");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let (source, out) = (Path::new(&root).join(SOURCE), Path::new(&out));
    let expression = if source.exists() {
        fs::copy(&source, out.join("replay.js"))
            .unwrap_or_else(|error| panic!("{SOURCE}: cannot be copied to {}: {error}", out.display()));
        "Some(include_str!(concat!(env!(\"OUT_DIR\"), \"/replay.js\")))\n"
    } else {
        "None\n"
    };
    let path = out.join("replay.rs");
    File::create(&path)
        .and_then(|mut file| file.write_all(expression.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: cannot be written: {error}", path.display()));
}
