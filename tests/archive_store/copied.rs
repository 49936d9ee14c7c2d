//! An archive and its copy, compared by names and bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::services::S3;

/// The files of an archive, by name.
#[derive(Debug)]
pub struct Copied {
    files: BTreeMap<String, Vec<u8>>,
}

/// The archive of a data folder.
pub fn local(data: &Path) -> Copied {
    let mut copied = Copied::of_folder(&data.join("archive"));
    copied.files.remove("lock");
    copied
}

impl Copied {
    /// What is in the bucket below a prefix. What is removed meanwhile is left out.
    ///
    /// It is read again when the manifest was replaced meanwhile: that one names files that had not been there when the bucket was listed.
    #[track_caller]
    pub fn of(s3: &S3, prefix: &str) -> Self {
        let manifest = format!("{prefix}/manifest.json");
        loop {
            let before = s3.get(&manifest);
            let keys = s3.keys();
            let below = keys.iter().filter_map(|key| Some((key, key.strip_prefix(prefix)?.strip_prefix('/')?)));
            let files = below.filter_map(|(key, name)| Some((name.to_owned(), s3.get(key)?)));
            let files = files.filter(|(name, _)| name != "notes.txt").collect();
            if before == s3.get(&manifest) {
                return Self { files };
            }
        }
    }

    /// What is in a folder.
    pub fn of_folder(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        find(dir, "", &mut files);
        Self { files }
    }

    /// Whether both have the same names and bytes.
    pub fn is_same(&self, other: &Self) -> bool {
        self.files == other.files
    }

    /// Whether it has all that the other has, and perhaps more.
    pub fn has_all_of(&self, other: &Self) -> bool {
        other.files.iter().all(|(name, bytes)| self.files.get(name) == Some(bytes))
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// All but one file.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.files.remove(name);
        self
    }

    /// How many files of tables.
    pub fn files(&self) -> usize {
        self.files.keys().filter(|name| name.ends_with(".parquet")).count()
    }

    /// Everything that the manifest names is there, as it was written. Returns how many files it names.
    #[track_caller]
    pub fn check_whole(&self) -> usize {
        let Some(head) = self.files.get("manifest.json") else { return 0 };
        let head: Value = serde_json::from_slice(head).expect("the manifest is JSON");
        let mut count = 0;
        let is = |entry: &Value| {
            let path = entry["path"].as_str().expect("a path");
            let bytes = self.files.get(path).unwrap_or_else(|| panic!("{path} is named, and not there"));
            assert_eq!(blake3::hash(bytes).to_hex().as_str(), entry["blake3"], "{path}");
            bytes
        };
        for day in head["days"].as_array().expect("a list") {
            let list: Value = serde_json::from_slice(is(day)).expect("a list is JSON");
            for file in list["files"].as_array().expect("a list") {
                is(file);
                count += 1;
            }
        }
        count
    }
}

fn find(dir: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => find(&entry.path(), &format!("{name}/"), files),
            // What is removed meanwhile is left out.
            false => drop(fs::read(entry.path()).map(|bytes| files.insert(name, bytes))),
        }
    }
}
