//! Prepares what is made from other files: the user agent expressions and the message catalogue.

#[path = "build/catalogue.rs"]
mod catalogue;
#[path = "build/regexes.rs"]
mod regexes;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    regexes::embed_regexes();
    catalogue::generate();
}
