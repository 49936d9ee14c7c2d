//! The nodes of a page, and the changes that messages make.

use std::collections::HashMap;

use crate::export::said::NodeId;

use super::list::List;
use super::node::{Element, Node, What};
use super::room::{Room, Taken};

/// The page's root element.
pub const ROOT: NodeId = 0;

/// Ids above are not of any tracker. Those who write them put their own there.
pub const ID_MAX: NodeId = u32::MAX as NodeId;

/// The longest way from a node up to the root. Browsers' own parsers stop at 512. Whoever goes down calls itself for each step: without a limit it would
/// run out of its stack, which ends the process.
const DEPTH_MAX: usize = 512;

/// How many frames of a page have a document. A player takes seconds for some hundreds, and browsers make no more than 1,000.
const FRAMES_MAX: usize = 100;

/// How many nodes of a shadow tree are looked at for a slot. In larger ones a slot is taken to be the only one with its name.
const SLOT_SEARCH_MAX: usize = 256;

/// What a node costs besides its texts: its own bytes, its places in the map and in its parent's list.
const NODE_BYTES: usize = size_of::<Node>() + size_of::<Element>() + 64;

/// Why a change was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It names a node that is not there, as after a batch that is missing.
    Unknown,
    /// It makes no tree.
    NoTree,
    /// The page would not fit into its budget.
    Full,
}

/// The nodes of one page. It never holds more than its budget.
#[derive(Debug)]
pub struct Tree {
    nodes: HashMap<NodeId, Node>,
    /// How many of them are documents of frames.
    frames: usize,
    taken: Taken,
}

impl Tree {
    /// A page with nothing but its root element.
    pub fn new(room: Room) -> Tree {
        let mut tree = Tree { nodes: HashMap::new(), frames: 0, taken: Taken::new(room) };
        tree.plant();
        tree
    }

    /// The same page, if `room` has room for it.
    pub fn copy(&self, room: Room) -> Option<Tree> {
        let taken = self.taken.of(room)?;
        // A clone of the map has room for as many as it ever had.
        let nodes = self.nodes.iter().map(|(id, node)| (*id, node.clone())).collect();
        Some(Tree { taken, nodes, frames: self.frames })
    }

    /// Forgets all nodes. Of what is taken, this much stays: it is for texts that are not forgotten.
    pub fn begin_anew(&mut self, bytes: usize) {
        // To clear the map would take as long as the largest document that it had.
        self.nodes = HashMap::new();
        self.frames = 0;
        self.taken.keep(bytes);
        self.plant();
    }

    fn plant(&mut self) {
        let root = Element { tag: "html".to_owned(), ..Element::default() };
        self.nodes.insert(ROOT, new(None, What::Element(Box::new(root))));
    }

