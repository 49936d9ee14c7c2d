//! The changes that messages make to a page, and who is told of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::export::clean;
use crate::export::said::{Key, NodeId, Rule, Said, Word};

use super::animated;
use super::node::{Element, Node, RuleChange, What};
use super::room::Room;
use super::sheets::Sheets;
use super::tree::{Left, Tree, attribute_bytes};

/// Who is told of changes. A removal is told before it is made, everything else after.
pub trait Watch {
    /// The node with all below it leaves its place.
    fn leaves(&mut self, page: &Page, node: NodeId);
    /// The node has a place, with all below it.
    fn placed(&mut self, node: NodeId);
    /// The root in this frame, or the shadow root, has come.
    fn rooted(&mut self, root: NodeId);
    /// An attribute is another, or gone.
    fn attribute(&mut self, node: NodeId, name: &str);
    /// A text is another.
    fn text(&mut self, node: NodeId);
    /// The text of a style element is another.
    fn css(&mut self, page: &Page, node: NodeId);
    /// The rules of a style element have changed.
    fn rule(&mut self, page: &Page, node: NodeId, rule: &Rule);
    /// The rules of a sheet that scripts made have changed: `at` is where.
    fn sheet(&mut self, page: &Page, sheet: u64, rule: &Rule, at: u64);
    /// What stands in a field is another.
    fn field(&mut self, page: &Page, node: NodeId);
    /// An element or a document is scrolled.
    fn scroll(&mut self, page: &Page, node: NodeId);
}

/// A page that is not shown: nobody is told.
#[derive(Debug)]
pub struct Nobody;

impl Watch for Nobody {
    fn leaves(&mut self, _: &Page, _: NodeId) {}
    fn placed(&mut self, _: NodeId) {}
    fn rooted(&mut self, _: NodeId) {}
    fn attribute(&mut self, _: NodeId, _: &str) {}
    fn text(&mut self, _: NodeId) {}
    fn css(&mut self, _: &Page, _: NodeId) {}
    fn rule(&mut self, _: &Page, _: NodeId, _: &Rule) {}
    fn sheet(&mut self, _: &Page, _: u64, _: &Rule, _: u64) {}
    fn field(&mut self, _: &Page, _: NodeId) {}
    fn scroll(&mut self, _: &Page, _: NodeId) {}
}

/// A page as its tracker has described it so far.
#[derive(Debug)]
pub struct Page {
    /// Its nodes.
    pub tree: Tree,
    /// Sheets that scripts made.
    pub sheets: Sheets,
    /// Its address.
    pub location: String,
    /// What addresses in it are relative to.
    pub base: Option<url::Url>,
    /// Its title, where the tracker tells it.
    pub title: Option<String>,
    /// Width and height of the window, in CSS pixels.
    pub viewport: (u32, u32),
    /// How far the window is scrolled, in pixels.
    pub scroll: (i64, i64),
    numbers: HashMap<u64, Arc<str>>,
    texts: HashMap<Vec<u8>, Arc<str>>,
    /// What these two take of the budget.
    words_bytes: usize,
    has_document: bool,
}

/// What a window is taken to be until its size is told.
const VIEWPORT: (u32, u32) = (1280, 800);
/// What a text of the dictionary costs besides its bytes.
const WORD_BYTES: usize = 2 * size_of::<String>() + 16;
/// The longest name of an attribute. None that is longer is ever shown.
const NAME_BYTES_MAX: usize = 256;
/// The longest address of a page: it is no part of the budget.
const LOCATION_BYTES_MAX: usize = 64 << 10;
/// The longest `style` that ends of animations are added to: each may make it longer, and come at any moment.
const ANIMATED_BYTES_MAX: usize = 32 << 10;

impl Page {
    /// A page of which nothing is known.
    pub fn new(room: Room) -> Page {
        Page {
            tree: Tree::new(room),
            sheets: Sheets::default(),
            location: String::new(),
            base: None,
            title: None,
            viewport: VIEWPORT,
            scroll: (0, 0),
            numbers: HashMap::new(),
            texts: HashMap::new(),
            words_bytes: 0,
            has_document: false,
        }
    }

    /// The same page, if `room` has room for it.
    pub fn copy(&self, room: Room) -> Option<Page> {
        let Page { ref location, ref base, ref title, viewport, scroll, words_bytes, has_document, .. } = *self;
        Some(Page {
            tree: self.tree.copy(room)?,
            sheets: self.sheets.clone(),
            location: location.clone(),
            base: base.clone(),
            title: title.clone(),
            viewport,
            scroll,
            numbers: self.numbers.clone(),
            texts: self.texts.clone(),
            words_bytes,
            has_document,
        })
    }

