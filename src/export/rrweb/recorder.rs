//! Follows the changes of the page that is shown, and writes them as rrweb's events.
//!
//! What happens at one moment becomes one mutation. rrweb applies its parts in a fixed order (removals, then additions, then texts and
//! attributes), so a node that was moved is removed and added again, with all below it, and what was told of a node that is added anyway is
//! not told again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::export::clean::Assets;
use crate::export::page::changes::{Page, Watch};
use crate::export::page::node::{Node as PageNode, What};
use crate::export::page::tree::ROOT;
use crate::export::said::{NodeId, Rule};

use super::event::{
    Add, Attributes, Change, Data, Event, Mutation, NewRule, Offset, Remove, RuleAt, Rules, Style, Text,
};
use super::ids;
use super::serialize::{Place, Serializer};

/// Where finished events go.
pub type Sink<'a> = dyn FnMut(Event) + 'a;

/// The pictures of canvases, by node: `data:` addresses.
pub type Pictures = HashMap<NodeId, String>;

/// The recorder of one page.
#[derive(Debug, Default)]
pub struct Recorder {
    assets: Assets,
    /// The nodes that the player has.
    known: HashSet<NodeId>,
    removes: Vec<Remove>,
    /// Nodes that got a place: in it, with all that is below them.
    placed: Vec<NodeId>,
    /// Documents of frames, and shadow roots, that came.
    rooted: Vec<NodeId>,
    attributes: BTreeMap<NodeId, BTreeSet<String>>,
    texts: BTreeSet<NodeId>,
    /// What follows the mutation, and the node that it is of.
    later: Vec<(Option<NodeId>, Change)>,
    /// The sheets that documents and shadow roots use, as the player knows it.
    adopted: BTreeMap<NodeId, Vec<u64>>,
    /// The player's numbers of sheets: a sheet has one in each document.
    styles: BTreeMap<(u64, Option<u64>), u64>,
    /// The numbers given so far: they are not used again after a snapshot.
    styles_given: u64,
    /// The owners of sheets have changed.
    sheets_changed: bool,
}

impl Recorder {
    /// A recorder of a page that the player does not have yet.
    pub fn new(assets: Assets) -> Recorder {
        Recorder { assets, ..Recorder::default() }
    }

    /// Adds what follows the changes of this moment, and the node that it is of.
    pub fn after(&mut self, node: Option<NodeId>, change: Change) {
        self.later.push((node, change));
    }

    /// Whether the player has the node.
    pub fn has(&self, node: NodeId) -> bool {
        self.known.contains(&node)
    }

    /// The whole page, as it is.
    pub fn snapshot(&mut self, page: &Page, pictures: &Pictures, at_ms: i64, sink: &mut Sink<'_>) {
        *self = Recorder { styles_given: self.styles_given, ..Recorder::new(self.assets.clone()) };
        let (width, height) = page.viewport;
        sink(Event::new(at_ms, Data::Meta { href: page.location.clone(), width, height }));
        let picture = |node| pictures.get(&node).cloned();
        let assets = self.assets.clone();
        let mut serializer = serializer(page, &assets, &picture);
        let node = Box::new(serializer.page());
        let (left, top) = page.scroll;
        sink(Event::new(at_ms, Data::Full { node, initial_offset: Offset { top, left } }));
        self.known.extend(serializer.written.drain(..));
        let documents = std::mem::take(&mut serializer.documents);
        // Ahead of all mutations: behind one, a seek of rrweb's puts off new sheets, and forgets what follows of their rules.
        self.adopt(page, at_ms, sink);
        self.attach(page, documents, &picture, at_ms, sink);
        self.rules_of_new(page, None, at_ms, sink);
        // Those of frames.
        self.adopt(page, at_ms, sink);
    }

