//! A web session as rrweb's events.
//!
//! rrweb shows one page; a session may have several tabs, each with one page after the other. What is shown is the newest page of the tab that
//! its visitor looks at, or one tab all the time. Other pages are followed without being told, so that a change of tabs shows them as they are.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value as Json, json};

use crate::export::clean::Assets;
use crate::export::order::{TAB_BYTES_MAX, Told, What, beginning};
use crate::export::page::changes::{Nobody, Page};
use crate::export::page::room::Room;
use crate::export::page::tree::Left;
use crate::export::said::Said;

use super::event::{Change, Data, Event, Mutation, Position};
use super::ids;
use super::ledger::{Ledger, Limits};
use super::recorder::{Flow, Pictures, Recorder, Sink};

/// How far apart snapshots are at most, while something happens: a seek plays no more than this.
pub(super) const SNAPSHOT_MS: i64 = 20_000;
/// Tabs with a page of their own. The one that was heard of least lately goes first.
const TABS_MAX: usize = 8;
/// So much is told of the address and of the title of a tab's page.
const NAME_BYTES_MAX: usize = 512;
/// What waits for the end of a moment. Of a moment with more, this much is written at a time.
pub(super) const HELD_BYTES_MAX: usize = if cfg!(test) { 64 << 10 } else { 1 << 20 };
/// What a canvas costs besides its name.
const CANVAS_BYTES: usize = 64;

/// How a session is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where pictures, fonts and style sheets come from.
    pub assets: Assets,
    /// What the descriptions of pages may take.
    pub room: Room,
    /// How much may be written.
    pub limits: Limits,
    /// The tab that is shown, whichever its visitor looks at.
    pub tab: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { assets: Assets::default(), room: Room::of(128 << 20), limits: Limits::default(), tab: None }
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
    /// Snapshots that were due, and would have been too much: a seek there takes longer.
    pub repeats: u64,
    /// There is more than may be written: nothing is told of the rest.
    pub rest: bool,
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
    /// The address and the title by which its page was last named.
    named: (String, String),
}

/// Writes a session's events.
#[derive(Debug)]
pub struct Converter {
    options: Options,
    tabs: BTreeMap<Arc<str>, Tab>,
    active: Option<Arc<str>>,
    /// The page that the player has.
    shown: Option<(Arc<str>, u64)>,
    recorder: Recorder,
    at_ms: i64,
    /// When the page was last written as a whole, or should have been.
    snapshot_ms: i64,
    /// The page that is shown has begun anew.
    anew: bool,
    /// What happens is followed, and not written.
    quiet: bool,
    /// The tabs are told anew.
    retell: bool,
    mouse: (u64, u64),
    left_out: LeftOut,
    ledger: Ledger,
}

impl Converter {
    /// For one session.
    pub fn new(options: Options) -> Converter {
        Converter {
            tabs: BTreeMap::new(),
            active: options.tab.as_deref().map(|name| Arc::from(beginning(name, TAB_BYTES_MAX))),
            shown: None,
            recorder: Recorder::new(options.assets.clone()),
            ledger: Ledger::new(options.limits),
            options,
            at_ms: i64::MIN,
            snapshot_ms: i64::MIN,
            anew: false,
            quiet: false,
            retell: false,
            mouse: (0, 0),
            left_out: LeftOut::default(),
        }
    }

    /// From here on what happens is only followed, or is written again, beginning with a snapshot of how it is by then.
    pub fn set_quiet(&mut self, quiet: bool) {
        if self.quiet != quiet {
            (self.quiet, self.anew, self.retell) = (quiet, true, true);
            self.tabs.values_mut().for_each(|tab| tab.named = Default::default());
        }
    }

    /// What could not be shown so far.
    pub fn left_out(&self) -> LeftOut {
        LeftOut { rest: self.ledger.is_full(), ..self.left_out }
    }

    /// The next message, in the order of times. `Break`: `sink` wants no more, or there is more than may be written.
    pub fn tell(&mut self, told: &Told, sink: &mut Sink<'_>) -> Flow {
        if told.at_ms != self.at_ms {
            self.flush(sink)?;
            self.at_ms = self.at_ms.max(told.at_ms);
        }
        self.ledger.sent(told.bytes);
        match &told.what {
            What::Gap => {
                self.left_out.gaps += 1;
                self.custom("gap", json!({ "tab": &*told.tab, "page": told.page }), sink)
            }
            What::Event(name, fields) => self.custom(name, fields.clone(), sink),
            What::Page(said) => {
                self.page(told, said);
                match said {
                    Said::Location(..) => self.name(&told.tab, sink)?,
                    // Where one tab is shown all the time, nothing else says which one is looked at.
                    Said::Hidden(false) if self.options.tab.is_some() && !told.tab.is_empty() => {
                        self.custom("tab", json!({ "tab": &*told.tab, "shown": true }), sink)?;
                    }
                    _ => {}
                }
                self.write_much(sink)
            }
        }
    }

