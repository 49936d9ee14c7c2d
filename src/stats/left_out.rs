//! Files of the archive that were not counted, because they are missing or damaged.

use serde::Serialize;

/// How many files are named; more are only counted.
const NAMED_MAX: usize = 1024;

/// The files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// How many.
    #[serde(rename = "left_out_files")]
    pub files: u64,
    /// The first of them.
    #[serde(rename = "left_out")]
    pub named: Vec<LeftOutFile>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutFile {
    /// Its path, or its address in an object store.
    pub path: String,
    /// Its table.
    pub table: String,
    /// Its rows, as the manifest says.
    pub rows: u64,
    /// What is wrong with it, and what to do. It begins with the path.
    pub reason: String,
}

impl LeftOut {
    /// Adds a file.
    pub fn add(&mut self, file: LeftOutFile) {
        self.files += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(file);
        }
    }

    /// Adds the files of another source.
    pub fn append(&mut self, other: LeftOut) {
        self.files += other.files;
        let room = NAMED_MAX - self.named.len();
        self.named.extend(other.named.into_iter().take(room));
    }
}