    /// A node.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// A node whose texts do not change.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(&id)
    }

    /// The budget.
    pub fn bytes_max(&self) -> usize {
        self.taken.each()
    }

    /// Takes this much of the budget for texts. Give back what they displace.
    pub fn take(&mut self, bytes: usize) -> Result<(), Left> {
        if self.taken.take(bytes) { Ok(()) } else { Err(Left::Full) }
    }

    /// Gives back what displaced texts took.
    pub fn give_back(&mut self, bytes: usize) {
        self.taken.give_back(bytes);
    }

    /// Puts a new node in as the child of `parent` with this number, or at the end if there are fewer. One that is there already is replaced.
    pub fn create(&mut self, id: NodeId, parent: NodeId, index: u64, what: What) -> Result<(), Left> {
        // What is below one that is there already goes with it.
        if id == ROOT || id > ID_MAX || id == parent || !self.may_hold(parent, id, 0) || self.is_root(id) {
            return Err(Left::NoTree);
        }
        if !self.nodes.get(&parent).is_some_and(|parent| !matches!(parent.what, What::Text(_))) {
            return Err(Left::Unknown);
        }
        self.remove(id);
        self.take(NODE_BYTES + bytes_of(&what))?;
        self.nodes.insert(id, new(Some(parent), what));
        self.insert_child(parent, id, index);
        Ok(())
    }

    /// Whether `id` can become the root in `host`: of the document in a frame, else of a shadow tree.
    pub fn may_be_root(&self, id: NodeId, host: NodeId) -> Result<(), Left> {
        self.root_in(id, host).map(drop)
    }

    fn root_in(&self, id: NodeId, host: NodeId) -> Result<What, Left> {
        if id == ROOT || id > ID_MAX || id == host || !self.may_hold(host, id, 0) {
            return Err(Left::NoTree);
        }
        let element = self.nodes.get(&host).and_then(Node::element).ok_or(Left::Unknown)?;
        if self.is_root(id) && element.root != Some(id) {
            return Err(Left::NoTree);
        }
        let is_one_more = element.tag == "iframe" && element.root.is_none();
        if !self.taken.may_take(NODE_BYTES) || (is_one_more && self.frames >= FRAMES_MAX) {
            return Err(Left::Full);
        }
        match &*element.tag {
            // A player has no document for what is not such an element of HTML.
            "iframe" if !element.svg => Ok(What::Document((0, 0))),
            tag if hosts_shadow(tag) && !element.svg && host != ROOT => Ok(What::Shadow),
            _ => Err(Left::NoTree),
        }
    }

    /// Makes `id` the root in `host`, in the place of the one that is there.
    pub fn create_root(&mut self, id: NodeId, host: NodeId) -> Result<(), Left> {
        let what = self.root_in(id, host)?;
        let before = self.nodes.get(&host).and_then(Node::element).and_then(|element| element.root);
        self.take(NODE_BYTES)?;
        self.remove(id);
        if let Some(before) = before {
            self.remove(before);
        }
        self.frames += usize::from(matches!(what, What::Document(_)));
        self.nodes.insert(id, new(Some(host), what));
        if let Some(element) = self.nodes.get_mut(&host).and_then(Node::element_mut) {
            element.root = Some(id);
        }
        self.raise(host, 0);
        Ok(())
    }

    /// Makes `id` the child of `parent` with this number.
    pub fn move_to(&mut self, id: NodeId, parent: NodeId, index: u64) -> Result<(), Left> {
        let height = self.nodes.get(&id).map_or(0, |node| node.height);
        if id == ROOT || id == parent || !self.may_hold(parent, id, height) {
            return Err(Left::NoTree);
        }
        match (self.nodes.get(&id), self.nodes.get(&parent)) {
            (Some(_), Some(parent)) if !self.is_root(id) && !matches!(parent.what, What::Text(_)) => {}
            (Some(_), Some(_)) => return Err(Left::NoTree),
            _ => return Err(Left::Unknown),
        }
        self.detach(id);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.parent = Some(parent);
        }
        self.insert_child(parent, id, index);
        Ok(())
    }

    /// Whether a node is the root in a frame or of a shadow tree. It stays where it is, and goes with its host.
    pub fn is_root(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| matches!(node.what, What::Document(_) | What::Shadow))
    }

    /// Whether a browser puts the node into this slot of its own accord: the first in the shadow tree with the name that the node asks for.
    pub fn is_in_slot(&self, node: NodeId, slot: NodeId) -> bool {
        let attribute = |id: NodeId, name: &str| {
            let element = self.nodes.get(&id).and_then(Node::element);
            element.and_then(|element| element.attributes.get(name)).map(|value| &**value).unwrap_or_default()
        };
        let host = self.nodes.get(&node).and_then(|node| node.parent).and_then(|host| self.nodes.get(&host));
        let Some(root) = host.and_then(Node::element).and_then(|host| host.root) else { return false };
        let wanted = attribute(node, "slot");
        let (mut left, mut looked_at) = (vec![root], 0);
        while let Some(id) = left.pop() {
            let Some(node) = self.nodes.get(&id) else { continue };
            if node.is("slot") && attribute(id, "name") == wanted {
                return id == slot;
            }
            looked_at += 1;
            if looked_at == SLOT_SEARCH_MAX {
                return attribute(slot, "name") == wanted;
            }
            // No more of them than are looked at, in their order.
            let before = left.len();
            left.extend(node.children.iter().take(SLOT_SEARCH_MAX));
            left[before..].reverse();
        }
        false
    }

    /// Removes a node with all below it.
    pub fn remove(&mut self, id: NodeId) {
        if id == ROOT || !self.nodes.contains_key(&id) {
            return;
        }
        self.detach(id);
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            let Some(node) = self.nodes.remove(&id) else { continue };
            self.frames -= usize::from(matches!(node.what, What::Document(_)));
            self.give_back(NODE_BYTES + bytes_of(&node.what));
            left.extend(node.children.iter());
            left.extend(node.element().and_then(|element| element.root));
        }
    }

    /// The children of the node's parent that come after it.
    pub fn after(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let siblings = || {
            let node = self.nodes.get(&id)?;
            Some(self.nodes.get(&node.parent?)?.children.after(node.piece, &id))
        };
        siblings().into_iter().flatten().copied()
    }

    /// The ids of a node and of all below it, in frames and shadow trees too; the node first.
    #[cfg(test)]
    pub fn below(&self, id: NodeId) -> Vec<NodeId> {
        let (mut all, mut at) = (vec![id], 0);
        while let Some(node) = all.get(at).map(|id| self.nodes.get(id)) {
            if let Some(node) = node {
                all.extend(node.children.iter());
                all.extend(node.element().and_then(|element| element.root));
            }
            at += 1;
        }
        all
    }

    /// Whether `id` may become the parent of `below`, which is so high: it is not that node nor somewhere below it, and nothing comes to stand too deep.
    fn may_hold(&self, id: NodeId, below: NodeId, height: u16) -> bool {
        let mut at = Some(id);
        for _ in usize::from(height)..DEPTH_MAX - 1 {
            match at {
                Some(id) if id == below => return false,
                Some(id) => at = self.nodes.get(&id).and_then(|node| node.parent),
                None => return true,
            }
        }
        false
    }

    /// A node so high is below `id` now.
    fn raise(&mut self, id: NodeId, height: u16) {
        let (mut at, mut height) = (Some(id), height);
        while let Some(node) = at.and_then(|id| self.nodes.get_mut(&id)) {
            height += 1;
            if node.height >= height {
                break;
            }
            node.height = height;
            at = node.parent;
        }
    }

    fn insert_child(&mut self, parent: NodeId, id: NodeId, index: u64) {
        self.raise(parent, self.nodes.get(&id).map_or(0, |node| node.height));
        let Some(parent) = self.nodes.get_mut(&parent) else { return };
        let put = parent.children.insert(usize::try_from(index).unwrap_or(usize::MAX), id);
        let moved: Vec<NodeId> = put.new.map(|new| parent.children.of_piece(new).to_vec()).unwrap_or_default();
        let moved = moved.into_iter().map(|child| (child, put.new.unwrap_or_default()));
        for (child, piece) in moved.chain([(id, put.piece)]) {
            if let Some(child) = self.nodes.get_mut(&child) {
                child.piece = piece;
            }
        }
    }

    fn detach(&mut self, id: NodeId) {
        let Some((Some(parent), piece)) = self.nodes.get(&id).map(|node| (node.parent, node.piece)) else { return };
        let Some(parent) = self.nodes.get_mut(&parent) else { return };
        parent.children.remove_item(piece, &id);
        if let Some(element) = parent.element_mut()
            && element.root == Some(id)
        {
            element.root = None;
        }
    }
}

