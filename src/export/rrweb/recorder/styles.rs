//! The sheets that scripts made, as the player knows them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::export::clean::{self, Assets};
use crate::export::page::changes::Page;
use crate::export::page::node::What;
use crate::export::page::tree::ROOT;
use crate::export::rrweb::event::{Change, NewRule, Style};
use crate::export::rrweb::ids;
use crate::export::said::NodeId;

/// Which sheets the player has, and who uses them there.
#[derive(Debug, Default)]
pub(super) struct Styles {
    /// The sheets that documents and shadow roots use.
    adopted: HashMap<NodeId, Vec<u64>>,
    /// The player's numbers of sheets: a sheet has one in each document.
    numbers: BTreeMap<(u64, Option<u64>), u64>,
    /// The sheets that have a number in a frame's document.
    of_document: HashMap<u64, Vec<u64>>,
    /// The numbers given so far: they are not used again after a snapshot.
    given: u64,
    /// The style elements that have sheets for their text, by sheet, and those sheets.
    elements: HashMap<u64, BTreeSet<NodeId>>,
    of_element: HashMap<NodeId, Vec<u64>>,
    /// Documents and shadow roots whose sheets are others now.
    changed: BTreeSet<NodeId>,
}

impl Styles {
    /// For a player that has nothing.
    pub(super) fn anew(&self) -> Styles {
        Styles { given: self.given, ..Styles::default() }
    }

    /// The sheets of a document or a shadow root are others.
    pub(super) fn changed(&mut self, owner: NodeId) {
        self.changed.insert(owner);
    }

    /// A node is not there any more.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.adopted.remove(&node);
        for sheet in self.of_element.remove(&node).into_iter().flatten() {
            if let Some(elements) = self.elements.get_mut(&sheet) {
                elements.remove(&node);
            }
        }
        // With a document its sheets go.
        let document = Some(ids::node(node));
        for sheet in self.of_document.remove(&ids::node(node)).into_iter().flatten() {
            self.numbers.remove(&(sheet, document));
        }
    }

    /// The player's numbers of a sheet.
    pub(super) fn of_sheet(&self, sheet: u64) -> impl Iterator<Item = u64> {
        self.numbers.range((sheet, None)..=(sheet, Some(u64::MAX))).map(|(_, style)| *style)
    }

    /// The style elements that have this sheet for their text.
    pub(super) fn elements_of(&self, sheet: u64) -> impl Iterator<Item = NodeId> {
        self.elements.get(&sheet).into_iter().flatten().copied()
    }

    /// The documents and shadow roots whose sheets may be others than the player has, with those that have just come.
    pub(super) fn take_changed(&mut self, page: &Page, new: &[NodeId]) -> BTreeSet<NodeId> {
        let mut owners = std::mem::take(&mut self.changed);
        // Most pages have no such sheets.
        let new = if page.sheets.are_used() { new } else { &[] };
        for &id in new {
            let Some(node) = page.tree.get(id) else { continue };
            if is_style(page, id) {
                self.note_element(page, id);
                continue;
            }
            let is_document = id == ROOT || matches!(node.what, What::Document(_));
            let root = node.element().and_then(|element| element.root);
            owners.extend(is_document.then_some(id).into_iter().chain(root).filter(|id| page.sheets.has_owner(*id)));
        }
        owners
    }

    fn note_element(&mut self, page: &Page, element: NodeId) {
        let sheets: Vec<u64> = page.sheets.of(element).map(|(sheet, _)| sheet).collect();
        for sheet in &sheets {
            self.elements.entry(*sheet).or_default().insert(element);
        }
        if !sheets.is_empty() {
            self.of_element.insert(element, sheets);
        }
    }

    /// Tells which sheets an owner uses, if the player knows others. `id` is its number there, `root` that of the frame's document that it is in.
    pub(super) fn adopt(
        &mut self,
        page: &Page,
        assets: &Assets,
        owner: NodeId,
        id: u64,
        root: Option<u64>,
    ) -> Option<Change> {
        let sheets: Vec<u64> = page.sheets.of(owner).map(|(sheet, _)| sheet).collect();
        let known = self.adopted.get(&owner).map(Vec::as_slice).unwrap_or_default();
        if known == sheets {
            return None;
        }
        let (mut styles, mut style_ids) = (Vec::new(), Vec::new());
        for &sheet in &sheets {
            let next = self.given + 1;
            let style_id = *self.numbers.entry((sheet, root)).or_insert(next);
            style_ids.push(style_id);
            if style_id != next {
                continue;
            }
            self.given = next;
            if let Some(root) = root {
                self.of_document.entry(root).or_default().push(sheet);
            }
            let rules = page.sheets.get(sheet).into_iter().flat_map(|sheet| sheet.rules.iter()).enumerate();
            let rules = rules.map(|(index, rule)| {
                let rule = clean::css_rule(rule, page.base.as_ref(), assets);
                NewRule { rule, index: index as u64 }
            });
            styles.push(Style { style_id, rules: rules.collect() });
        }
        self.adopted.insert(owner, sheets);
        Some(Change::Adopted { source: 15, id, styles, style_ids })
    }
}

/// Whether the sheets of a node become the text of an element.
pub(super) fn is_style(page: &Page, node: NodeId) -> bool {
    page.tree.get(node).is_some_and(|node| node.is("style") || node.is("link"))
}
