//! rrweb's Replayer.

/// The library as `scripts/player` has built it, if it was there when takeup was built.
pub(super) const EMBEDDED: Option<&str> = include!(concat!(env!("OUT_DIR"), "/replay.rs"));

/// Where the library is published. `scripts/player-lib/package.json` names the same version.
pub(super) const CDN: &str = "https://cdn.jsdelivr.net/npm/@rrweb/replay@2.1.6/umd/replay.min.js";

/// What it must hash to there: a browser runs nothing else.
pub(super) const INTEGRITY: &str = "sha384-f1omqxTIa8PG+yuHQV1DJ0EMVF2MUULVZN4h0HYjir7xdS+WgU5ulrM6yN7B3hn7";

/// Whether this build has the library in itself. Without it, the served page takes it from a content delivery network, and there is no
/// self-contained page.
pub fn is_embedded() -> bool {
    EMBEDDED.is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs;
    use std::path::Path;

    use base64::prelude::{BASE64_STANDARD, Engine};
    use sha2::{Digest, Sha384};

    use super::*;

    fn lib() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/player-lib")
    }

    #[test]
    fn the_published_library_is_of_the_version_that_is_embedded() {
        let package = fs::read_to_string(lib().join("package.json")).unwrap();
        let package: serde_json::Value = serde_json::from_str(&package).unwrap();
        let version = package["dependencies"]["@rrweb/replay"].as_str().unwrap();
        assert!(CDN.contains(&format!("/@rrweb/replay@{version}/")), "{CDN} is not of version {version}");
        if let Some(library) = EMBEDDED {
            assert!(library.contains(&format!("@rrweb/replay {version}, MIT")), "run scripts/player again");
        }
    }

    #[test]
    fn the_published_library_hashes_to_what_the_page_says() {
        // CDNs publish the package's files. Where npm has not installed it, there is nothing to compare with.
        let (_, file) = CDN.split_once("@rrweb/replay@2.1.6/").unwrap();
        let Ok(bytes) = fs::read(lib().join("node_modules/@rrweb/replay").join(file)) else { return };
        assert_eq!(INTEGRITY, format!("sha384-{}", BASE64_STANDARD.encode(Sha384::digest(bytes))));
    }
}
