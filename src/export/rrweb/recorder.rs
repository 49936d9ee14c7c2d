//! Follows the changes of the page that is shown, and writes them as rrweb's events.
//!
//! What happens at one moment becomes one mutation. rrweb applies its parts in a fixed order (removals, then additions, then texts and
//! attributes), so a node that was moved is removed and added again, with all below it, and what was told of a node that is added anyway is
//! not told again.
//!
//! A moment may be of any length: of what is read from the page when it is written, only the names are held until then, and `held` says how much
//! that is. Whoever tells of changes writes what there is before it becomes much.

mod later;
mod styles;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::export::clean::Assets;
use crate::export::page::changes::{Page, Watch};
use crate::export::page::node::{Node as PageNode, RuleChange, What};
use crate::export::page::tree::ROOT;
use crate::export::said::{NodeId, Rule};

use super::event::{Add, Attributes, Change, Data, Event, Mutation, Offset, Remove, Text};
use super::ids;
use super::serialize::{Place, Serializer};
use later::{Later, Of, State};
use styles::{Styles, is_style};

/// Where finished events go. It says whether more are wanted.
pub type Sink<'a> = dyn FnMut(Event) -> Flow + 'a;

/// Whether to go on.
pub type Flow = ControlFlow<()>;

/// How many nodes of a style element are looked at for the next one that is shown: no parser puts anything but a text there.
const STYLE_SEARCH_MAX: usize = 256;

/// The pictures of canvases, by node: `data:` addresses.
pub type Pictures = HashMap<NodeId, String>;

/// What a removal, a placement or a text that has changed takes until it is written.
const NOTE_BYTES: usize = 32;

/// The recorder of one page.
#[derive(Debug, Default)]
pub struct Recorder {
    assets: Assets,
    /// The nodes that the player has.
    known: HashSet<NodeId>,
    /// Those of them whose children it was not given.
    closed: HashSet<NodeId>,
    removes: Vec<Remove>,
    /// Nodes that got a place: in it, with all that is below them.
    placed: Vec<NodeId>,
    /// Documents of frames, and shadow roots, that came.
    rooted: Vec<NodeId>,
    attributes: BTreeMap<NodeId, BTreeSet<String>>,
    texts: BTreeSet<NodeId>,
    /// What follows the mutation.
    later: Vec<Later>,
    /// The fields, and the scrolled nodes, that are in it.
    states: HashSet<State>,
    styles: Styles,
    /// What all that waits takes, in bytes.
    held: usize,
}

impl Recorder {
    /// A recorder of a page that the player does not have yet.
    pub fn new(assets: Assets) -> Recorder {
        Recorder { assets, ..Recorder::default() }
    }

    /// Adds what follows the changes of this moment, and the node that it is of.
    pub fn after(&mut self, node: Option<NodeId>, change: Change) {
        self.held += change.held_bytes();
        self.later.push(Later::Change(node, Box::new(change)));
    }

    /// Whether the player has the node.
    pub fn has(&self, node: NodeId) -> bool {
        self.known.contains(&node)
    }

    /// How many bytes wait to be written.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Forgets the player and all that waits. Only a snapshot may follow.
    pub fn forget(&mut self) {
        *self = Recorder { styles: self.styles.anew(), ..Recorder::new(self.assets.clone()) };
    }

    /// The whole page, as it is.
    pub fn snapshot(&mut self, page: &Page, pictures: &Pictures, at_ms: i64, sink: &mut Sink<'_>) -> Flow {
        self.forget();
        let (width, height) = page.viewport;
        sink(Event::new(at_ms, Data::Meta { href: page.location.clone(), width, height }))?;
        let picture = |node| pictures.get(&node).cloned();
        let assets = self.assets.clone();
        let mut serializer = serializer(page, &assets, &picture);
        let node = Box::new(serializer.page());
        let (left, top) = page.scroll;
        sink(Event::new(at_ms, Data::Full { node, initial_offset: Offset { top, left } }))?;
        let (mut new, documents) = self.took(serializer);
        // Ahead of all mutations: behind one, a seek of rrweb's puts off new sheets, and forgets what follows of their rules.
        self.adopt(page, &new, at_ms, sink)?;
        let attached = self.attach(page, documents, &picture, at_ms, sink)?;
        new.extend(&attached);
        self.rules_of_new(page, new, at_ms, sink)?;
        // Those of frames.
        self.adopt(page, &attached, at_ms, sink)
    }

