//! Prepares what is made from other files: the user agent expressions, the message catalogue and the player's library.

#[path = "build/catalogue.rs"]
mod catalogue;
#[path = "build/regexes.rs"]
mod regexes;
#[path = "build/replay.rs"]
mod replay;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    regexes::embed_regexes();
    catalogue::generate();
    replay::embed();
}
