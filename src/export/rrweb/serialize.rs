//! Nodes as rrweb writes them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::export::clean::{self, Assets};
use crate::export::page::changes::Page;
use crate::export::page::node::{Element, Node as PageNode, What};
use crate::export::page::tree::ROOT;
use crate::export::said::NodeId;

use super::event::Node;
use super::ids;

/// Where a node stands: what its number alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The frame's document that it is in.
    pub root: Option<u64>,
    /// Whether it is a child of a shadow root.
    pub shadow: bool,
}

/// Writes nodes of one page, and notes on the way what has to follow.
pub struct Serializer<'a> {
    /// The page.
    pub page: &'a Page,
    /// Where pictures, fonts and style sheets come from.
    pub assets: &'a Assets,
    /// The picture that a canvas shows, as a `data:` address.
    pub canvas: &'a dyn Fn(NodeId) -> Option<String>,
    /// All nodes that were written.
    pub written: Vec<NodeId>,
    /// Those of them whose children were not.
    pub closed: Vec<NodeId>,
    /// The documents of the frames that were written: rrweb wants them by themselves.
    pub documents: Vec<NodeId>,
    /// How much may still be written of sheets. In a browser a sheet is of one element; of many that all have the same, most get no rules.
    pub css_left: usize,
}

impl<'a> Serializer<'a> {
    /// The whole page.
    pub fn page(&mut self) -> Node {
        let mut children = vec![Node::doctype(ids::DOCTYPE, None)];
        children.extend(self.tree(ROOT, Place::default()));
        Node::document(ids::DOCUMENT, children)
    }

    /// The document of a frame.
    pub fn document(&mut self, document: NodeId) -> Node {
        self.written.push(document);
        let id = ids::node(document);
        let place = Place { root: Some(id), shadow: false };
        let page = self.page;
        let children = page.tree.get(document).into_iter().flat_map(|node| node.children.iter());
        let mut nodes = vec![Node::doctype(ids::doctype(document), Some(id))];
        nodes.extend(children.filter_map(|child| self.tree(*child, place)));
        Node::document(id, nodes)
    }

    /// A node with all below it.
    pub fn tree(&mut self, id: NodeId, place: Place) -> Option<Node> {
        let mut node = self.alone(id, place)?;
        let inner = self.children(id, place);
        // What stands here already is a style element's text.
        let nodes = node.child_nodes.get_or_insert_default();
        if nodes.is_empty() {
            // As deep as the tree is, which has a limit.
            nodes.extend(inner.into_iter().filter_map(|(child, place)| self.tree(child, place)));
        }
        if node.kind == 3 {
            node.child_nodes = None;
        }
        Some(node)
    }

    /// The children of a node, those of its shadow root first, and where they stand.
    pub fn children(&mut self, id: NodeId, place: Place) -> Vec<(NodeId, Place)> {
        let Some(node) = self.page.tree.get(id) else { return Vec::new() };
        if self.hides(id) {
            self.closed.push(id);
            return Vec::new();
        }
        let below = Place { root: place.root, shadow: matches!(node.what, What::Shadow) };
        let mut all = Vec::new();
        if let Some(root) = self.shadow(node) {
            let inner = Place { root: place.root, shadow: true };
            all.extend(
                self.page.tree.get(root).iter().flat_map(|root| root.children.iter()).map(|child| (*child, inner)),
            );
        }
        all.extend(node.children.iter().filter(|child| self.is_shown_in(node, **child)).map(|child| (*child, below)));
        all
    }

    /// Whether a child may be shown in its parent. In a style element texts alone: to put in or take out anything there makes a browser read all of its rules
    /// anew, and no parser puts an element there.
    pub fn is_shown_in(&self, parent: &PageNode, child: NodeId) -> bool {
        !parent.is("style") || matches!(self.page.tree.get(child).map(|child| &child.what), Some(What::Text(_)))
    }

    /// The shadow root of an element.
    pub fn shadow(&self, node: &PageNode) -> Option<NodeId> {
        let root = node.element()?.root?;
        matches!(self.page.tree.get(root)?.what, What::Shadow).then_some(root)
    }

