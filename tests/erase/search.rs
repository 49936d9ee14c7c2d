//! Looks for traces of a person in everything below a folder: names of files, their bytes, and what inflates from them.
//!
//! Compressed streams are found by their magic numbers at any place of a file, so pages and dictionaries of Parquet files, batches in segments and what is
//! compressed twice are all looked into, and so is what no footer or header leads to any more. Streams without a magic number are found through the
//! log's records.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use memchr::memmem;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use takeup::codec::inflate::Inflater;
use takeup::log::LogError;
use takeup::log::format::record::Kind;
use takeup::log::read::reader::{LogReader, SegmentReader};
use takeup::records::coding_of;

/// A piece of a body that is looked for, in bytes: what a part of it would leave behind.
const PIECE: usize = 24;

/// How often something may have been compressed.
const DEPTH_MAX: usize = 4;

/// More than anything here inflates to.
const INFLATED_MAX: usize = 32 << 20;

/// What must be nowhere.
#[derive(Debug, Default)]
pub struct Traces {
    needles: Vec<(String, memmem::Finder<'static>)>,
    sessions: Vec<u64>,
}

impl Traces {
    /// These texts.
    pub fn of(texts: &[&str]) -> Self {
        let mut traces = Self::default();
        texts.iter().for_each(|text| traces.add(text, text.as_bytes()));
        traces
    }

    fn add(&mut self, what: &str, bytes: &[u8]) {
        self.needles.push((what.to_owned(), memmem::Finder::new(bytes).into_owned()));
    }

    /// The id of a session, as a text and as a number.
    pub fn session(&mut self, id: u64) {
        self.add(&format!("the text {id}"), id.to_string().as_bytes());
        self.add(&format!("the number {id}"), &id.to_le_bytes());
        self.sessions.push(id);
    }

    /// The sessions.
    pub fn sessions(&self) -> &[u64] {
        &self.sessions
    }

    /// A body as it was sent: its first, middle and last bytes, but for what every stream of its coding begins with.
    pub fn body(&mut self, what: &str, sent: &[u8]) {
        if sent.len() < 3 * PIECE {
            return self.add(what, sent);
        }
        let middle = sent.len() / 2;
        for place in [PIECE..2 * PIECE, middle..middle + PIECE, sent.len() - PIECE..sent.len()] {
            self.add(&format!("{what}: {place:?}"), &sent[place]);
        }
    }

    /// What of it is in these bytes.
    fn in_bytes(&self, bytes: &[u8]) -> Option<&str> {
        self.needles.iter().find(|(_, finder)| finder.find(bytes).is_some()).map(|(what, _)| &**what)
    }

    /// What of it is in these bytes, or in what inflates from them.
    fn within(&self, bytes: &[u8], depth: usize) -> Option<String> {
        if let Some(what) = self.in_bytes(bytes) {
            return Some(what.to_owned());
        }
        if depth == DEPTH_MAX {
            return None;
        }
        let deeper = |inflated: Vec<u8>| if inflated.is_empty() { None } else { self.within(&inflated, depth + 1) };
        let gzip = memmem::find_iter(bytes, &[0x1f, 0x8b, 8]).find_map(|at| deeper(gunzip(&bytes[at..])));
        gzip.or_else(|| memmem::find_iter(bytes, &[0x28, 0xb5, 0x2f, 0xfd]).find_map(|at| deeper(unzstd(&bytes[at..]))))
    }

    /// Where one of these is. Files that go meanwhile have nothing.
    pub fn found(&self, data: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for path in files(data) {
            let name = path.display().to_string();
            let Ok(bytes) = fs::read(&path) else { continue };
            let what = self.in_bytes(name.as_bytes()).map(str::to_owned);
            found.extend(what.or_else(|| self.within(&squeezed(&bytes), 0)).map(|what| format!("{name}: {what}")));
            if path.extension().is_some_and(|ext| ext == "parquet") {
                found.extend(self.in_parquet(bytes).map(|what| format!("{name}: {what}")));
            }
        }
        found.extend(self.in_log(&data.join("log")));
        found
    }

    /// What the footer tells a reader: the smallest and the largest value of a row group. The search in the bytes has found those of pages.
    fn in_parquet(&self, file: Vec<u8>) -> Option<String> {
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).expect("a Parquet file");
        let is_ours = |value: i64| self.sessions.contains(&value.cast_unsigned());
        for group in reader.metadata().row_groups() {
            for column in group.columns() {
                if let Some(Statistics::Int64(values)) = column.statistics()
                    && [values.min_opt(), values.max_opt()].into_iter().flatten().any(|&value| is_ours(value))
                {
                    return Some(format!("statistics of {}", column.column_path()));
                }
            }
        }
        None
    }

    /// What is in the records that readers of the log are given, inflated.
    fn in_log(&self, log: &Path) -> Vec<String> {
        let Ok(reader) = LogReader::open(log) else { return Vec::new() };
        let (mut inflater, mut inflated, mut found) = (Inflater::default(), Vec::new(), Vec::new());
        for info in reader.segments().expect("the log can be listed") {
            let mut segment = match SegmentReader::open(&info) {
                Ok(segment) => segment,
                // It is being prepared.
                Err(LogError::Foreign { .. }) if !info.sealed() => continue,
                Err(error) => panic!("{error}"),
            };
            while let Some(record) = segment.next().expect("a segment is whole") {
                if self.sessions.contains(&record.session) {
                    found.push(format!("{}: its session", record.id));
                }
                if record.kind == Kind::Tombstone {
                    let is_blank = record.ext.0.iter().chain(record.payload).all(|&byte| byte == 0);
                    assert!(is_blank && record.session == 0, "{}: a tombstone that is not blank", record.id);
                }
                let Some(coding) = coding_of(record.encoding) else { continue };
                if inflater.inflate(coding, record.payload, INFLATED_MAX, &mut inflated).is_ok() {
                    found.extend(self.within(&inflated, 1).map(|what| format!("{}: {what}", record.id)));
                }
            }
        }
        found
    }
}

/// Every file below a folder.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries.flatten() {
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Without pages of zeros, of which a segment has many.
fn squeezed(bytes: &[u8]) -> Vec<u8> {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).filter(|page| **page != ZEROS[..page.len()]).flatten().copied().collect()
}

/// As much as can be had.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    let _ = flate2::read::GzDecoder::new(bytes).take(INFLATED_MAX as u64).read_to_end(&mut inflated);
    inflated
}

fn unzstd(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    if let Ok(decoder) = zstd::stream::read::Decoder::new(bytes) {
        let _ = decoder.single_frame().take(INFLATED_MAX as u64).read_to_end(&mut inflated);
    }
    inflated
}