fn new(parent: Option<NodeId>, what: What) -> Node {
    Node { parent, children: List::default(), piece: 0, height: 0, what }
}

/// Whether an element can have a shadow root. Of all others browsers refuse it.
fn hosts_shadow(tag: &str) -> bool {
    const TAGS: [&str; 18] = [
        "article",
        "aside",
        "blockquote",
        "body",
        "div",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "main",
        "nav",
        "p",
        "section",
        "span",
    ];
    TAGS.contains(&tag) || tag.contains('-')
}

/// The bytes of a node's texts.
fn bytes_of(what: &What) -> usize {
    match what {
        What::Text(text) => text.len(),
        What::Document(_) | What::Shadow => 0,
        What::Element(element) => {
            let attributes: usize = element.attributes.iter().map(|(name, value)| attribute_bytes(name, value)).sum();
            let rules: usize = element.rules.iter().map(super::node::RuleChange::bytes).sum();
            let texts = [&element.field.value, &element.css].into_iter().flatten().map(String::len).sum::<usize>();
            attributes + rules + texts + element.tag.len()
        }
    }
}

/// What an attribute costs.
pub fn attribute_bytes(name: &str, value: &str) -> usize {
    name.len() + value.len() + 2 * size_of::<String>()
}

#[cfg(test)]
mod tests;
