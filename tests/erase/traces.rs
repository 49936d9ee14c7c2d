//! Looks for what must not be there any more.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

/// Every file below a folder.
pub fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        match entry.path().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

/// The pages of a Parquet file, unpacked, dictionaries too.
fn pages(file: Vec<u8>) -> Vec<Vec<u8>> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).expect("a Parquet file");
    let mut all = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).expect("a row group");
        for column in 0..group.num_columns() {
            let pages = group.get_column_page_reader(column).expect("its pages");
            all.extend(pages.map(|page| page.expect("a page").buffer().to_vec()));
        }
    }
    all
}

/// Whether one of these is in something's name, bytes or, if that is a Parquet file, unpacked pages.
pub fn has(name: &str, bytes: Vec<u8>, traces: &[Vec<u8>]) -> bool {
    let finders: Vec<_> = traces.iter().map(memchr::memmem::Finder::new).collect();
    let has = |bytes: &[u8]| finders.iter().any(|finder| finder.find(bytes).is_some());
    has(name.as_bytes()) || has(&bytes) || name.ends_with(".parquet") && pages(bytes).iter().any(|page| has(page))
}

/// The files in which one of these is. Files that go meanwhile have nothing.
pub fn found(data: &Path, traces: &[Vec<u8>]) -> Vec<String> {
    let mut all = Vec::new();
    files(data, &mut all);
    let mut found = Vec::new();
    for path in all {
        let name = path.display().to_string();
        let Ok(bytes) = fs::read(&path) else { continue };
        if has(&name, bytes, traces) {
            found.push(name);
        }
    }
    found
}
