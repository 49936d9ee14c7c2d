//! A player that does with events what rrweb's does with them, and complains where that one would only warn.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use crate::export::clean;
use crate::export::rrweb::event::{Change, Data, Event, Mutation, Node, Rules};

/// A node as the player has it.
#[derive(Debug, Clone)]
struct Known {
    node: Node,
    parent: Option<u64>,
    children: Vec<u64>,
    /// The document in a frame.
    document: Option<u64>,
    /// What has become of a style element's rules since it was put in, and since its children were last others: a browser reads them all again then.
    changes: Vec<Rules>,
}

impl Known {
    fn new(node: Node, parent: Option<u64>, children: Vec<u64>) -> Known {
        Known { node, parent, children, document: None, changes: Vec::new() }
    }

    fn is_style(&self) -> bool {
        self.node.tag_name.as_deref().is_some_and(|tag| tag == "style")
    }
}

/// The player.
#[derive(Debug, Default)]
pub struct Player {
    nodes: HashMap<u64, Known>,
    /// The sheets that each document or shadow root uses, and their rules.
    pub adopted: BTreeMap<u64, Vec<u64>>,
    pub sheets: BTreeMap<u64, Vec<String>>,
}

impl Player {
    /// Takes an event.
    pub fn play(&mut self, event: &Event) {
        match &event.data {
            Data::Full { node, .. } => {
                *self = Player::default();
                self.put(node, None);
            }
            Data::Change(Change::Mutation(mutation)) => self.mutate(mutation),
            Data::Change(Change::Adopted { id, styles, style_ids, .. }) => {
                assert!(self.nodes.contains_key(id), "sheets of {id}, which is not there");
                for style in styles {
                    let mut sheet = Vec::new();
                    change(&mut sheet, &Rules { adds: style.rules.clone(), ..Rules::default() });
                    self.sheets.insert(style.style_id, sheet);
                }
                assert!(style_ids.iter().all(|style| self.sheets.contains_key(style)), "a sheet that was not told");
                self.adopted.insert(*id, style_ids.clone());
            }
            Data::Change(Change::Rules(rules)) => {
                if let Some(id) = rules.id {
                    let known = self.nodes.get_mut(&id).unwrap_or_else(|| panic!("rules of {id}, which is not there"));
                    assert!(known.is_style(), "rules of {id}, which has none");
                    assert_eq!(rules.replace_sync, None, "browsers refuse it for all sheets that no script made");
                    known.changes.push(rules.clone());
                } else {
                    let sheet = self.sheets.get_mut(&rules.style_id.unwrap());
                    change(sheet.expect("rules of a sheet that was not told"), rules);
                }
            }
            Data::Change(Change::Input { id, .. } | Change::Scroll { id, .. } | Change::Interaction { id, .. }) => {
                assert!(self.nodes.contains_key(id), "{event:?} of a node that is not there");
            }
            _ => {}
        }
    }

    fn mutate(&mut self, mutation: &Mutation) {
        for remove in &mutation.removes {
            let known = self.nodes.get(&remove.id).unwrap_or_else(|| panic!("{remove:?} of a node that is not there"));
            assert_eq!(known.parent, Some(remove.parent_id), "{remove:?}");
            assert_eq!(known.node.is_shadow, remove.is_shadow, "{remove:?}");
            self.remove(remove.id);
        }
        for add in &mutation.adds {
            assert!(!self.nodes.contains_key(&add.node.id), "{add:?} is there already");
            let parent = self.nodes.get_mut(&add.parent_id).unwrap_or_else(|| panic!("{add:?} without its parent"));
            if add.node.kind == 0 {
                assert!(mutation.is_attach_iframe);
                let before = parent.document.replace(add.node.id);
                if let Some(before) = before {
                    self.remove(before);
                }
                self.put(&add.node, Some(add.parent_id));
                continue;
            }
            assert!(add.node.child_nodes.as_ref().is_none_or(Vec::is_empty), "rrweb does not look at children here");
            assert!(!add.node.is_shadow || parent.node.is_shadow_host, "{add:?} in what is no host");
            let at = match add.next_id {
                Some(next) => parent.children.iter().position(|child| *child == next).expect("its sibling is there"),
                // Among its own: those of a shadow root are apart from the others.
                None if add.node.is_shadow => {
                    let nodes = &self.nodes;
                    let children = &nodes[&add.parent_id].children;
                    children.iter().take_while(|child| nodes[child].node.is_shadow).count()
                }
                None => parent.children.len(),
            };
            let parent = self.nodes.get_mut(&add.parent_id).unwrap();
            parent.children.insert(at, add.node.id);
            parent.changes.clear();
            let mut node = add.node.clone();
            node.child_nodes = None;
            self.nodes.insert(node.id, Known::new(node, Some(add.parent_id), Vec::new()));
        }
        for text in &mutation.texts {
            let known = self.nodes.get_mut(&text.id).unwrap_or_else(|| panic!("{text:?} is not there"));
            known.node.text_content = Some(text.value.clone());
            if let Some(parent) = known.parent.and_then(|parent| self.nodes.get_mut(&parent)) {
                parent.changes.clear();
            }
        }
        for change in &mutation.attributes {
            let known = self.nodes.get_mut(&change.id).unwrap_or_else(|| panic!("{change:?} is not there"));
            let attributes = known.node.attributes.as_mut().expect("an element");
            for (name, value) in &change.attributes {
                match value {
                    Json::Null => attributes.remove(name),
                    value => attributes.insert(name.clone(), value.clone()),
                };
            }
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(known) = self.nodes.remove(&id) else { return };
        if let Some(parent) = known.parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            parent.children.retain(|child| *child != id);
            parent.changes.clear();
            parent.document = parent.document.filter(|document| *document != id);
        }
        self.adopted.remove(&id);
        for below in known.children.into_iter().chain(known.document) {
            self.remove(below);
        }
    }

