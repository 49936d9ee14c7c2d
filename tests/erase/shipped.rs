//! A server whose segments, and archive, are copied to a store, and what is there afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::bucket::Bucket;
use crate::common::{Finished, Home, PATIENCE, Server, wait_for};
use crate::traces;

/// A data folder whose segments are copied to a store.
pub struct Shipped {
    pub home: Home,
    pub bucket: Bucket,
    /// The settings of the store.
    pub store: Vec<(String, String)>,
    /// Where the archive's copy is, if there is one.
    archive: Option<String>,
}

impl Shipped {
    pub fn to(bucket: Bucket) -> Self {
        let mut store = vec![("segments_url".to_owned(), bucket.url("logs"))];
        store.extend(bucket.keys());
        Self { home: Home::new(), bucket, store, archive: None }
    }

    pub fn with_archive(bucket: Bucket) -> Self {
        let mut shipped = Self::to(bucket);
        let archive = shipped.bucket.url("archive");
        shipped.store.push(("archive_store".to_owned(), archive.clone()));
        shipped.archive = Some(archive);
        shipped
    }

    pub fn serve(&self) -> Server {
        let usual = [
            ("cores", "2"),
            ("segment_bytes", "2MiB"),
            ("window_bytes", "512KiB"),
            ("group_bytes_max", "512KiB"),
            ("beacon_size_limit", "100000"),
        ];
        let archive = [("archive", "true"), ("archive_budget_percent", "100"), ("archive_flush", "100ms")];
        let archive = archive.into_iter().filter(|_| self.archive.is_some());
        let store = self.store.iter().map(|(name, value)| (&**name, &**value));
        self.home.serve(&usual.into_iter().chain(archive).chain(store).collect::<Vec<_>>())
    }

    /// A command, with the settings of the store.
    pub fn takeup(&self, arguments: &[&str]) -> Finished {
        self.home.takeup(&self.with_settings(arguments).iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn with_settings(&self, arguments: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        all.extend(self.store.iter().flat_map(|(name, value)| ["--set".to_owned(), format!("{name}={value}")]));
        all
    }

    /// Erases, beside a server or without one. Nothing may be left to reach.
    #[track_caller]
    pub fn erase(&self, server: Option<&Server>, what: &[&str]) -> Value {
        let admin = server.map(|server| server.admin.to_string());
        let mut arguments = vec!["erase", "--yes", "--json"];
        arguments.extend(admin.iter().flat_map(|admin| ["--admin", admin]));
        let erased = self.takeup(&[&arguments, what].concat());
        assert_eq!(erased.code, Some(0), "{erased:?}");
        erased.lines().remove(0)
    }

    /// Waits until the store has every sealed segment.
    #[track_caller]
    pub fn wait_until_copied(&self) {
        // A part that a slow store has not answered is given up first, and tried again.
        wait_for("every sealed segment to be in the store", 4 * PATIENCE, || {
            let is_copied = self.bucket.segments() >= sealed_files(self.home.data()).len();
            // To look is work for the store, too.
            is_copied.then_some(()).or_else(|| {
                thread::sleep(Duration::from_millis(100));
                None
            })
        });
    }

    /// Waits until the archive has all of the log, and the store all of the archive.
    #[track_caller]
    pub fn wait_until_archived(&self, server: &Server) {
        wait_for("nothing is left to archive or to copy", PATIENCE, || {
            let reports = server.admin_page("/couriers").json();
            let of = |name: &str| reports.as_array()?.iter().find(|report| report["name"] == name).cloned();
            let is_done = |name: &str| Some(of(name)?).filter(|of| of["lag"]["bytes"] == 0 && of["state"] == "ready");
            is_done("compactor").and(is_done("courier-archive")).map(drop)
        });
    }

    /// The archive's copy is whole.
    #[track_caller]
    pub fn check_archive(&self) {
        let Some(archive) = &self.archive else { return };
        let set: Vec<&(String, String)> = self.bucket_keys();
        let environment: Vec<(String, &str)> =
            set.iter().map(|(name, value)| (format!("TAKEUP_{}", name.to_uppercase()), &**value)).collect();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (&**name, *value)).collect();
        let verified = self.home.takeup_in(&environment, &["verify", "--archive", archive]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }

    fn bucket_keys(&self) -> Vec<&(String, String)> {
        self.store.iter().filter(|(name, _)| name.starts_with("aws_")).collect()
    }

    /// What a restore gives now: its folder, which is whole.
    #[track_caller]
    pub fn restored(&self, name: &str) -> PathBuf {
        let to = self.home.data().with_file_name(name);
        let restored = self.takeup(&["restore", "--to", to.to_str().expect("UTF-8")]);
        assert_eq!(restored.code, Some(0), "{restored:?}");
        let verified = Home::with_data(&to).takeup(&["verify"]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        to
    }

    pub fn place(receipt: &Value) -> &Value {
        place(receipt, "object-store")
    }
}

/// What a receipt says of a place.
#[track_caller]
pub fn place<'a>(receipt: &'a Value, name: &str) -> &'a Value {
    let places = receipt["places"].as_array().expect("a list");
    places.iter().find(|place| place["place"] == name).unwrap_or_else(|| panic!("no {name}: {receipt}"))
}

/// The sealed segments of a data folder.
pub fn sealed(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: PathBuf| {
        let name = path.strip_prefix(data).expect("it is below").display().to_string();
        // One that is deleted meanwhile is left out.
        Some((name, fs::read(path).ok()?))
    };
    sealed_files(data).into_iter().filter_map(named).filter(|(_, bytes)| !bytes.is_empty()).collect()
}

fn sealed_files(data: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    traces::files(&data.join("log"), &mut all);
    all.retain(|path| path.extension().is_some_and(|ext| ext == "seg") && path.metadata().is_ok_and(|it| it.len() > 0));
    all
}

/// Each of these is in the log of a data folder once.
#[track_caller]
pub fn check_bodies(data: &Path, sent: &[blake3::Hash]) {
    let mut found: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    for stored in Home::with_data(data).stored() {
        *found.entry(*blake3::hash(&stored.body).as_bytes()).or_default() += 1;
    }
    assert!(!sent.is_empty());
    for hash in sent {
        assert_eq!(found.get(hash.as_bytes()), Some(&1));
    }
}