    /// A document begins: forgets all nodes, and keeps what a tracker tells once a page, the dictionary, and the sheets that were told ahead
    /// of the document.
    pub fn begin_document(&mut self) {
        if std::mem::replace(&mut self.has_document, true) {
            self.sheets.begin_document();
        }
        let sheets = self.sheets.bytes();
        self.tree.begin_anew(self.words_bytes + sheets);
        self.scroll = (0, 0);
    }

    /// Makes the change that a message tells.
    ///
    /// # Errors
    /// Why it was left out. The page is as before.
    pub fn apply(&mut self, said: &Said, watch: &mut dyn Watch) -> Result<(), Left> {
        match said {
            Said::Element { node, parent, index, tag, svg } => {
                let tag = clean::element_name(tag, *svg);
                let what = What::Element(Box::new(Element { tag, svg: *svg, ..Element::default() }));
                self.place(*node, *parent, *index, what, watch)
            }
            Said::Text { node, parent, index } => self.place(*node, *parent, *index, What::Text(String::new()), watch),
            Said::Move { node, parent, index } => {
                if self.tree.is_root(*node) {
                    return Err(Left::NoTree);
                }
                let before = self.parent_of(*node);
                watch.leaves(self, *node);
                let moved = self.tree.move_to(*node, *parent, *index);
                // Also if it stays where it is: it has been told to have left.
                if self.tree.get(*node).is_some() {
                    watch.placed(*node);
                }
                self.read_anew(before, watch);
                self.read_anew(moved.ok().map(|()| *parent), watch);
                moved
            }
            Said::Remove(node) => {
                if self.tree.get(*node).is_none() {
                    return Err(Left::Unknown);
                }
                if self.tree.is_root(*node) {
                    return Err(Left::NoTree);
                }
                let before = self.parent_of(*node);
                watch.leaves(self, *node);
                self.tree.remove(*node);
                self.read_anew(before, watch);
                Ok(())
            }
            Said::Root { host, root } => {
                // Before anybody is told of what goes with it.
                self.tree.may_be_root(*root, *host)?;
                let before = self.tree.get(*host).and_then(Node::element).and_then(|element| element.root);
                let parent = self.parent_of(*root);
                for node in [Some(*root), before].into_iter().flatten().filter(|node| self.tree.get(*node).is_some()) {
                    watch.leaves(self, node);
                }
                self.tree.create_root(*root, *host)?;
                watch.rooted(*root);
                self.read_anew(parent, watch);
                Ok(())
            }
            Said::Location(url, title) => {
                if url.len() + title.as_ref().map_or(0, String::len) > LOCATION_BYTES_MAX {
                    return Err(Left::Full);
                }
                if self.location != *url {
                    self.location.clone_from(url);
                    self.base = clean::base(url);
                }
                if title.is_some() {
                    self.title.clone_from(title);
                }
                Ok(())
            }
            Said::Attribute { node, name, value, base } => {
                let (Some(name), Some(value)) = (self.word(name), self.word(value)) else { return Err(Left::Unknown) };
                let value = match base.as_deref().filter(|base| *base != self.location && !base.is_empty()) {
                    Some(base) => absolute(&name, &value, base).map_or(value, Arc::from),
                    None => value,
                };
                self.set_attribute(*node, &name, Some(value), watch)
            }
            Said::NoAttribute(node, name) => self.set_attribute(*node, name, None, watch),
            Said::Slot { node, slot } => self.assign(*node, *slot, watch),
            Said::Animated(node, styles) => {
                let element = self.tree.get(*node).and_then(Node::element).ok_or(Left::Unknown)?;
                let before = element.attributes.get("style").map(|style| &**style).unwrap_or_default();
                if before.len() + styles.len() > ANIMATED_BYTES_MAX {
                    return Err(Left::Full);
                }
                let style = animated::with(before, styles);
                self.set_attribute(*node, "style", Some(style.into()), watch)
            }
            Said::Data(node, text) => self.set_text(*node, text, watch),
            Said::Css(node, text, _) => self.set_css(*node, text, watch),
            Said::CssRule(node, rule, _) => self.change_rule(*node, rule, watch),
            Said::SheetOwner { sheet, owner } => {
                self.sheets.add_owner(*sheet, *owner, &mut self.tree)?;
                watch.css(self, *owner);
                Ok(())
            }
            Said::NoSheetOwner { sheet, owner } => {
                self.sheets.remove_owner(*sheet, *owner, &mut self.tree);
                watch.css(self, *owner);
                Ok(())
            }
            Said::SheetRule(sheet, rule, _) => {
                let at = self.sheets.change(*sheet, rule, &mut self.tree)?;
                watch.sheet(self, *sheet, rule, at);
                Ok(())
            }
            Said::Scroll(node, x, y) => {
                match self.tree.get_mut(*node).map(|node| &mut node.what) {
                    Some(What::Element(element)) => element.scroll = (*x, *y),
                    Some(What::Document(scroll)) => *scroll = (*x, *y),
                    Some(_) => return Err(Left::NoTree),
                    None => return Err(Left::Unknown),
                }
                watch.scroll(self, *node);
                Ok(())
            }
            Said::Value(node, value, mask) => self.set_value(*node, &shown(value, *mask), watch),
            Said::Checked(node, checked) => {
                let element = self.tree.get_mut(*node).and_then(Node::element_mut).ok_or(Left::Unknown)?;
                element.field.checked = Some(*checked);
                watch.field(self, *node);
                Ok(())
            }
            Said::Word(key, word) => self.learn(key, word),
            _ => Ok(()),
        }
    }

