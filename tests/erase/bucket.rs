//! A store, whatever its kind: everything that is in it, versions too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::services::S3;
use crate::traces::{files, has};

/// A store, and what takeup calls it.
pub enum Bucket {
    /// A folder.
    Folder(tempfile::TempDir),
    /// A bucket.
    S3(Box<S3>),
}

impl Bucket {
    pub fn folder() -> Self {
        Self::Folder(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder"))
    }

    pub fn s3() -> Self {
        Self::S3(Box::new(S3::new()))
    }

    pub fn s3_with_versions() -> Self {
        let s3 = S3::new();
        s3.keep_versions();
        Self::S3(Box::new(s3))
    }

    pub fn url(&self, prefix: &str) -> String {
        match self {
            Self::Folder(dir) => {
                let dir = dir.path().join(prefix);
                fs::create_dir_all(&dir).expect("a folder");
                format!("file://{}", dir.display())
            }
            Self::S3(s3) => format!("s3://{}/{prefix}", s3.bucket()),
        }
    }

    /// What lets takeup in.
    pub fn keys(&self) -> Vec<(String, String)> {
        let Self::S3(s3) = self else { return Vec::new() };
        let named = [
            ("AWS_ENDPOINT", "aws_endpoint"),
            ("AWS_REGION", "aws_region"),
            ("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
            ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
        ];
        let environment = s3.environment();
        let value =
            |variable: &str| environment.iter().find(|(name, _)| *name == variable).expect("it is set").1.clone();
        named.iter().map(|(variable, setting)| ((*setting).to_owned(), value(variable))).collect()
    }

    /// Every object by its name, and every older version.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        match self {
            Self::Folder(dir) => read_all(dir.path()),
            Self::S3(s3) => {
                let get = |(key, id): (String, String)| {
                    // What is removed meanwhile is left out.
                    let bytes = s3.get(&format!("{key}?versionId={id}"))?;
                    Some((format!("{key}?{id}"), bytes))
                };
                s3.versions().into_iter().filter_map(get).collect()
            }
        }
    }

    /// The names of what has one of these.
    pub fn found(&self, traces: &[Vec<u8>]) -> Vec<String> {
        let plain = |name: &str| name.split('?').next().unwrap_or_default().to_owned();
        self.all()
            .into_iter()
            .filter(|(name, bytes)| has(&plain(name), bytes.clone(), traces))
            .map(|(name, _)| name)
            .collect()
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        let names = match self {
            Self::Folder(_) => self.all().into_keys().collect(),
            Self::S3(s3) => s3.keys(),
        };
        names.iter().filter(|name| name.ends_with(".seg")).count()
    }
}

fn read_all(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = Vec::new();
    files(dir, &mut all);
    let read = all.into_iter().filter_map(|path| Some((path.display().to_string(), fs::read(&path).ok()?)));
    read.collect()
}
