//! The addresses that pages and style sheets name.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use crate::assets::address::Address;
use crate::assets::index::AssetId;
use crate::export::clean::{Assets, KeptAssets, css};

use super::allow::Allow;

/// How many addresses of one session are noted.
const OF_SESSION_MAX: usize = 2000;
/// How many bytes of addresses wait at most.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// How many addresses are told apart from each other, of those that are allowed and of those that are not.
const SEEN_MAX: usize = 100_000;
/// How many origins that are not allowed are counted one by one.
const ORIGINS_MAX: usize = 50;

/// Notes each address that a page or a style sheet names, once, and has a place for none of them.
#[derive(Debug)]
pub struct Wanted {
    allowed: Vec<Allow>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: HashSet<AssetId>,
    /// What waits, by session: each has its turn, so that one that names many does not keep others out.
    sessions: Vec<Session>,
    /// Whose pages are being read.
    reading: usize,
    turn: usize,
    waiting_bytes: usize,
    passed: u64,
    others: HashSet<AssetId>,
    not_allowed: u64,
    origins: BTreeMap<String, u64>,
    more_origins: bool,
}

#[derive(Debug, Default)]
struct Session {
    noted: usize,
    waiting: VecDeque<Address>,
}

/// An address, and the session whose pages lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The address.
    pub address: Address,
    session: usize,
}

impl Named {
    /// Another address, in its place.
    #[must_use]
    pub fn with(&self, address: Address) -> Named {
        Named { address, session: self.session }
    }
}

/// What is named and not allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotAllowed {
    /// How many addresses.
    pub addresses: u64,
    /// The origins, with how many each has; the first of them.
    pub origins: Vec<(String, u64)>,
    /// Whether there are more.
    pub more: bool,
}

impl Wanted {
    /// None yet. Only what is allowed is going to wait.
    pub fn new(allowed: Vec<Allow>) -> Arc<Wanted> {
        Arc::new(Wanted { allowed, state: Mutex::default() })
    }

    /// Where the pages of the next session have their assets from. Turn by turn, each session's addresses are [taken](Wanted::take).
    pub fn next_session(self: &Arc<Self>) -> Assets {
        let mut state = self.state();
        state.sessions.push(Session::default());
        state.reading = state.sessions.len() - 1;
        drop(state);
        self.assets()
    }

    /// Notes what a style sheet names.
    pub fn sheet(self: &Arc<Self>, sheet: &Named, text: &[u8]) {
        self.state().reading = sheet.session;
        css(&String::from_utf8_lossy(text), Url::parse(sheet.address.as_str()).ok().as_ref(), &self.assets());
    }

    /// Whether an address may be asked for. One that may not be is counted.
    pub fn allows(&self, url: &Url) -> bool {
        let is_allowed = self.allowed.iter().any(|allow| allow.allows(url));
        if !is_allowed && let Ok(address) = Address::of(url) {
            self.state().not_allowed(url, AssetId::of(&address));
        }
        is_allowed
    }

    /// The next address.
    pub fn take(&self) -> Option<Named> {
        let mut state = self.state();
        let count = state.sessions.len();
        for session in (0..count).map(|step| (state.turn + step) % count).collect::<Vec<_>>() {
            if let Some(address) = state.sessions[session].waiting.pop_front() {
                state.turn = session + 1;
                state.waiting_bytes -= address.as_str().len();
                return Some(Named { address, session });
            }
        }
        None
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        self.state().sessions.iter().map(|session| session.waiting.len() as u64).sum()
    }

    /// How many were not noted for want of room.
    pub fn passed(&self) -> u64 {
        self.state().passed
    }

    /// What is named and not allowed.
    pub fn not_allowed(&self) -> NotAllowed {
        let state = self.state();
        let origins = state.origins.iter().map(|(origin, count)| (origin.clone(), *count)).collect();
        NotAllowed { addresses: state.not_allowed, origins, more: state.more_origins }
    }

