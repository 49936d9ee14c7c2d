//! A web session as rrweb's events.
//!
//! rrweb shows one page; a session may have several tabs, each with one page after the other. What is shown is the newest page of the tab that
//! its visitor looks at. Other pages are followed without being told, so that a change of tabs shows them as they are.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value as Json, json};

use crate::export::clean::Assets;
use crate::export::order::{Told, What};
use crate::export::page::changes::{Nobody, Page};
use crate::export::page::room::Room;
use crate::export::page::tree::Left;
use crate::export::said::Said;

use super::event::{Change, Data, Event, Mutation, Position};
use super::ids;
use super::recorder::{Pictures, Recorder, Sink};

/// How far apart snapshots are at most, while something happens: a seek plays no more than this.
pub(super) const SNAPSHOT_MS: i64 = 20_000;
/// Tabs with a page of their own. The one that was heard of least lately goes first.
const TABS_MAX: usize = 8;

/// How a session is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where pictures, fonts and style sheets come from.
    pub assets: Assets,
    /// What the descriptions of pages may take.
    pub room: Room,
}

impl Default for Options {
    fn default() -> Self {
        Options { assets: Assets::default(), room: Room::of(128 << 20) }
    }
}

/// What could not be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Changes of nodes that no message has made, as after a batch that is missing.
    pub unknown: u64,
    /// Changes that make no tree.
    pub no_tree: u64,
    /// Changes for which the page had no room left.
    pub full: u64,
    /// Places at which batches are missing.
    pub gaps: u64,
}

/// A page, and what is known of it besides its nodes.
#[derive(Debug)]
struct Tab {
    page: u64,
    known: Page,
    pictures: Pictures,
    /// The nodes of canvases, by the number that their streams of pictures are named after.
    canvases: HashMap<String, u64>,
    heard_ms: i64,
}

/// Writes a session's events.
#[derive(Debug)]
pub struct Converter {
    options: Options,
    tabs: BTreeMap<Rc<str>, Tab>,
    active: Option<Rc<str>>,
    /// The page that the player has.
    shown: Option<(Rc<str>, u64)>,
    recorder: Recorder,
    at_ms: i64,
    snapshot_ms: i64,
    /// The page that is shown has begun anew.
    anew: bool,
    mouse: (u64, u64),
    left_out: LeftOut,
}

impl Converter {
    /// For one session.
    pub fn new(options: Options) -> Converter {
        Converter {
            tabs: BTreeMap::new(),
            active: None,
            shown: None,
            recorder: Recorder::new(options.assets.clone()),
            options,
            at_ms: i64::MIN,
            snapshot_ms: i64::MIN,
            anew: false,
            mouse: (0, 0),
            left_out: LeftOut::default(),
        }
    }

    /// What could not be shown so far.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The next message, in the order of times.
    pub fn tell(&mut self, told: &Told, sink: &mut Sink<'_>) {
        if told.at_ms != self.at_ms {
            self.flush(sink);
            self.at_ms = self.at_ms.max(told.at_ms);
        }
        match &told.what {
            What::Gap => {
                self.left_out.gaps += 1;
                sink(self.custom("gap", json!({ "tab": &*told.tab, "page": told.page })));
            }
            What::Event(name, fields) => sink(self.custom(name, fields.clone())),
            What::Page(said) => self.page(told, said),
        }
    }

    /// Pictures of a canvas: the stream's name, the time of one in Unix ms, and its bytes. Those whose canvas is not known are left out.
    pub fn picture(&mut self, stream: &str, at_ms: i64, bytes: &[u8], sink: &mut Sink<'_>) {
        if at_ms != self.at_ms {
            self.flush(sink);
            self.at_ms = self.at_ms.max(at_ms);
        }
        let Some(mime) = mime_of(bytes) else { return };
        let found = self.tabs.iter_mut().find_map(|(name, tab)| {
            let node = tab.canvases.get(stream).copied()?;
            Some((name, tab, node))
        });
        let Some((name, tab, node)) = found else { return };
        let picture = format!("data:{mime};base64,{}", BASE64_STANDARD.encode(bytes));
        if self.shown.as_ref() == Some(&(Rc::clone(name), tab.page)) && self.recorder.has(node) {
            self.recorder.after(Some(node), Change::Mutation(Mutation::of_attribute(ids::node(node), "src", &picture)));
        }
        let before = tab.pictures.get(&node).map_or(0, String::len);
        if tab.known.tree.take(picture.len()).is_ok() {
            tab.known.tree.give_back(before);
            tab.pictures.insert(node, picture);
        }
    }

