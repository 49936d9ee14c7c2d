//! Readers of Parquet in Python.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::services::kept;
use crate::common::{PATIENCE, finish};

/// What a reader finds in an archive; see `readers.py`.
#[track_caller]
pub fn read(reader: &str, archive: &Path) -> Value {
    let python = kept().join("python/bin/python3");
    assert!(python.exists(), "{} is missing: run scripts/services archive", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archive/readers.py");
    let mut command = Command::new(python);
    command.arg(script).arg(reader).arg(archive);
    let finished = finish(command, PATIENCE);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.lines().remove(0)
}
