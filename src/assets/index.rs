//! The assets of a project.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use blake3::Hash;
use serde::{Deserialize, Serialize};
use url::Url;

use super::address::Address;
use super::kind::Kind;

/// How many assets a project has at most.
pub const ENTRIES_MAX: usize = 20_000;

/// The version of the file.
const VERSION: u32 = 1;

/// What is kept of one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The BLAKE3 hash of the content.
    pub hash: Hash,
    /// What it is.
    pub kind: Kind,
    /// Its length.
    pub bytes: u64,
    /// When it was added, in Unix ms.
    pub added_ms: u64,
}

/// An asset's short name: of a fixed length, however long its URL is, and made of nothing that means anything in HTML, in CSS or in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AssetId([u8; 16]);

impl AssetId {
    /// That of a URL.
    pub fn of(address: &Address) -> AssetId {
        let mut id = [0; 16];
        id.copy_from_slice(&blake3::hash(address.as_str().as_bytes()).as_bytes()[..16]);
        AssetId(id)
    }

    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<AssetId> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let whole = text.len() == 32 && text.bytes().all(is_hex);
        whole.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(|number| AssetId(number.to_be_bytes()))
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The assets of a project, by URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectIndex {
    by_address: BTreeMap<Address, Entry>,
    by_id: HashMap<AssetId, Address>,
}

#[derive(Serialize, Deserialize)]
struct FileForm {
    version: u32,
    assets: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    url: String,
    hash: String,
    kind: Kind,
    bytes: u64,
    added_ms: u64,
}

impl ProjectIndex {
    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<ProjectIndex, String> {
        let form: FileForm = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if form.version != VERSION {
            return Err(format!("it is of version {}, and this takeup knows {VERSION}", form.version));
        }
        let mut index = ProjectIndex::default();
        for line in form.assets {
            let address = Address::parse(&line.url).map_err(|why| format!("{}: {why}", line.url))?;
            let hash = Hash::from_hex(&line.hash).map_err(|_| format!("{} is no hash", line.hash))?;
            let Line { kind, bytes, added_ms, .. } = line;
            index.insert(address, Entry { hash, kind, bytes, added_ms });
        }
        Ok(index)
    }

    /// The file's text.
    pub fn text(&self) -> Vec<u8> {
        let line = |(address, entry): (&Address, &Entry)| Line {
            url: address.as_str().to_owned(),
            hash: entry.hash.to_string(),
            kind: entry.kind,
            bytes: entry.bytes,
            added_ms: entry.added_ms,
        };
        let form = FileForm { version: VERSION, assets: self.by_address.iter().map(line).collect() };
        // Numbers and texts always serialise.
        serde_json::to_vec(&form).unwrap_or_default()
    }

    /// What is kept of a URL: of itself, else of the same without its query. With the address that has it.
    pub fn find(&self, url: &Url) -> Option<(&Address, &Entry)> {
        let address = Address::of(url).ok()?;
        let exact = self.by_address.get_key_value(&address);
        exact.or_else(|| self.by_address.get_key_value(&address.without_query()?))
    }

    /// What is kept under a short name.
    pub fn get(&self, id: AssetId) -> Option<(&Address, &Entry)> {
        self.by_address.get_key_value(self.by_id.get(&id)?)
    }

    /// All of it, by URL.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Entry)> {
        self.by_address.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    pub(super) fn insert(&mut self, address: Address, entry: Entry) -> Option<Entry> {
        self.by_id.insert(AssetId::of(&address), address.clone());
        self.by_address.insert(address, entry)
    }

    pub(super) fn remove(&mut self, address: &Address) -> Option<Entry> {
        self.by_id.remove(&AssetId::of(address));
        self.by_address.remove(address)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn entry(bytes: &[u8]) -> Entry {
        Entry { hash: blake3::hash(bytes), kind: Kind::Css, bytes: bytes.len() as u64, added_ms: 7 }
    }

    fn index(urls: &[&str]) -> ProjectIndex {
        let mut index = ProjectIndex::default();
        for url in urls {
            index.insert(Address::parse(url).unwrap(), entry(url.as_bytes()));
        }
        index
    }

    #[test]
    fn a_query_that_is_not_kept_finds_what_is_kept_without_it() {
        let index = index(&["https://a.example/a.css", "https://a.example/a.css?v=1", "https://a.example/b.css?v=1"]);
        let found = |url: &str| index.find(&url.parse().unwrap()).map(|(address, _)| address.as_str().to_owned());
        assert_eq!(found("https://a.example/a.css?v=1#x").unwrap(), "https://a.example/a.css?v=1");
        assert_eq!(found("https://a.example/a.css?v=2").unwrap(), "https://a.example/a.css");
        assert_eq!(found("https://a.example/b.css?v=2"), None);
        assert_eq!(found("https://a.example/b.css"), None);
        assert_eq!(found("data:text/css,a"), None);
    }

    #[test]
    fn an_index_reads_back_as_it_was_written_and_by_its_short_names() {
        let index = index(&["https://a.example/a.css", "https://a.example/ä \"<b>"]);
        let read = ProjectIndex::parse(&index.text()).unwrap();
        assert_eq!(read, index);
        for (address, entry) in index.iter() {
            let id = AssetId::of(address).to_string();
            assert_eq!(read.get(AssetId::parse(&id).unwrap()), Some((address, entry)));
        }
        for wrong in ["", "../../etc/passwd", "0123456789ABCDEF0123456789ABCDEF", "+123456789abcdef0123456789abcdef"] {
            assert_eq!(AssetId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_index_names_no_file_but_by_a_hash() {
        let line = |hash: &str, url: &str| {
            let asset = format!(r#"{{"url":"{url}","hash":"{hash}","kind":"css","bytes":1,"added_ms":1}}"#);
            format!(r#"{{"version":1,"assets":[{asset}]}}"#)
        };
        let hash = blake3::hash(b"a").to_string();
        assert!(ProjectIndex::parse(line(&hash, "https://a.example/").as_bytes()).is_ok());
        for text in [
            line("../../../etc/passwd", "https://a.example/"),
            line(&hash, "file:///etc/passwd"),
            line(&hash, "https://a.example/").replace("\"version\":1", "\"version\":2"),
            line(&hash, "https://a.example/").replace("css", "html"),
            "{}".to_owned(),
        ] {
            assert!(ProjectIndex::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