    /// The end of the session, or of what is known of it so far.
    pub fn flush(&mut self, sink: &mut Sink<'_>) {
        if self.at_ms == i64::MIN {
            return;
        }
        let active = self.active.clone().or_else(|| self.tabs.keys().next().cloned());
        let Some((name, tab)) = active.and_then(|name| self.tabs.get(&name).map(|tab| (name, tab))) else { return };
        let shown = (name, tab.page);
        let due = self.at_ms.saturating_sub(self.snapshot_ms) >= SNAPSHOT_MS;
        if self.anew || due || self.shown.as_ref() != Some(&shown) {
            self.recorder.snapshot(&tab.known, &tab.pictures, self.at_ms, sink);
            (self.shown, self.snapshot_ms, self.anew) = (Some(shown), self.at_ms, false);
        } else {
            self.recorder.flush(&tab.known, &tab.pictures, self.at_ms, sink);
        }
    }

    fn page(&mut self, told: &Told, said: &Said) {
        match said {
            Said::ActiveTab(name) => {
                self.active = Some(Rc::from(name.as_str()));
                return;
            }
            Said::Tab(_) => return,
            _ => {}
        }
        let Some(tab) = self.tab(told) else { return };
        tab.heard_ms = told.at_ms;
        tab.known.sheets.now_ms = told.at_ms;
        let page = tab.page;
        let shown = self.shown.as_ref().is_some_and(|(name, shown)| **name == *told.tab && *shown == page);
        let Some(tab) = self.tabs.get_mut(&told.tab) else { return };
        match said {
            Said::Document => {
                tab.known.begin_document();
                tab.pictures.clear();
                tab.canvases.clear();
                self.anew |= shown;
            }
            Said::Location(url, title) => {
                tab.known.location.clone_from(url);
                if title.is_some() {
                    tab.known.title.clone_from(title);
                }
            }
            Said::Viewport(width, height) => {
                tab.known.viewport = (*width, *height);
                if shown {
                    self.recorder.after(None, Change::Viewport { source: 4, width: *width, height: *height });
                }
            }
            Said::ViewportScroll(x, y) => {
                tab.known.scroll = (*x, *y);
                if shown {
                    self.recorder.after(None, Change::Scroll { source: 3, id: ids::DOCUMENT, x: *x, y: *y });
                }
            }
            Said::Canvas(node, began_ms) => {
                if let Ok(id) = node.parse() {
                    tab.canvases.insert(format!("{began_ms}_{node}"), id);
                }
            }
            Said::Mouse(x, y) => {
                self.mouse = (*x, *y);
                if shown {
                    let position = Position { x: *x, y: *y, id: ids::DOCUMENT, time_offset: 0 };
                    self.recorder.after(None, Change::MouseMove { source: 1, positions: [position] });
                }
            }
            Said::Click(node, _) if shown && self.recorder.has(*node) => self.interact(2, *node),
            Said::Focus(Some(node)) if shown && self.recorder.has(*node) => self.interact(5, *node),
            Said::Click(..) | Said::Focus(_) | Said::Hidden(_) => {}
            said => {
                let done = match shown {
                    true => tab.known.apply(said, &mut self.recorder),
                    false => tab.known.apply(said, &mut Nobody),
                };
                match done {
                    Ok(()) => {}
                    Err(Left::Unknown) => self.left_out.unknown += 1,
                    Err(Left::NoTree) => self.left_out.no_tree += 1,
                    Err(Left::Full) => self.left_out.full += 1,
                }
            }
        }
    }

    /// The tab that a message is about, with its page; `None` for a page that was left.
    fn tab(&mut self, told: &Told) -> Option<&mut Tab> {
        let room = self.options.room.clone();
        let new = || Tab {
            page: told.page,
            known: Page::new(room.clone()),
            pictures: Pictures::new(),
            canvases: HashMap::new(),
            heard_ms: told.at_ms,
        };
        if !self.tabs.contains_key(&told.tab) {
            if self.tabs.len() >= TABS_MAX {
                let oldest = self.tabs.iter().min_by_key(|(_, tab)| tab.heard_ms).map(|(name, _)| Rc::clone(name));
                self.tabs.remove(&oldest?);
            }
            self.tabs.insert(Rc::clone(&told.tab), new());
        }
        let tab = self.tabs.get_mut(&told.tab)?;
        if told.page > tab.page {
            *tab = new();
        }
        (told.page == tab.page).then_some(tab)
    }

    fn interact(&mut self, kind: u8, node: u64) {
        let (x, y) = self.mouse;
        self.recorder.after(Some(node), Change::Interaction { source: 2, kind, id: ids::node(node), x, y });
    }

    fn custom(&self, tag: &'static str, payload: Json) -> Event {
        Event::new(self.at_ms, Data::Custom { tag, payload })
    }
}

/// What kind of picture the bytes are.
pub(super) fn mime_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
