//! Embeds the user agent expressions of uap-core.
//!
//! The locked package `ua-parser` carries `regexes.yaml`; it is taken from there, so that nothing
//! is copied into this repository and the file moves with the lock.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const PACKAGE: &str = "ua-parser";
const FILE: &str = "uap-core/regexes.yaml";

/// Copies the file to `$OUT_DIR/regexes.yaml`.
pub fn embed_regexes() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    let source = package_folder().join(FILE);
    assert!(
        source.is_file(),
        "the package {PACKAGE} of Cargo.lock does not carry {FILE} ({} is not there); \
         pick a version of {PACKAGE} that does",
        source.display()
    );
    println!("cargo:rerun-if-changed={}", source.display());
    let target = PathBuf::from(variable("OUT_DIR")).join("regexes.yaml");
    if let Err(error) = fs::copy(&source, &target) {
        panic!("cannot copy {} to {}: {error}", source.display(), target.display());
    }
}

/// Where the locked package is unpacked, as Cargo itself tells.
fn package_folder() -> PathBuf {
    // What is being built was fetched just now, so this rarely needs the network; but Cargo wants
    // the development packages too, and a plain build has not fetched those.
    let metadata = metadata(&["--offline"]).or_else(|_| metadata(&[])).unwrap_or_else(|fault| {
        panic!(
            "`cargo metadata` cannot tell where the package {PACKAGE} is; \
                 run `cargo fetch --locked` once with the network up. It said:\n{fault}"
        )
    });
    let packages = metadata["packages"].as_array();
    let manifest = packages
        .into_iter()
        .flatten()
        .filter(|package| package["name"] == PACKAGE)
        .find_map(|package| package["manifest_path"].as_str())
        .unwrap_or_else(|| panic!("the package {PACKAGE} is not in Cargo.lock"));
    Path::new(manifest).parent().map(Path::to_path_buf).unwrap_or_else(|| panic!("{manifest} has no folder"))
}

fn metadata(network: &[&str]) -> Result<serde_json::Value, String> {
    let output = Command::new(variable("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", &variable("TARGET")])
        .args(network)
        .current_dir(variable("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("Cargo sets {name} for build scripts"))
}