    fn assets(self: &Arc<Self>) -> Assets {
        Assets::WITHHELD.with_kept(Arc::clone(self) as Arc<dyn KeptAssets>)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptAssets for Wanted {
    fn place_of(&self, url: &Url) -> Option<String> {
        let address = Address::of(url).ok()?;
        if self.allows(url) {
            self.state().note(address);
        }
        None
    }
}

impl State {
    fn note(&mut self, address: Address) {
        let id = AssetId::of(&address);
        let Some(session) = self.sessions.get_mut(self.reading).filter(|_| !self.seen.contains(&id)) else { return };
        let bytes = self.waiting_bytes + address.as_str().len();
        if session.noted >= OF_SESSION_MAX || bytes > WAITING_BYTES_MAX || self.seen.len() >= SEEN_MAX {
            self.passed += 1;
            return;
        }
        session.noted += 1;
        session.waiting.push_back(address);
        self.waiting_bytes = bytes;
        self.seen.insert(id);
    }

    fn not_allowed(&mut self, url: &Url, id: AssetId) {
        if self.others.len() >= SEEN_MAX || !self.others.insert(id) {
            return;
        }
        self.not_allowed += 1;
        let origin = url.origin().ascii_serialization();
        if let Some(count) = self.origins.get_mut(&origin) {
            *count += 1;
        } else if self.origins.len() < ORIGINS_MAX {
            self.origins.insert(origin, 1);
        } else {
            self.more_origins = true;
        }
    }
}

/// A style sheet that a redirect has led to, with whole addresses: it is kept where the page names it, and what it names is relative to where it was.
pub fn made_absolute(sheet: &[u8], was_at: &Url) -> Vec<u8> {
    struct Absolute;

    impl KeptAssets for Absolute {
        fn place_of(&self, url: &Url) -> Option<String> {
            Some(Address::of(url).ok()?.as_str().to_owned())
        }
    }

    let assets = Assets::WITHHELD.with_kept(Arc::new(Absolute));
    css(&String::from_utf8_lossy(sheet), Some(was_at), &assets).into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn wanted(allow: &str) -> Arc<Wanted> {
        Wanted::new(vec![allow.parse().unwrap()])
    }

    fn name(wanted: &Wanted, url: &str) {
        assert_eq!(wanted.place_of(&Url::parse(url).unwrap()), None);
    }

    #[test]
    fn an_address_waits_once_and_only_if_it_is_allowed() {
        let wanted = wanted("https://a.example/v7");
        let _ = wanted.next_session();
        for url in [
            "https://a.example/v7/a.css",
            "https://a.example/v7/a.css#x",
            "https://a.example/v7/b.css",
            "https://a.example/c.css",
            "https://b.example/a.css",
            "https://b.example/a.css#x",
            "https://b.example/b.css",
            "https://ada:x@a.example/v7/c.css",
        ] {
            name(&wanted, url);
        }
        let taken: Vec<String> =
            std::iter::from_fn(|| wanted.take()).map(|named| named.address.as_str().to_owned()).collect();
        assert_eq!(taken, ["https://a.example/v7/a.css", "https://a.example/v7/b.css"]);
        let not_allowed = wanted.not_allowed();
        let origins = vec![("https://a.example".to_owned(), 1), ("https://b.example".to_owned(), 2)];
        assert_eq!(not_allowed, NotAllowed { addresses: 3, origins, more: false });
    }

    #[test]
    fn a_style_sheet_leads_to_more_in_the_turn_of_its_session() {
        let wanted = wanted("https://a.example/");
        let _ = wanted.next_session();
        name(&wanted, "https://a.example/css/a.css");
        name(&wanted, "https://a.example/1.png");
        let _ = wanted.next_session();
        name(&wanted, "https://a.example/2.png");
        name(&wanted, "https://a.example/3.png");
        let sheet = wanted.take().unwrap();
        wanted
            .sheet(&sheet, b"@import 'b.css';@font-face{src:url(../f.woff2#iefix)}c{background:image-set('d.png' 1x)}");
        let taken: Vec<String> =
            std::iter::from_fn(|| wanted.take()).map(|named| named.address.as_str().to_owned()).collect();
        let expected = ["2.png", "1.png", "3.png", "css/b.css", "f.woff2", "css/d.png"];
        assert_eq!(taken, expected.map(|name| format!("https://a.example/{name}")));
    }

    #[test]
    fn a_stranger_can_name_without_end_and_fills_neither_the_memory_nor_the_turns_of_others() {
        let wanted = wanted("https://a.example/");
        let _ = wanted.next_session();
        for number in 0..3 * OF_SESSION_MAX {
            name(&wanted, &format!("https://a.example/{number}"));
            name(&wanted, &format!("https://{number}.example/"));
        }
        let _ = wanted.next_session();
        name(&wanted, "https://a.example/a.css");
        assert_eq!((wanted.waiting(), wanted.passed()), (OF_SESSION_MAX as u64 + 1, 2 * OF_SESSION_MAX as u64));
        wanted.take().unwrap();
        assert_eq!(wanted.take().unwrap().address.as_str(), "https://a.example/a.css");
        let not_allowed = wanted.not_allowed();
        assert_eq!((not_allowed.origins.len(), not_allowed.more), (ORIGINS_MAX, true));
        let long = "x".repeat(1500);
        for session in 0..20 {
            let _ = wanted.next_session();
            (0..OF_SESSION_MAX)
                .for_each(|number| name(&wanted, &format!("https://a.example/{session}/{number}/{long}")));
        }
        assert!(wanted.state().waiting_bytes <= WAITING_BYTES_MAX);
    }

    #[test]
    fn a_sheet_that_a_redirect_has_led_to_names_what_it_named_there() {
        let was_at = Url::parse("https://cdn.example/lib@1/dist/a.css").unwrap();
        let sheet = made_absolute(b"@import 'b.css' print;a{background:url(\"../c.png#x\");fill:url(#g)}", &was_at);
        assert_eq!(
            String::from_utf8(sheet).unwrap(),
            "@import url(\"https://cdn.example/lib@1/dist/b.css\") print;\
             a{background:url(\"https://cdn.example/lib@1/c.png#x\");fill:url(\"#g\")}"
        );
    }
}