    fn place(
        &mut self,
        node: NodeId,
        parent: NodeId,
        index: u64,
        what: What,
        watch: &mut dyn Watch,
    ) -> Result<(), Left> {
        if self.tree.is_root(node) {
            return Err(Left::NoTree);
        }
        let before = self.parent_of(node);
        if self.tree.get(node).is_some() {
            watch.leaves(self, node);
        }
        let placed = self.tree.create(node, parent, index, what);
        // Also if the node that was there stays: it has been told to have left.
        if self.tree.get(node).is_some() {
            watch.placed(node);
        }
        self.read_anew(before, watch);
        self.read_anew(placed.ok().map(|()| parent), watch);
        placed
    }

    fn parent_of(&self, node: NodeId) -> Option<NodeId> {
        self.tree.get(node)?.parent
    }

    /// What is in a node is another. If that is a style element, browsers read its rules anew from its texts: those that were put in or taken out one by
    /// one are as if that had never been.
    fn read_anew(&mut self, node: Option<NodeId>, watch: &mut dyn Watch) {
        let Some(node) = node.filter(|node| self.tree.get(*node).is_some_and(|found| found.is("style"))) else {
            return;
        };
        let has_sheet = self.sheets.has_owner(node);
        let Some(element) = self.tree.get_mut(node).and_then(Node::element_mut) else { return };
        // A text that was told apart from its nodes stays.
        if element.rules.is_empty() || element.css.is_some() || has_sheet {
            return;
        }
        let rules = std::mem::take(&mut element.rules);
        self.tree.give_back(rules.iter().map(RuleChange::bytes).sum());
        watch.css(self, node);
    }

    fn set_attribute(
        &mut self,
        node: NodeId,
        name: &str,
        value: Option<Arc<str>>,
        watch: &mut dyn Watch,
    ) -> Result<(), Left> {
        if name.len() > NAME_BYTES_MAX {
            return Ok(());
        }
        if self.tree.get(node).and_then(Node::element).is_none() {
            return Err(Left::Unknown);
        }
        if let Some(value) = &value {
            self.tree.take(attribute_bytes(name, value))?;
        }
        let Some(element) = self.tree.get_mut(node).and_then(Node::element_mut) else { return Ok(()) };
        let before = match value {
            Some(value) => element.attributes.insert(name.to_owned(), value),
            None => element.attributes.remove(name),
        };
        if let Some(before) = before {
            self.tree.give_back(attribute_bytes(name, &before));
        }
        watch.attribute(node, name);
        Ok(())
    }

    /// Slots to which scripts assign nodes have no name: they get one, and so do the nodes. Trackers tell of all other slots too.
    fn assign(&mut self, node: NodeId, slot: NodeId, watch: &mut dyn Watch) -> Result<(), Left> {
        if self.tree.is_in_slot(node, slot) {
            return Ok(());
        }
        if matches!(self.tree.get(node).map(|node| &node.what), Some(What::Text(_))) {
            // A text has no attributes.
            return Err(Left::NoTree);
        }
        let name: Arc<str> = format!("takeup-slot-{slot}").into();
        self.set_attribute(slot, "name", Some(name.clone()), watch)?;
        self.set_attribute(node, "slot", Some(name), watch)
    }

