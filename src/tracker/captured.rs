//! What real trackers sent, as recorded in `tests/fixtures/captures`, for tests.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value as Json;

use super::catalogue::Era;

/// One upload of a real tracker.
pub(crate) struct Upload {
    /// The name of the file, which begins with the tracker's version.
    pub(crate) file: String,
    /// The tracker's.
    pub(crate) era: Era,
    /// The body, inflated.
    pub(crate) bytes: Vec<u8>,
    /// The query's.
    pub(crate) split: Option<usize>,
    /// The header's.
    pub(crate) data_type: String,
    /// The number within the page, of the query.
    pub(crate) number: Option<u32>,
    /// The session, of the token.
    pub(crate) session: String,
}

fn header<'a>(request: &'a Json, name: &str) -> Option<&'a str> {
    request["headers"]
        .as_array()?
        .iter()
        .find_map(|pair| pair[0].as_str()?.eq_ignore_ascii_case(name).then(|| pair[1].as_str()).flatten())
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no captures", folder.display());
    files
}

/// Every upload to the batch route.
pub(crate) fn uploads() -> Vec<Upload> {
    let mut uploads = Vec::new();
    for path in captures() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let request: Json = serde_json::from_str(line).unwrap();
            let target = request["target"].as_str().unwrap();
            let (route, query) = target.split_once('?').unwrap_or((target, ""));
            if request["method"] != "POST" || !route.ends_with("/v1/web/i") || request["aborted"] == true {
                continue;
            }
            let sent = BASE64_STANDARD.decode(request["body_b64"].as_str().unwrap()).unwrap();
            let split = query.split('&').find_map(|pair| pair.strip_prefix("split=")).map(|text| text.parse().unwrap());
            let era = Era::of_tracker(&file);
            let bytes = if header(&request, "content-encoding") == Some("gzip") {
                let mut out = Vec::new();
                flate2::read::GzDecoder::new(&sent[..]).read_to_end(&mut out).unwrap();
                out
            } else {
                sent
            };
            let data_type = header(&request, "datatype").unwrap_or_default().to_owned();
            let batch = query.split('&').find_map(|pair| pair.strip_prefix("batch="));
            let number = batch.and_then(|batch| batch.split('_').nth(1)?.parse().ok());
            let token = header(&request, "authorization").unwrap_or_default().trim_start_matches("Bearer ");
            let session = token.split('.').next().unwrap_or_default().to_owned();
            uploads.push(Upload { file: file.clone(), era, bytes, split, data_type, number, session });
        }
    }
    uploads
}
