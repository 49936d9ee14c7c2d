//! Assets as a file has them that plays a session by itself: each once, by name.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;
use url::Url;

use crate::export::clean::{Assets, KeptAssets, css};

use super::error::AssetsError;
use super::index::{AssetId, ProjectIndex};
use super::kind::Kind;
use super::store::Store;

/// What stands for an asset's address: this, and its [`AssetId`]. The page puts the address of the bytes in its place.
const SCHEME: &str = "takeup-asset:";

/// The assets that a session's pages name, up to a limit.
#[derive(Debug)]
pub struct Embedded {
    store: Store,
    index: ProjectIndex,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    named: HashSet<AssetId>,
    waiting: VecDeque<AssetId>,
    bytes: u64,
    passed: HashSet<AssetId>,
}

impl Embedded {
    /// Those of a project; at most so many bytes of them.
    ///
    /// # Errors
    /// The index can't be read.
    pub fn new(store: Store, project: u32, bytes_max: u64) -> Result<Arc<Embedded>, AssetsError> {
        let index = store.project(project)?;
        Ok(Arc::new(Embedded { store, index, bytes_max, state: Mutex::default() }))
    }

    /// Where the session's pages have their assets from.
    pub fn assets(self: &Arc<Self>) -> Assets {
        match self.index.is_empty() {
            true => Assets::WITHHELD,
            false => Assets::WITHHELD.with_kept(Arc::clone(self) as Arc<dyn KeptAssets>),
        }
    }

    /// The next asset that was named and not taken yet, as JSON: `id`, `type` and `data`, in base64.
    ///
    /// # Errors
    /// It can't be read.
    pub fn take(self: &Arc<Self>) -> Result<Option<String>, AssetsError> {
        loop {
            let Some(id) = self.state().waiting.pop_front() else { return Ok(None) };
            let Some((address, entry)) = self.index.get(id) else { continue };
            let Some(mut bytes) = self.store.read(entry)? else { continue };
            if entry.kind == Kind::Css {
                bytes =
                    css(&String::from_utf8_lossy(&bytes), Url::parse(address.as_str()).ok().as_ref(), &self.assets())
                        .into_bytes();
            }
            let data = BASE64_STANDARD.encode(bytes);
            let asset = json!({ "id": id.to_string(), "type": entry.kind.media_type(), "data": data });
            return Ok(Some(asset.to_string()));
        }
    }

    /// How many assets the limit has kept out.
    pub fn passed(&self) -> u64 {
        self.state().passed.len() as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptAssets for Embedded {
    fn place_of(&self, url: &Url) -> Option<String> {
        let (address, entry) = self.index.find(url)?;
        let id = AssetId::of(address);
        let mut state = self.state();
        if !state.named.contains(&id) {
            if state.bytes + entry.bytes > self.bytes_max {
                state.passed.insert(id);
                return None;
            }
            state.bytes += entry.bytes;
            state.named.insert(id);
            state.waiting.push_back(id);
        }
        Some(format!("{SCHEME}{id}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::assets::{Address, Change, Limits};

    #[test]
    fn each_asset_is_taken_once_with_what_its_style_sheet_names_and_no_more_than_the_limit() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::in_data(data.path());
        let mut change = Change::begin(&store, Limits { asset_bytes: 1000, store_bytes: 10_000 }).unwrap();
        let css = b"@import 'a.css';a{background:url(b.png)}c{background:url(large.png)}";
        for (name, kind, bytes) in
            [("a.css", Kind::Css, &css[..]), ("b.png", Kind::Png, b"png"), ("large.png", Kind::Png, &[0; 1000])]
        {
            let address = Address::parse(&format!("https://a.example/{name}")).unwrap();
            change.add(7, address, kind, bytes, 1).unwrap().unwrap();
        }
        change.finish().unwrap();
        let embedded = Embedded::new(store, 7, 200).unwrap();
        let named = |name: &str| embedded.place_of(&format!("https://a.example/{name}").parse().unwrap());
        let (sheet, again) = (named("a.css").unwrap(), named("a.css?v=1#x").unwrap());
        assert_eq!(sheet, again);
        assert_eq!(named("other.css"), None);
        let mut taken = Vec::new();
        while let Some(asset) = embedded.take().unwrap() {
            taken.push(serde_json::from_str::<serde_json::Value>(&asset).unwrap());
        }
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0]["type"], "text/css; charset=utf-8");
        let text = BASE64_STANDARD.decode(taken[0]["data"].as_str().unwrap()).unwrap();
        let text = String::from_utf8(text).unwrap();
        let picture = format!("takeup-asset:{}", taken[1]["id"].as_str().unwrap());
        assert!(text.contains(&format!("@import url(\"{sheet}\")")), "{text}");
        assert!(text.contains(&picture) && text.contains("about:invalid"), "{text}");
        assert_eq!((embedded.passed(), named("b.png").unwrap()), (1, picture));
        assert!(embedded.take().unwrap().is_none());
    }
}