    /// Writes what has changed since the last call.
    pub fn flush(&mut self, page: &Page, pictures: &Pictures, at_ms: i64, sink: &mut Sink<'_>) {
        let picture = |node| pictures.get(&node).cloned();
        let mut mutation = Mutation { removes: std::mem::take(&mut self.removes), ..Mutation::default() };
        let assets = self.assets.clone();
        let mut serializer = serializer(page, &assets, &picture);
        let mut roots = Vec::new();
        for root in std::mem::take(&mut self.rooted) {
            match page.tree.get(root).map(|node| &node.what) {
                Some(What::Document(_)) => roots.push(root),
                // Its host has to become one for the player too.
                Some(What::Shadow) => self.renew(page, root, &mut mutation),
                _ => {}
            }
        }
        for node in std::mem::take(&mut self.placed) {
            self.add(node, &mut serializer, &mut mutation.adds);
        }
        let added: HashSet<NodeId> = serializer.written.drain(..).collect();
        for node in std::mem::take(&mut self.texts) {
            if self.has(node) && !added.contains(&node) {
                mutation.texts.extend(text(&serializer, node));
            }
        }
        for (node, names) in std::mem::take(&mut self.attributes) {
            if self.has(node) && !added.contains(&node) {
                let changed = serializer.changed(node, &names);
                mutation.attributes.extend(changed.map(|attributes| Attributes { id: ids::node(node), attributes }));
            }
        }
        let mut documents = std::mem::take(&mut serializer.documents);
        documents.extend(roots.into_iter().filter(|root| !documents.contains(root)).collect::<Vec<_>>());
        if !mutation.is_empty() {
            sink(Event::new(at_ms, Data::Change(Change::Mutation(mutation))));
        }
        self.attach(page, documents, &picture, at_ms, sink);
        self.rules_of_new(page, Some(&added), at_ms, sink);
        if std::mem::take(&mut self.sheets_changed) || !added.is_empty() {
            self.adopt(page, at_ms, sink);
        }
        for (node, change) in std::mem::take(&mut self.later) {
            // Of a node that came at this moment, its state is told with it; one that left needs none.
            if node.is_none_or(|node| self.has(node) && !added.contains(&node)) {
                sink(Event::new(at_ms, Data::Change(change)));
            }
        }
    }

    /// Adds a node that the player does not have, with all below it: each after its parent and after its next sibling.
    fn add(&mut self, node: NodeId, serializer: &mut Serializer<'_>, adds: &mut Vec<Add>) {
        let page = serializer.page;
        let Some(parent) = page.tree.get(node).and_then(|node| node.parent) else { return };
        // Below one that comes later in the list, in a frame that is attached as a whole, or in what is not shown.
        if self.has(node) || !self.has_inside(page, parent) || serializer.hides(parent) {
            return;
        }
        let Some((parent_id, next)) = self.position(page, node) else { return };
        let mut left = vec![(node, place_of(page, node), parent_id, next)];
        while let Some((node, place, parent_id, next_id)) = left.pop() {
            let Some(mut written) = serializer.alone(node, place) else { continue };
            self.known.insert(node);
            let own_css = written.child_nodes.as_mut().and_then(Vec::pop);
            let id = written.id;
            adds.push(Add { parent_id, next_id, node: written });
            adds.extend(own_css.map(|text| Add { parent_id: id, next_id: None, node: text }));
            // The last of them is popped first, so that each finds its next sibling there.
            let children = serializer.children(node, place);
            for (at, (child, place)) in children.iter().enumerate() {
                let next = children.get(at + 1).filter(|(_, of_next)| of_next == place);
                left.push((*child, *place, id, next.map(|(next, _)| ids::node(*next))));
            }
        }
    }

    /// Whether the player has the node, or the host of this shadow root.
    fn has_inside(&self, page: &Page, node: NodeId) -> bool {
        match page.tree.get(node).map(|node| (&node.what, node.parent)) {
            Some((What::Shadow, Some(host))) => self.has(host),
            _ => self.has(node),
        }
    }

    /// The player's parent of a node, and the sibling that it has after it.
    fn position(&self, page: &Page, node: NodeId) -> Option<(u64, Option<u64>)> {
        let above = page.tree.get(page.tree.get(node)?.parent?)?;
        let at = above.children.iter().position(|child| *child == node)?;
        let next =
            above.children[at + 1..].iter().find(|sibling| self.has(**sibling)).map(|sibling| ids::node(*sibling));
        Some((parent_id(page, node)?, next))
    }

    /// Takes a shadow root's host out and puts it in again.
    fn renew(&mut self, page: &Page, root: NodeId, mutation: &mut Mutation) {
        let Some(host) = page.tree.get(root).and_then(|root| root.parent).filter(|host| self.has(*host)) else {
            return;
        };
        self.leave(page, host);
        mutation.removes.append(&mut self.removes);
        self.placed.push(host);
    }

    fn leave(&mut self, page: &Page, node: NodeId) {
        let Some((place, parent)) = page.tree.get(node).map(|_| place_of(page, node)).zip(parent_id(page, node)) else {
            return;
        };
        if self.has(node) {
            self.removes.push(Remove { parent_id: parent, id: ids::node(node), is_shadow: place.shadow });
        }
        for node in page.tree.below(node) {
            self.known.remove(&node);
            self.adopted.remove(&node);
        }
    }