    /// Pictures of a canvas: the stream's name, the time of one in Unix ms, and its bytes. Those whose canvas is not known are left out.
    pub fn picture(&mut self, stream: &str, at_ms: i64, bytes: &[u8], sink: &mut Sink<'_>) -> Flow {
        if at_ms != self.at_ms {
            self.flush(sink)?;
            self.at_ms = self.at_ms.max(at_ms);
        }
        self.ledger.sent(bytes.len());
        let Some(mime) = mime_of(bytes) else { return ControlFlow::Continue(()) };
        let found = self.tabs.iter_mut().find_map(|(name, tab)| {
            let node = tab.canvases.get(stream).copied()?;
            Some((name, tab, node))
        });
        let Some((name, tab, node)) = found else { return ControlFlow::Continue(()) };
        let picture = format!("data:{mime};base64,{}", BASE64_STANDARD.encode(bytes));
        let shown = self.shown.as_ref() == Some(&(Arc::clone(name), tab.page)) && !self.anew;
        // A client may call any node a canvas.
        let is_canvas = tab.known.tree.get(node).is_some_and(|node| node.is("canvas"));
        if shown && is_canvas && self.recorder.has(node) {
            self.recorder.after(Some(node), Change::Mutation(Mutation::of_attribute(ids::node(node), "src", &picture)));
        }
        let before = tab.pictures.get(&node).map_or(0, String::len);
        if tab.known.tree.take(picture.len()).is_ok() {
            tab.known.tree.give_back(before);
            tab.pictures.insert(node, picture);
        }
        self.write_much(sink)
    }

    /// The end of the session, or of what is known of it so far.
    pub fn flush(&mut self, sink: &mut Sink<'_>) -> Flow {
        if self.at_ms == i64::MIN {
            return ControlFlow::Continue(());
        }
        let Some(name) = self.front() else { return ControlFlow::Continue(()) };
        if self.quiet {
            // Which tab is shown later may go by which one would have been.
            self.shown = self.tabs.get(&name).map(|tab| (name, tab.page));
            return ControlFlow::Continue(());
        }
        let retell = std::mem::take(&mut self.retell);
        if retell {
            let names: Vec<Arc<str>> = self.tabs.keys().cloned().collect();
            names.iter().try_for_each(|name| self.name(name, sink))?;
        }
        if retell || self.shown.as_ref().is_none_or(|(shown, _)| *shown != name) {
            self.front_comes(&name, sink)?;
        }
        let Some(tab) = self.tabs.get(&name) else { return ControlFlow::Continue(()) };
        let (shown, ledger, at_ms) = ((name, tab.page), &mut self.ledger, self.at_ms);
        let is_new = self.anew || self.shown.as_ref() != Some(&shown);
        let is_due = !is_new && at_ms.saturating_sub(self.snapshot_ms) >= SNAPSHOT_MS;
        let may_repeat = ledger.may_repeat();
        if is_due && !may_repeat {
            self.left_out.repeats += 1;
            self.snapshot_ms = at_ms;
        }
        if is_new || (is_due && may_repeat) {
            ledger.begin_snapshot();
            let mut counted = |event| {
                ledger.count(&event, true)?;
                sink(event)
            };
            (self.shown, self.snapshot_ms, self.anew) = (Some(shown), at_ms, false);
            self.recorder.snapshot(&tab.known, &tab.pictures, at_ms, &mut counted)
        } else {
            let mut counted = |event| {
                ledger.count(&event, false)?;
                sink(event)
            };
            self.recorder.flush(&tab.known, &tab.pictures, at_ms, &mut counted)
        }
    }

    /// The tab that is looked at, as far as it is known: until one is told to come to the front, the one that is shown.
    fn front(&self) -> Option<Arc<str>> {
        let shown =
            || self.shown.as_ref().map(|(name, _)| Arc::clone(name)).filter(|name| self.tabs.contains_key(name));
        match &self.active {
            Some(active) => Some(Arc::clone(active)).filter(|name| self.tabs.contains_key(name)),
            None => shown().or_else(|| self.tabs.keys().next().cloned()),
        }
    }