    /// A node without what is below it; a style element has its text, if that is not a node of the page.
    pub fn alone(&mut self, id: NodeId, place: Place) -> Option<Node> {
        let page = self.page;
        let node = page.tree.get(id)?;
        let mut written = match &node.what {
            What::Text(text) => self.text(id, node, text, place),
            What::Element(element) => self.element(id, node, element, place),
            What::Document(_) | What::Shadow => return None,
        };
        self.written.push(id);
        written.is_shadow = place.shadow;
        Some(written)
    }

    fn text(&self, id: NodeId, node: &PageNode, text: &str, place: Place) -> Node {
        let is_style =
            node.parent.and_then(|parent| self.page.tree.get(parent)).is_some_and(|parent| parent.is("style"));
        let mut node = Node::text(ids::node(id), place.root, &self.text_of(text, is_style));
        node.is_style = is_style;
        node
    }

    /// A text as it may be shown. A browser reads all texts of a style element as one.
    pub fn text_of(&self, text: &str, is_style: bool) -> String {
        match is_style {
            true => clean::css_part(text, self.page.base.as_ref(), self.assets),
            false => text.to_owned(),
        }
    }

    fn element(&mut self, id: NodeId, node: &PageNode, element: &Element, place: Place) -> Node {
        let css = self.own_css(id, node);
        let tag = self.tag(id, node, element);
        let mut attributes = self.attributes(element, &tag);
        self.state(id, element, &mut attributes);
        let mut written = Node::element(ids::node(id), place.root, &tag, attributes);
        written.is_svg = element.svg;
        written.is_shadow_host = self.shadow(node).is_some();
        if let Some(css) = css {
            let mut text = Node::text(ids::css(id), place.root, &css);
            text.is_style = true;
            written.child_nodes = Some(vec![text]);
        }
        if let Some(root) = element.root
            && matches!(self.page.tree.get(root).map(|root| &root.what), Some(What::Document(_)))
        {
            self.documents.push(root);
        }
        written
    }

    /// The attributes of an element that is shown with this tag, as they may be shown.
    fn attributes(&self, element: &Element, tag: &str) -> BTreeMap<String, Json> {
        if tag == clean::REMOVED_TAG {
            return BTreeMap::from([("hidden".to_owned(), Json::String(String::new()))]);
        }
        let mut attributes = BTreeMap::new();
        for (name, value) in &element.attributes {
            attributes.extend(self.attribute(element, tag, name, value));
        }
        attributes
    }

    fn attribute(&self, element: &Element, tag: &str, name: &str, value: &str) -> Option<(String, Json)> {
        let (name, value) = clean::attribute(&element.tag, name, value, self.page.base.as_ref(), self.assets)?;
        // A style sheet that is shown as text has no address, nor has a canvas.
        let is_dropped = tag != element.tag && matches!(&*name, "href" | "rel" | "src");
        (!is_dropped).then_some((name, Json::String(value)))
    }

    /// Those attributes that have changed, as they may be shown; null if they are gone.
    pub fn changed(&self, id: NodeId, names: &BTreeSet<String>) -> Option<BTreeMap<String, Json>> {
        let node = self.page.tree.get(id)?;
        let element = node.element()?;
        let tag = self.tag(id, node, element);
        let mut changed = BTreeMap::new();
        for name in names.iter().filter(|name| clean::is_name(name)) {
            // An address may have become one that is not fetched, or the other way round.
            let mut of_name: BTreeMap<String, Json> = std::iter::once(name.clone())
                .chain(clean::apart(&element.tag, name))
                .map(|name| (name, Json::Null))
                .collect();
            let shown = element.attributes.get_key_value(name).filter(|_| tag != clean::REMOVED_TAG);
            of_name.extend(shown.and_then(|(name, value)| self.attribute(element, &tag, name, value)));
            changed.extend(of_name);
        }
        (!changed.is_empty()).then_some(changed)
    }