    fn set_text(&mut self, node: NodeId, text: &str, watch: &mut dyn Watch) -> Result<(), Left> {
        let Some(What::Text(before)) = self.tree.get(node).map(|node| &node.what) else { return Err(Left::Unknown) };
        let before = before.len();
        self.tree.take(text.len())?;
        self.tree.give_back(before);
        if let Some(What::Text(data)) = self.tree.get_mut(node).map(|node| &mut node.what) {
            text.clone_into(data);
        }
        watch.text(node);
        self.read_anew(self.parent_of(node), watch);
        Ok(())
    }

    fn set_css(&mut self, node: NodeId, text: &str, watch: &mut dyn Watch) -> Result<(), Left> {
        let element = match self.tree.get(node).map(|node| &node.what) {
            Some(What::Element(element)) => element,
            _ => return self.set_text(node, text, watch),
        };
        let rules: usize = element.rules.iter().map(RuleChange::bytes).sum();
        let before = element.css.as_ref().map_or(0, String::len) + rules;
        self.tree.take(text.len())?;
        self.tree.give_back(before);
        if let Some(element) = self.tree.get_mut(node).and_then(Node::element_mut) {
            element.css = Some(text.to_owned());
            element.rules.clear();
        }
        watch.css(self, node);
        Ok(())
    }

    fn change_rule(&mut self, node: NodeId, rule: &Rule, watch: &mut dyn Watch) -> Result<(), Left> {
        let Some(change) = RuleChange::of(rule) else { return self.set_css(node, "", watch) };
        if self.tree.get(node).and_then(Node::element).is_none() {
            return Err(Left::Unknown);
        }
        self.tree.take(change.bytes())?;
        if let Some(element) = self.tree.get_mut(node).and_then(Node::element_mut) {
            element.rules.push(change);
        }
        watch.rule(self, node, rule);
        Ok(())
    }

    fn set_value(&mut self, node: NodeId, value: &str, watch: &mut dyn Watch) -> Result<(), Left> {
        let element = self.tree.get(node).and_then(Node::element).ok_or(Left::Unknown)?;
        let before = element.field.value.as_ref().map_or(0, String::len);
        self.tree.take(value.len())?;
        self.tree.give_back(before);
        if let Some(element) = self.tree.get_mut(node).and_then(Node::element_mut) {
            element.field.value = Some(value.to_owned());
        }
        watch.field(self, node);
        Ok(())
    }

    fn learn(&mut self, key: &Key, word: &str) -> Result<(), Left> {
        let (of_key, is_new) = match key {
            Key::Number(key) => (0, !self.numbers.contains_key(key)),
            Key::Text(key) => (key.len(), !self.texts.contains_key(key)),
        };
        let more = word.len() + if is_new { WORD_BYTES + of_key } else { 0 };
        self.tree.take(more)?;
        let before = match key {
            Key::Number(key) => self.numbers.insert(*key, word.into()),
            Key::Text(key) => self.texts.insert(key.clone(), word.into()),
        };
        let less = before.map_or(0, |before| before.len());
        self.tree.give_back(less);
        self.words_bytes = self.words_bytes + more - less;
        Ok(())
    }

    fn word(&self, word: &Word) -> Option<Arc<str>> {
        match word {
            Word::Plain(text) => Some(text.as_str().into()),
            Word::Of(Key::Number(key)) => self.numbers.get(key).cloned(),
            Word::Of(Key::Text(key)) => self.texts.get(key).cloned(),
        }
    }
}

/// The address in an attribute, made whole by a base that is not the page's.
fn absolute(name: &str, value: &str, base: &str) -> Option<String> {
    if !matches!(name, "src" | "href" | "poster" | "background" | "xlink:href") || value.starts_with('#') {
        return None;
    }
    let base = url::Url::parse(base).ok()?;
    Some(base.join(value).ok()?.to_string())
}

/// What the tracker let stand of a field: -1 holds all back, other numbers are how many characters were masked.
fn shown(value: &str, mask: i64) -> String {
    const MASKED_MAX: i64 = 1_000;
    match mask {
        0 => value.to_owned(),
        1.. if value.is_empty() => "*".repeat(mask.min(MASKED_MAX) as usize),
        1.. => value.to_owned(),
        _ => String::new(),
    }
}