    /// Tells that what follows shows this tab, which its visitor looks at.
    fn front_comes(&mut self, name: &Arc<str>, sink: &mut Sink<'_>) -> Flow {
        // Trackers that know no tabs have one without a name.
        if name.is_empty() || self.options.tab.is_some() {
            return ControlFlow::Continue(());
        }
        self.custom("tab", json!({ "tab": &**name, "shown": true }), sink)
    }

    /// Tells the page of a tab, if it is another.
    fn name(&mut self, name: &Arc<str>, sink: &mut Sink<'_>) -> Flow {
        let Some(tab) = self.tabs.get_mut(name).filter(|_| !name.is_empty()) else { return ControlFlow::Continue(()) };
        let title = tab.known.title.as_deref().unwrap_or_default();
        let (url, title) = (beginning(&tab.known.location, NAME_BYTES_MAX), beginning(title, NAME_BYTES_MAX));
        if (&*tab.named.0, &*tab.named.1) == (url, title) {
            return ControlFlow::Continue(());
        }
        let payload = json!({ "tab": &**name, "url": url, "title": title });
        tab.named = (url.to_owned(), title.to_owned());
        self.custom("tab", payload, sink)
    }

    /// Writes what there is of this moment so far, if that is much.
    fn write_much(&mut self, sink: &mut Sink<'_>) -> Flow {
        if self.recorder.held() <= HELD_BYTES_MAX {
            return ControlFlow::Continue(());
        }
        self.flush(sink)?;
        // The visitor looks at another tab, of which nothing is known yet.
        if self.recorder.held() > HELD_BYTES_MAX {
            self.recorder.forget();
            self.anew = true;
        }
        ControlFlow::Continue(())
    }

    fn page(&mut self, told: &Told, said: &Said) {
        match said {
            Said::ActiveTab(name) => {
                if self.options.tab.is_none() {
                    self.active = Some(Arc::from(beginning(name, TAB_BYTES_MAX)));
                }
                return;
            }
            Said::Tab(_) => return,
            _ => {}
        }
        let Some(tab) = self.tab(told) else { return };
        tab.heard_ms = told.at_ms;
        tab.known.sheets.now_ms = told.at_ms;
        let page = tab.page;
        // What is written anew need not be followed until then.
        let shown =
            self.shown.as_ref().is_some_and(|(name, shown)| **name == *told.tab && *shown == page) && !self.anew;
        let Some(tab) = self.tabs.get_mut(&told.tab) else { return };
        match said {
            Said::Document => {
                tab.known.begin_document();
                tab.pictures.clear();
                tab.canvases.clear();
                self.anew |= shown;
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
                let Ok(id) = node.parse() else { return };
                let name = format!("{began_ms}_{node}");
                let is_known = tab.canvases.contains_key(&name);
                if is_known || tab.known.tree.take(CANVAS_BYTES + name.len()).is_ok() {
                    tab.canvases.insert(name, id);
                } else {
                    self.left_out.full += 1;
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
            // Not all trackers tell of each change of tabs, but all tell this.
            Said::Hidden(false) if self.options.tab.is_none() => self.active = Some(Arc::clone(&told.tab)),
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
            named: Default::default(),
        };
        if !self.tabs.contains_key(&told.tab) {
            if self.tabs.len() >= TABS_MAX {
                // Not the one that is looked at: it may have nothing to tell.
                let is_seen = |name: &Arc<str>| {
                    self.active.as_ref() == Some(name) || self.shown.as_ref().is_some_and(|(shown, _)| shown == name)
                };
                let others = self.tabs.iter().filter(|(name, _)| !is_seen(name));
                let oldest = others.min_by_key(|(_, tab)| tab.heard_ms).map(|(name, _)| Arc::clone(name));
                self.tabs.remove(&oldest?);
            }
            self.tabs.insert(Arc::clone(&told.tab), new());
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

    fn custom(&mut self, tag: &'static str, payload: Json, sink: &mut Sink<'_>) -> Flow {
        if self.quiet {
            return ControlFlow::Continue(());
        }
        let event = Event::new(self.at_ms, Data::Custom { tag, payload });
        self.ledger.count(&event, false)?;
        sink(event)
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

mod resting;

pub use resting::Resting;

#[cfg(test)]
mod attacked;
#[cfg(test)]
mod last;
#[cfg(test)]
mod tests;