    /// Puts the documents into their frames, and those of the frames in them.
    fn attach(
        &mut self,
        page: &Page,
        documents: Vec<NodeId>,
        picture: &dyn Fn(NodeId) -> Option<String>,
        at_ms: i64,
        sink: &mut Sink<'_>,
    ) {
        let (mut left, assets) = (documents, self.assets.clone());
        while let Some(document) = left.pop() {
            let Some(frame) = page.tree.get(document).and_then(|node| node.parent) else { continue };
            if !self.has(frame) {
                continue;
            }
            let mut serializer = serializer(page, &assets, picture);
            let node = serializer.document(document);
            self.known.extend(serializer.written.drain(..));
            left.append(&mut serializer.documents);
            let add = Add { parent_id: ids::node(frame), next_id: None, node };
            let mutation = Mutation { adds: vec![add], is_attach_iframe: true, ..Mutation::default() };
            sink(Event::new(at_ms, Data::Change(Change::Mutation(mutation))));
            if let Some(&What::Document((x, y))) = page.tree.get(document).map(|node| &node.what)
                && (x, y) != (0, 0)
            {
                let scroll = Change::Scroll { source: 3, id: ids::document_of(document), x, y };
                sink(Event::new(at_ms, Data::Change(scroll)));
            }
        }
    }

    /// The changes of rules that style elements have had before the player got them.
    fn rules_of_new(&self, page: &Page, added: Option<&HashSet<NodeId>>, at_ms: i64, sink: &mut Sink<'_>) {
        let new = added.unwrap_or(&self.known);
        let mut styles: Vec<NodeId> = new.iter().copied().filter(|node| self.has(*node)).collect();
        styles.sort_unstable();
        for node in styles {
            let Some(element) = page.tree.get(node).and_then(PageNode::element) else { continue };
            for change in &element.rules {
                let rules = match change {
                    crate::export::page::node::RuleChange::Insert(rule, index) => self.insert(page, rule, *index),
                    crate::export::page::node::RuleChange::Delete(index) => delete(*index),
                };
                let rules = Rules { id: Some(ids::node(node)), ..rules };
                sink(Event::new(at_ms, Data::Change(Change::Rules(rules))));
            }
        }
    }

    /// Tells which sheets documents and shadow roots use, where the player does not know it.
    fn adopt(&mut self, page: &Page, at_ms: i64, sink: &mut Sink<'_>) {
        let mut wanted: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        for (number, sheet) in page.sheets.iter() {
            for owner in &sheet.owners {
                if !is_style(page, *owner) {
                    wanted.entry(*owner).or_default().push(number);
                }
            }
        }
        for owner in self.adopted.keys() {
            wanted.entry(*owner).or_default();
        }
        for (owner, sheets) in wanted {
            let Some((id, root)) = self.owner(page, owner) else { continue };
            if self.adopted.get(&owner) == Some(&sheets) {
                continue;
            }
            let mut styles = Vec::new();
            let mut style_ids = Vec::new();
            for number in &sheets {
                let next = self.styles_given + 1;
                let style_id = *self.styles.entry((*number, root)).or_insert(next);
                style_ids.push(style_id);
                if style_id == next {
                    self.styles_given = next;
                    let rules = page.sheets.get(*number).map(|sheet| &sheet.rules[..]).unwrap_or_default();
                    let rules = rules
                        .iter()
                        .enumerate()
                        .map(|(index, rule)| NewRule { rule: self.shown_css(page, rule), index: index as u64 });
                    styles.push(Style { style_id, rules: rules.collect() });
                }
            }
            self.adopted.insert(owner, sheets);
            sink(Event::new(at_ms, Data::Change(Change::Adopted { source: 15, id, styles, style_ids })));
        }
    }

    /// A document or a shadow root that the player has: its number there, and the frame's document that it is in.
    fn owner(&self, page: &Page, owner: NodeId) -> Option<(u64, Option<u64>)> {
        let node = page.tree.get(owner)?;
        let place = place_of(page, owner);
        match (&node.what, node.parent) {
            _ if owner == ROOT => Some((ids::DOCUMENT, None)),
            (What::Document(_), _) if self.has(owner) => Some((ids::node(owner), Some(ids::node(owner)))),
            (What::Shadow, Some(host)) if self.has(host) => Some((ids::node(host), place.root)),
            _ => None,
        }
    }

    fn insert(&self, page: &Page, rule: &str, index: u64) -> Rules {
        Rules { source: 8, adds: vec![NewRule { rule: self.shown_css(page, rule), index }], ..Rules::default() }
    }

    fn shown_css(&self, page: &Page, text: &str) -> String {
        crate::export::clean::css(text, Some(&page.location), &self.assets)
    }

    fn rules(&self, page: &Page, rule: &Rule, at: u64) -> Rules {
        match rule {
            Rule::Insert(rule, _) => self.insert(page, rule, at),
            Rule::Delete(_) => delete(at),
            Rule::Replace(text) => {
                Rules { source: 8, replace_sync: Some(self.shown_css(page, text)), ..Rules::default() }
            }
        }
    }
}

impl Watch for Recorder {
    fn leaves(&mut self, page: &Page, node: NodeId) {
        self.leave(page, node);
    }

    fn placed(&mut self, node: NodeId) {
        self.placed.push(node);
    }