    /// The tag with which an element is shown.
    fn tag<'e>(&self, id: NodeId, node: &PageNode, element: &'e Element) -> Cow<'e, str> {
        match &*element.tag {
            // A style sheet that was sent as text is not fetched.
            _ if self.has_own_css(id, node) => "style".into(),
            // A canvas shows nothing where no script runs.
            "canvas" => "img".into(),
            tag => clean::tag(tag),
        }
    }

    /// What is no attribute in the page, and one in rrweb.
    fn state(&self, id: NodeId, element: &Element, attributes: &mut BTreeMap<String, Json>) {
        let mut set = |name: &str, value: Option<Json>| match value {
            Some(value) => drop(attributes.insert(name.to_owned(), value)),
            None => drop(attributes.remove(name)),
        };
        if let Some(value) = &element.field.value {
            set("value", Some(Json::String(value.clone())));
        }
        // With such an attribute the box is checked, whatever its value.
        if let Some(checked) = element.field.checked {
            set("checked", checked.then_some(Json::Bool(true)));
        }
        if let Some(selected) = self.is_selected(id, element) {
            set("selected", selected.then_some(Json::Bool(true)));
        }
        let (x, y) = element.scroll;
        if x != 0 {
            set("rr_scrollLeft", Some(Json::from(x)));
        }
        if y != 0 {
            set("rr_scrollTop", Some(Json::from(y)));
        }
        if element.tag == "canvas"
            && let Some(picture) = (self.canvas)(id)
        {
            set("src", Some(Json::String(picture)));
        }
    }

    /// Whether an option is what its list shows; `None` if nothing was told of the list, or not of all that it may show.
    fn is_selected(&self, id: NodeId, option: &Element) -> Option<bool> {
        let mut above = self.page.tree.get(id).filter(|_| option.tag == "option")?.parent;
        // In a group at most.
        for _ in 0..2 {
            let node = self.page.tree.get(above?)?;
            if let Some(list) = node.element().filter(|element| element.tag == "select") {
                let shown = list.field.value.as_ref()?;
                let is_shown = match option.attributes.get("value") {
                    Some(value) => **value == **shown,
                    None => self.label(id) == *shown,
                };
                return (is_shown || !list.attributes.contains_key("multiple")).then_some(is_shown);
            }
            above = node.parent;
        }
        None
    }

    /// The value of an option without one: its text, with the spaces as browsers count them.
    fn label(&self, option: NodeId) -> String {
        let tree = &self.page.tree;
        let children = tree.get(option).into_iter().flat_map(|option| option.children.iter());
        let texts = children.filter_map(|child| match &tree.get(*child)?.what {
            What::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<String>().split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text of a style element that was told apart from its nodes, as a whole or by rules, as it may be shown.
    fn own_css(&mut self, id: NodeId, node: &PageNode) -> Option<String> {
        let element = node.element().filter(|element| matches!(&*element.tag, "style" | "link"))?;
        let mut sheets = self.page.sheets.of(id).peekable();
        if sheets.peek().is_some() {
            let bytes = self.page.sheets.of(id).map(|(_, sheet)| sheet.rules_bytes()).sum();
            match self.css_left.checked_sub(bytes) {
                Some(left) => self.css_left = left,
                None => return Some(String::new()),
            }
            let rules: Vec<&str> = sheets.flat_map(|(_, sheet)| sheet.rules.iter().map(String::as_str)).collect();
            return Some(clean::css_rules(&rules, self.page.base.as_ref(), self.assets));
        }
        Some(clean::css(element.css.as_ref()?, self.page.base.as_ref(), self.assets))
    }

    /// Whether there is such a text.
    fn has_own_css(&self, id: NodeId, node: &PageNode) -> bool {
        let element = node.element().filter(|element| matches!(&*element.tag, "style" | "link"));
        element.is_some_and(|element| element.css.is_some() || self.page.sheets.has_owner(id))
    }

    /// Whether what is below a node is not shown as such: the element may not be, or has its text apart.
    pub fn hides(&self, id: NodeId) -> bool {
        let Some(node) = self.page.tree.get(id) else { return false };
        let removed = node.element().is_some_and(|element| clean::tag(&element.tag) == clean::REMOVED_TAG);
        removed || self.has_own_css(id, node)
    }
}
