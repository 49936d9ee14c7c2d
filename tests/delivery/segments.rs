//! Sealed segments in an object store: a folder, and a server of S3's protocol.

mod restored;
mod uploads;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::services::S3;

use crate::common::{Home, PATIENCE, Request, Server, wait_for, wait_for_or_say};

/// A setting.
type Setting<'a> = (&'a str, &'a str);

/// A body that no other call returns, of bytes that no compression makes smaller.
fn body(number: u64, bytes: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// Sends batches of one session, each of `bytes`, until all are stored.
fn record(server: &Server, home: &Home, batches: u64, bytes: usize) {
    let token = server.start_session(&home.project_key());
    let mut connection = server.connect();
    for number in 0..batches {
        let seed = u64::from(server.pid()) * 1_000_000 + number;
        let answer = connection.exchange(Request::batch(&token, body(seed, bytes)));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// The sealed segments of a data folder, with their sidecars: by the folder of the core and the file's name.
fn sealed(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for core in fs::read_dir(data.join("log")).unwrap().flatten() {
        let name = core.file_name().into_string().unwrap();
        if !name.starts_with("core-") {
            continue;
        }
        for file in fs::read_dir(core.path()).unwrap().flatten() {
            let path = file.path();
            if path.with_extension("seg").exists() {
                let name = format!("{name}/{}", file.file_name().into_string().unwrap());
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// How many segments are sealed.
fn sealed_count(data: &Path) -> usize {
    sealed(data).keys().filter(|name| name.ends_with(".seg")).count()
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The settings of a server that copies its segments to the bucket.
fn to_bucket(s3: &S3, endpoint: &str) -> Vec<(String, String)> {
    let mut settings = vec![("segments_url".to_owned(), format!("s3://{}/logs/a", s3.bucket()))];
    settings.extend(keys(s3));
    settings.retain(|(name, _)| name != "aws_endpoint");
    settings.push(("aws_endpoint".to_owned(), endpoint.to_owned()));
    settings
}

/// The bucket's address and keys, as settings.
fn keys(s3: &S3) -> Vec<(String, String)> {
    let names = [
        ("AWS_ENDPOINT", "aws_endpoint"),
        ("AWS_REGION", "aws_region"),
        ("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
    ];
    let environment = s3.environment();
    let value = |variable: &str| environment.iter().find(|(name, _)| *name == variable).unwrap().1.clone();
    names.iter().map(|(variable, setting)| ((*setting).to_owned(), value(variable))).collect()
}

fn borrowed(settings: &[(String, String)]) -> Vec<Setting<'_>> {
    settings.iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// The keys of segments in the bucket.
fn segment_keys(s3: &S3) -> Vec<String> {
    s3.keys().into_iter().filter(|key| key.ends_with(".seg")).collect()
}

/// What health says about the courier: its fault, if it has one.
fn fault(server: &Server) -> Option<String> {
    let health: Value = server.admin_page("/health").json();
    let couriers = health["checks"]["courier"].as_array().unwrap_or_else(|| panic!("no courier: {health}"));
    let one = couriers.iter().find(|one| one["componentId"] == "courier-segments").expect("it is configured");
    one["output"].as_str().map(str::to_owned)
}

/// Waits until health says all these texts about the courier.
#[track_caller]
fn wait_for_fault(server: &Server, texts: &[&str]) {
    let is_told = || {
        let told = fault(server)?;
        texts.iter().all(|text| told.contains(text)).then_some(())
    };
    wait_for_or_say(&format!("health to tell {texts:?}"), PATIENCE, is_told, || {
        format!("{:?}\n{}", fault(server), server.said())
    });
}

/// Waits until health says that the courier has no fault.
#[track_caller]
fn wait_until_well(server: &Server) {
    wait_for("the courier to be well", PATIENCE, || fault(server).is_none().then_some(()));
}