    fn put(&mut self, node: &Node, parent: Option<u64>) {
        let children = node.child_nodes.as_deref().unwrap_or_default();
        let mut bare = node.clone();
        bare.child_nodes = None;
        let ids = children.iter().map(|child| child.id).collect();
        let before = self.nodes.insert(node.id, Known::new(bare, parent, ids));
        assert!(before.is_none(), "{} is there twice", node.id);
        children.iter().for_each(|child| self.put(child, Some(node.id)));
    }

    /// A document as the player has it, with the documents of frames in the place of their elements' children.
    pub fn seen(&self, id: u64) -> Json {
        let known = &self.nodes[&id];
        let mut node = serde_json::to_value(&known.node).unwrap();
        let mut below: Vec<Json> =
            known.children.iter().chain(&known.document).map(|child| self.seen(*child)).collect();
        if known.is_style() {
            // What is seen of its texts are the rules that have become of them.
            below.iter_mut().for_each(|child| child["textContent"] = Json::Null);
            node["sheet"] = Json::from(self.sheet(known));
        }
        node["below"] = Json::from(below);
        // Fields and places are told as such, not as attributes.
        if let Some(attributes) = node.get_mut("attributes").and_then(Json::as_object_mut) {
            attributes.retain(|name, _| {
                !matches!(&**name, "value" | "checked" | "selected" | "rr_scrollTop" | "rr_scrollLeft")
            });
        }
        node
    }

    /// The rules of a style element.
    fn sheet(&self, style: &Known) -> Vec<String> {
        let texts = style.children.iter().filter_map(|child| self.nodes[child].node.text_content.as_deref());
        let mut sheet = clean::rules(&texts.collect::<String>());
        style.changes.iter().for_each(|rules| change(&mut sheet, rules));
        sheet
    }

    /// The rules that each document and shadow root uses, whatever the sheets' numbers are.
    pub fn adopted_rules(&self) -> BTreeMap<u64, Vec<Vec<String>>> {
        let rules = |sheets: &Vec<u64>| sheets.iter().map(|sheet| self.sheets[sheet].clone()).collect::<Vec<_>>();
        let all = self.adopted.iter().map(|(owner, sheets)| (*owner, rules(sheets)));
        all.filter(|(_, sheets)| !sheets.is_empty()).collect()
    }
}

/// What a browser does to a sheet.
fn change(sheet: &mut Vec<String>, rules: &Rules) {
    // It refuses what is not one rule; rrweb puts what lies beyond the end at the end,
    for rule in rules.adds.iter().filter(|rule| clean::rules(&rule.rule).len() == 1) {
        sheet.insert((rule.index as usize).min(sheet.len()), rule.rule.clone());
    }
    for rule in &rules.removes {
        // and passes over a rule that is not there.
        if (rule.index as usize) < sheet.len() {
            sheet.remove(rule.index as usize);
        }
    }
    if let Some(text) = &rules.replace_sync {
        *sheet = clean::rules(text);
    }
}