    /// Writes what has changed since the last call.
    pub fn flush(&mut self, page: &Page, pictures: &Pictures, at_ms: i64, sink: &mut Sink<'_>) -> Flow {
        self.held = 0;
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
        let added: HashSet<NodeId> = serializer.written.iter().copied().collect();
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
        let (mut new, mut documents) = self.took(serializer);
        documents.extend(roots);
        if !mutation.is_empty() {
            sink(Event::new(at_ms, Data::Change(Change::Mutation(mutation))))?;
        }
        new.extend(self.attach(page, documents, &picture, at_ms, sink)?);
        self.rules_of_new(page, new.clone(), at_ms, sink)?;
        self.adopt(page, &new, at_ms, sink)?;
        // With what came in frames.
        let added: HashSet<NodeId> = new.into_iter().collect();
        self.states.clear();
        for later in std::mem::take(&mut self.later) {
            // Of a node that came at this moment, its state is told with it; one that left needs none.
            if later.node().is_none_or(|node| self.has(node) && !added.contains(&node))
                && let Some(change) = later.into_change(page, &self.assets)
            {
                sink(Event::new(at_ms, Data::Change(change)))?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Notes what was written: those nodes, and the documents that have to follow.
    fn took(&mut self, serializer: Serializer<'_>) -> (Vec<NodeId>, Vec<NodeId>) {
        self.known.extend(&serializer.written);
        self.closed.extend(serializer.closed);
        (serializer.written, serializer.documents)
    }

    /// Adds a node that the player does not have, with all below it: each after its parent and after its next sibling. The siblings after it that the player
    /// does not have either go with it, so that each is passed over once.
    fn add(&mut self, node: NodeId, serializer: &mut Serializer<'_>, adds: &mut Vec<Add>) {
        let page = serializer.page;
        let Some(parent) = page.tree.get(node).and_then(|node| node.parent) else { return };
        // Below one that comes later in the list, in a frame that is attached as a whole, or in what is not shown.
        if self.has(node) || !self.has_inside(page, parent) || serializer.hides(parent) {
            return;
        }
        let Some(above) = page.tree.get(parent).filter(|above| serializer.is_shown_in(above, node)) else { return };
        let (Some(parent_id), place) = (parent_id(page, node), place_of(page, node)) else { return };
        let (mut siblings, mut known) = (vec![node], None);
        // What is not shown is passed over each time.
        let looked_at = if above.is("style") { STYLE_SEARCH_MAX } else { usize::MAX };
        let after = page.tree.after(node).take(looked_at);
        for sibling in after.filter(|sibling| serializer.is_shown_in(above, *sibling)) {
            if self.has(sibling) {
                known = Some(ids::node(sibling));
                break;
            }
            siblings.push(sibling);
        }
        let next = |at: usize| siblings.get(at + 1).map(|next| ids::node(*next)).or(known);
        let mut left: Vec<(NodeId, Place, u64, Option<u64>)> =
            siblings.iter().enumerate().map(|(at, sibling)| (*sibling, place, parent_id, next(at))).collect();
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
        // Of what is below one that the player does not have, it has nothing.
        if !self.has_inside(page, node) {
            return;
        }
        let Some(parent_id) = parent_id(page, node) else { return };
        if self.has(node) {
            let is_shadow = place_of(page, node).shadow;
            self.removes.push(Remove { parent_id, id: ids::node(node), is_shadow });
            self.held += NOTE_BYTES;
        }
        let mut left = vec![node];
        while let Some(id) = left.pop() {
            let Some(node) = page.tree.get(id) else { continue };
            let was_known = self.known.remove(&id);
            if !was_known && !matches!(node.what, What::Shadow) {
                continue;
            }
            self.styles.forget(id);
            if !self.closed.remove(&id) {
                left.extend(node.children.iter());
                left.extend(node.element().and_then(|element| element.root));
            }
        }
    }

    /// Puts the documents into their frames, and those of the frames in them. Returns the nodes that came so.
    fn attach(
        &mut self,
        page: &Page,
        documents: Vec<NodeId>,
        picture: &dyn Fn(NodeId) -> Option<String>,
        at_ms: i64,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<(), Vec<NodeId>> {
        let (mut left, assets) = (documents, self.assets.clone());
        let (mut done, mut new) = (HashSet::new(), Vec::new());
        while let Some(document) = left.pop() {
            let Some(frame) = page.tree.get(document).and_then(|node| node.parent) else { continue };
            if !self.has(frame) || !done.insert(document) {
                continue;
            }
            let mut serializer = serializer(page, &assets, picture);
            let node = serializer.document(document);
            let (written, mut inner) = self.took(serializer);
            new.extend(written);
            left.append(&mut inner);
            let add = Add { parent_id: ids::node(frame), next_id: None, node };
            let mutation = Mutation { adds: vec![add], is_attach_iframe: true, ..Mutation::default() };
            sink(Event::new(at_ms, Data::Change(Change::Mutation(mutation))))?;
            if let Some(&What::Document((x, y))) = page.tree.get(document).map(|node| &node.what)
                && (x, y) != (0, 0)
            {
                let scroll = Change::Scroll { source: 3, id: ids::document_of(document), x, y };
                sink(Event::new(at_ms, Data::Change(scroll)))?;
            }
        }
        ControlFlow::Continue(new)
    }

    /// The changes of rules that style elements have had before the player got them.
    fn rules_of_new(&self, page: &Page, mut new: Vec<NodeId>, at_ms: i64, sink: &mut Sink<'_>) -> Flow {
        new.sort_unstable();
        for node in new {
            let Some(element) = page.tree.get(node).and_then(PageNode::element) else { continue };
            if !is_shown_as_style(page, node) {
                continue;
            }
            for change in &element.rules {
                let rules = match change {
                    RuleChange::Insert(rule, index) => later::insert(page, &self.assets, rule, *index),
                    RuleChange::Delete(index) => later::delete(*index),
                };
                let rules = super::event::Rules { id: Some(ids::node(node)), ..rules };
                sink(Event::new(at_ms, Data::Change(Change::Rules(rules))))?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells which sheets documents and shadow roots use, where the player does not know it.
    fn adopt(&mut self, page: &Page, new: &[NodeId], at_ms: i64, sink: &mut Sink<'_>) -> Flow {
        for owner in self.styles.take_changed(page, new) {
            let Some((id, root)) = self.owner(page, owner) else { continue };
            if let Some(change) = self.styles.adopt(page, &self.assets, owner, id, root) {
                sink(Event::new(at_ms, Data::Change(change)))?;
            }
        }
        ControlFlow::Continue(())
    }

    /// A document or a shadow root that the player has: its number there, and the frame's document that it is in.
    fn owner(&self, page: &Page, owner: NodeId) -> Option<(u64, Option<u64>)> {
        let node = page.tree.get(owner)?;
        match (&node.what, node.parent) {
            _ if owner == ROOT => Some((ids::DOCUMENT, None)),
            (What::Document(_), _) if self.has(owner) => Some((ids::node(owner), Some(ids::node(owner)))),
            (What::Shadow, Some(host)) if self.has(host) => Some((ids::node(host), place_of(page, owner).root)),
            _ => None,
        }
    }

    /// Adds a change of rules, of one or of many.
    fn rules(&mut self, of: impl IntoIterator<Item = Of>, rule: &Rule, at: u64) {
        let mut shared = None;
        for of in of {
            if shared.is_none() {
                self.held += rule.bytes();
            }
            let rule = Rc::clone(shared.get_or_insert_with(|| Rc::new(rule.clone())));
            self.held += size_of::<Later>();
            self.later.push(Later::Rule(of, rule, at));
        }
    }

    /// Adds a state that is read when it is written. Once is enough.
    fn state(&mut self, state: State) {
        if self.states.insert(state) {
            self.held += 4 * size_of::<Later>();
            self.later.push(Later::State(state));
        }
    }
}

impl Watch for Recorder {
    fn leaves(&mut self, page: &Page, node: NodeId) {
        self.leave(page, node);
    }

    fn placed(&mut self, node: NodeId) {
        self.held += NOTE_BYTES;
        self.placed.push(node);
    }

    fn rooted(&mut self, root: NodeId) {
        self.held += NOTE_BYTES;
        self.rooted.push(root);
    }

    fn attribute(&mut self, node: NodeId, name: &str) {
        if self.has(node) && self.attributes.entry(node).or_default().insert(name.to_owned()) {
            self.held += 4 * NOTE_BYTES + name.len();
        }
    }

    fn text(&mut self, node: NodeId) {
        if self.has(node) && self.texts.insert(node) {
            self.held += NOTE_BYTES;
        }
    }

    fn css(&mut self, page: &Page, node: NodeId) {
        // Its text is no node of the page: the element is put in anew.
        if !is_style(page, node) {
            self.held += NOTE_BYTES;
            self.styles.changed(node);
        } else if self.has(node) {
            self.leave(page, node);
            self.placed(node);
        }
    }

    fn rule(&mut self, page: &Page, node: NodeId, rule: &Rule) {
        if self.has(node) && is_shown_as_style(page, node) {
            let at = match rule {
                Rule::Insert(_, at) | Rule::Delete(at) => *at,
                Rule::Replace(_) => 0,
            };
            self.rules([Of::Element(node)], rule, at);
        }
    }

    fn sheet(&mut self, page: &Page, sheet: u64, rule: &Rule, at: u64) {
        let told: Vec<Of> = self.styles.of_sheet(sheet).map(Of::Style).collect();
        self.rules(told, rule, at);
        let (mut of, mut anew) = (Vec::new(), Vec::new());
        for owner in self.styles.elements_of(sheet) {
            let has_own = page.tree.get(owner).and_then(PageNode::element).is_some_and(|style| !style.rules.is_empty());
            match page.sheets.of(owner).take(2).count() {
                // Browsers replace the rules of no sheet that an element has.
                1 if !matches!(rule, Rule::Replace(_)) && !has_own => of.push(Of::Element(owner)),
                // Its text has the rules of all of them, and ahead of its own.
                _ => anew.push(owner),
            }
        }
        self.rules(of, rule, at);
        anew.into_iter().for_each(|owner| self.css(page, owner));
    }

    fn field(&mut self, _: &Page, node: NodeId) {
        if self.has(node) {
            self.state(State::Field(node));
        }
    }

    fn scroll(&mut self, _: &Page, node: NodeId) {
        if self.has(node) {
            self.state(State::Scroll(node));
        }
    }
}

fn serializer<'a>(page: &'a Page, assets: &'a Assets, canvas: &'a dyn Fn(NodeId) -> Option<String>) -> Serializer<'a> {
    let css_left = page.tree.bytes_max();
    Serializer { page, assets, canvas, written: Vec::new(), closed: Vec::new(), documents: Vec::new(), css_left }
}

/// Whether the player has the node as a style element. It fails at rules of any other.
fn is_shown_as_style(page: &Page, node: NodeId) -> bool {
    page.tree.get(node).is_some_and(|found| {
        let has_css = || found.element().is_some_and(|link| link.css.is_some()) || page.sheets.has_owner(node);
        found.is("style") || (found.is("link") && has_css())
    })
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