    fn rooted(&mut self, root: NodeId) {
        self.rooted.push(root);
    }

    fn attribute(&mut self, node: NodeId, name: &str) {
        if self.has(node) {
            self.attributes.entry(node).or_default().insert(name.to_owned());
        }
    }

    fn text(&mut self, node: NodeId) {
        if self.has(node) {
            self.texts.insert(node);
        }
    }

    fn css(&mut self, page: &Page, node: NodeId) {
        self.sheets_changed = true;
        // Its text is no node of the page: the element is put in anew.
        if is_style(page, node) && self.has(node) {
            self.leave(page, node);
            self.placed.push(node);
        }
    }

    fn rule(&mut self, page: &Page, node: NodeId, rule: &Rule) {
        if self.has(node) {
            let at = match rule {
                Rule::Insert(_, at) | Rule::Delete(at) => *at,
                Rule::Replace(_) => 0,
            };
            let rules = Rules { id: Some(ids::node(node)), ..self.rules(page, rule, at) };
            self.after(Some(node), Change::Rules(rules));
        }
    }

    fn sheet(&mut self, page: &Page, sheet: u64, rule: &Rule, at: u64) {
        let told: Vec<u64> =
            self.styles.range((sheet, None)..=(sheet, Some(u64::MAX))).map(|(_, style)| *style).collect();
        for style in told {
            let rules = Rules { style_id: Some(style), ..self.rules(page, rule, at) };
            self.after(None, Change::Rules(rules));
        }
        let owners = page.sheets.get(sheet).map(|sheet| sheet.owners.clone()).unwrap_or_default();
        for owner in owners {
            if !is_style(page, owner) || !self.has(owner) {
                continue;
            }
            if page.sheets.of(owner).count() == 1 {
                let rules = Rules { id: Some(ids::node(owner)), ..self.rules(page, rule, at) };
                self.after(Some(owner), Change::Rules(rules));
            } else {
                // Its text has the rules of all of them.
                self.css(page, owner);
            }
        }
    }

    fn field(&mut self, page: &Page, node: NodeId) {
        let Some(element) = page.tree.get(node).and_then(PageNode::element).filter(|_| self.has(node)) else { return };
        let text = element.field.value.clone().unwrap_or_default();
        let is_checked = element.field.checked.unwrap_or(false);
        self.after(Some(node), Change::Input { source: 5, id: ids::node(node), text, is_checked });
    }

    fn scroll(&mut self, page: &Page, node: NodeId) {
        let (x, y) = match page.tree.get(node).map(|node| &node.what) {
            Some(What::Element(element)) => element.scroll,
            Some(What::Document(scroll)) => *scroll,
            _ => return,
        };
        if self.has(node) {
            self.after(Some(node), Change::Scroll { source: 3, id: ids::document_of(node), x, y });
        }
    }
}

fn serializer<'a>(page: &'a Page, assets: &'a Assets, canvas: &'a dyn Fn(NodeId) -> Option<String>) -> Serializer<'a> {
    Serializer { page, assets, canvas, written: Vec::new(), documents: Vec::new() }
}

/// Whether the sheets of a node become the text of an element.
fn is_style(page: &Page, node: NodeId) -> bool {
    page.tree.get(node).is_some_and(|node| node.is("style") || node.is("link"))
}

fn delete(index: u64) -> Rules {
    Rules { source: 8, removes: vec![RuleAt { index }], ..Rules::default() }
}

/// Where a node stands, by the nodes above it.
fn place_of(page: &Page, node: NodeId) -> Place {
    let mut place = Place::default();
    let mut above = page.tree.get(node).and_then(|node| node.parent);
    let mut direct = true;
    while let Some(id) = above {
        let Some(node) = page.tree.get(id) else { break };
        match node.what {
            What::Shadow => place.shadow |= direct,
            What::Document(_) => {
                place.root = Some(ids::node(id));
                break;
            }
            _ => {}
        }
        direct = false;
        above = node.parent;
    }
    place
}

/// The player's number of a node's parent.
fn parent_id(page: &Page, node: NodeId) -> Option<u64> {
    let parent = page.tree.get(node)?.parent?;
    match page.tree.get(parent)? {
        PageNode { what: What::Shadow, parent: Some(host), .. } => Some(ids::node(*host)),
        _ => Some(ids::node(parent)),
    }
}

fn text(serializer: &Serializer<'_>, node: NodeId) -> Option<Text> {
    let tree = &serializer.page.tree;
    let found = tree.get(node)?;
    let What::Text(text) = &found.what else { return None };
    let is_style = found.parent.and_then(|parent| tree.get(parent)).is_some_and(|parent| parent.is("style"));
    Some(Text { id: ids::node(node), value: serializer.text_of(text, is_style) })
}

#[cfg(test)]
pub(super) mod player;
#[cfg(test)]
mod tests;
