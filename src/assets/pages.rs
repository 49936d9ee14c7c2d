//! Assets as the admin port serves them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use crate::export::clean::{Assets, KeptAssets, css};

use super::error::AssetsError;
use super::index::{AssetId, ProjectIndex};
use super::kind::Kind;
use super::store::Store;

/// How many indexes are in memory.
const INDEXES_MAX: usize = 4;

/// How long an index is taken for the one on disk.
const INDEX_AGE_MAX: Duration = Duration::from_secs(1);

/// What a running server has kept. Others may change it meanwhile.
#[derive(Debug)]
pub struct Pages {
    store: Store,
    indexes: Mutex<HashMap<u32, Known>>,
}

#[derive(Debug)]
struct Known {
    index: Arc<ProjectIndex>,
    file: Option<FileId>,
    looked: Instant,
}

/// Tells one index from the next: it is replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    inode: u64,
    changed: (i64, i64),
    length: u64,
}

/// An asset for a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// What it is.
    pub kind: Kind,
    /// Its bytes. Of a style sheet, with the addresses of what is kept in place of all others.
    pub bytes: Vec<u8>,
    /// Names the content, if it is sent as it was kept.
    pub tag: Option<String>,
}

impl Pages {
    /// Of this store, which need not exist.
    pub fn new(store: Store) -> Pages {
        Pages { store, indexes: Mutex::default() }
    }

    /// The assets of a project, not older than a second.
    ///
    /// # Errors
    /// The index can't be read.
    pub fn index(&self, project: u32) -> Result<Arc<ProjectIndex>, AssetsError> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = indexes.get_mut(&project);
        let looked = Instant::now();
        if let Some(known) = &known
            && looked.duration_since(known.looked) < INDEX_AGE_MAX
        {
            return Ok(Arc::clone(&known.index));
        }
        let file = self.file_id(project);
        if let Some(known) = known
            && known.file == file
        {
            known.looked = looked;
            return Ok(Arc::clone(&known.index));
        }
        indexes.remove(&project);
        let read = self.store.project(project).map(Arc::new);
        if indexes.len() >= INDEXES_MAX {
            indexes.clear();
        }
        // One that can't be read is not read again for each address.
        let (index, file) = match &read {
            Ok(index) => (Arc::clone(index), file),
            Err(_) => (Arc::default(), None),
        };
        indexes.insert(project, Known { index, file, looked });
        read
    }

    /// Whether something is kept for a project, as far as that can be read.
    pub fn has_some(&self, project: u32) -> bool {
        self.index(project).is_ok_and(|index| !index.is_empty())
    }

    /// What pages of a project show: addresses below `prefix`, relative to the page that shows them.
    pub fn shown(self: &Arc<Self>, project: u32, prefix: &str) -> Arc<dyn KeptAssets> {
        Arc::new(Shown { pages: Arc::clone(self), project, prefix: prefix.to_owned() })
    }

    /// An asset of a project; `None` if it is not there.
    ///
    /// # Errors
    /// The index or the asset can't be read.
    pub fn get(self: &Arc<Self>, project: u32, id: AssetId) -> Result<Option<Served>, AssetsError> {
        let index = self.index(project)?;
        let Some((address, entry)) = index.get(id) else { return Ok(None) };
        let Some(bytes) = self.store.read(entry)? else { return Ok(None) };
        if entry.kind != Kind::Css {
            return Ok(Some(Served { kind: entry.kind, bytes, tag: Some(entry.hash.to_string()) }));
        }
        // The others are beside it.
        let assets = Assets::WITHHELD.with_kept(self.shown(project, ""));
        let text = css(&String::from_utf8_lossy(&bytes), Url::parse(address.as_str()).ok().as_ref(), &assets);
        Ok(Some(Served { kind: Kind::Css, bytes: text.into_bytes(), tag: None }))
    }

    fn file_id(&self, project: u32) -> Option<FileId> {
        let found = fs::metadata(self.store.index_path(project)).ok()?;
        Some(FileId { inode: found.ino(), changed: (found.mtime(), found.mtime_nsec()), length: found.len() })
    }
}

/// The assets of a project as its pages and style sheets name them.
struct Shown {
    pages: Arc<Pages>,
    project: u32,
    prefix: String,
}

impl KeptAssets for Shown {
    fn place_of(&self, url: &Url) -> Option<String> {
        // Who asks for one of them is told what is wrong.
        let index = self.pages.index(self.project).ok()?;
        let (address, _) = index.find(url)?;
        Some(format!("{}{}", self.prefix, AssetId::of(address)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::assets::{Address, Change, Limits};

    const LIMITS: Limits = Limits { asset_bytes: 1 << 20, store_bytes: 1 << 20 };

    fn push(store: &Store, url: &str, kind: Kind, bytes: &[u8]) -> AssetId {
        let address = Address::parse(url).unwrap();
        let id = AssetId::of(&address);
        let mut change = Change::begin(store, LIMITS).unwrap();
        change.add(7, address, kind, bytes, 1).unwrap().unwrap();
        change.finish().unwrap();
        id
    }

    #[test]
    fn a_kept_style_sheet_leads_to_what_is_kept_beside_it_and_nowhere_else() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::in_data(data.path());
        let font = push(&store, "https://cdn.example/f/a.woff2", Kind::Woff2, b"wOF2");
        let print = push(&store, "https://cdn.example/css/print.css", Kind::Css, b"a{}");
        let text = "@import 'print.css?v=2' print; @import url(//evil.example/x.css); \
                    @font-face{font-family:x;src:url('../f/a.woff2#iefix') format('woff2'),url(b.woff)} \
                    a{background:url(https://evil.example/x.png)}</style><script>";
        let sheet = push(&store, "https://cdn.example/css/a.css", Kind::Css, text.as_bytes());
        let pages = Arc::new(Pages::new(store));
        let served = pages.get(7, sheet).unwrap().unwrap();
        let shown = String::from_utf8(served.bytes).unwrap();
        assert!(shown.contains(&format!("@import url(\"{print}\") print;")), "{shown}");
        assert!(shown.contains(&format!("url(\"{font}#iefix\") format(\"woff2\"),url(\"about:invalid\")")), "{shown}");
        assert!(!shown.contains("evil.example"), "{shown}");
        assert_eq!((served.kind, served.tag), (Kind::Css, None));
        assert_eq!(pages.get(7, font).unwrap().unwrap().bytes, b"wOF2");
        assert_eq!(pages.get(8, font).unwrap(), None, "of another project");
    }

    #[test]
    fn what_is_pushed_while_the_server_runs_is_shown_within_a_second() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::in_data(data.path());
        let pages = Arc::new(Pages::new(store.clone()));
        assert!(pages.index(7).unwrap().is_empty());
        push(&store, "https://cdn.example/a.png", Kind::Png, b"png");
        std::thread::sleep(INDEX_AGE_MAX);
        let shown = pages.shown(7, "../assets/7/");
        let place = shown.place_of(&"https://cdn.example/a.png?x#y".parse().unwrap()).unwrap();
        assert!(place.starts_with("../assets/7/") && place.len() == 12 + 32, "{place}");
    }
}
