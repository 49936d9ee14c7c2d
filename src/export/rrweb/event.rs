//! rrweb's events, as far as they are written here: the shapes of `@rrweb/types`, by the names that they have there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// What it is: 2 a full snapshot, 3 a change, 4 the page's address and size, 5 one of our own.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What it says.
    pub data: Data,
    /// Client time in Unix ms.
    pub timestamp: i64,
}

impl Event {
    /// The event that says `data`.
    pub fn new(timestamp: i64, data: Data) -> Event {
        let kind = match data {
            Data::Full { .. } => 2,
            Data::Change(_) => 3,
            Data::Meta { .. } => 4,
            Data::Custom { .. } => 5,
        };
        Event { kind, data, timestamp }
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Data {
    /// The whole page.
    #[serde(rename_all = "camelCase")]
    Full { node: Box<Node>, initial_offset: Offset },
    /// A change of the page.
    Change(Change),
    /// The page's address, and the size of its window.
    Meta { href: String, width: u32, height: u32 },
    /// One of our own.
    Custom { tag: &'static str, payload: Json },
}

/// How far a page is scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Offset {
    /// Pixels from the top.
    pub top: i64,
    /// Pixels from the left.
    pub left: i64,
}

/// A node with all below it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// 0 a document, 1 a document type, 2 an element, 3 a text.
    #[serde(rename = "type")]
    pub kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_nodes: Option<Vec<Node>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_content: Option<String>,
    #[serde(rename = "isSVG", skip_serializing_if = "is_false")]
    pub is_svg: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub is_style: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub is_shadow_host: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub is_shadow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_id: Option<u64>,
    pub id: u64,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Node {
    fn blank(kind: u8, id: u64, root_id: Option<u64>) -> Node {
        Node {
            kind,
            name: None,
            public_id: None,
            system_id: None,
            tag_name: None,
            attributes: None,
            child_nodes: None,
            text_content: None,
            is_svg: false,
            is_style: false,
            is_shadow_host: false,
            is_shadow: false,
            root_id,
            id,
        }
    }

    /// A document.
    pub fn document(id: u64, children: Vec<Node>) -> Node {
        Node { child_nodes: Some(children), ..Node::blank(0, id, None) }
    }

    /// `<!doctype html>`: trackers do not tell which a page has.
    pub fn doctype(id: u64, root_id: Option<u64>) -> Node {
        Node { name: Some("html"), public_id: Some(""), system_id: Some(""), ..Node::blank(1, id, root_id) }
    }

    /// An element without children.
    pub fn element(id: u64, root_id: Option<u64>, tag: &str, attributes: BTreeMap<String, Json>) -> Node {
        Node {
            tag_name: Some(tag.to_owned()),
            attributes: Some(attributes),
            child_nodes: Some(Vec::new()),
            ..Node::blank(2, id, root_id)
        }
    }

    /// A text.
    pub fn text(id: u64, root_id: Option<u64>, text: &str) -> Node {
        Node { text_content: Some(text.to_owned()), ..Node::blank(3, id, root_id) }
    }
}

/// A change of the page. The numbers are those of rrweb's `IncrementalSource`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Change {
    /// 0: nodes that came, went and changed.
    Mutation(Mutation),
    /// 1: where the pointer went.
    MouseMove { source: u8, positions: [Position; 1] },
    /// 2: a click (2), the focus (5) or its loss (6).
    Interaction {
        source: u8,
        #[serde(rename = "type")]
        kind: u8,
        id: u64,
        x: u64,
        y: u64,
    },
    /// 3: an element or a document is scrolled, to pixels.
    Scroll { source: u8, id: u64, x: i64, y: i64 },
    /// 4: the window's size, in pixels.
    Viewport { source: u8, width: u32, height: u32 },
    /// 5: what stands in a field.
    #[serde(rename_all = "camelCase")]
    Input { source: u8, id: u64, text: String, is_checked: bool },
    /// 8: rules of a style element (`id`), or of a sheet that scripts made (`styleId`).
    Rules(Rules),
    /// 15: the sheets that scripts made, as a document or a shadow root uses them.
    #[serde(rename_all = "camelCase")]
    Adopted { source: u8, id: u64, styles: Vec<Style>, style_ids: Vec<u64> },
}

/// Nodes that came, went and changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mutation {
    /// Always 0.
    pub source: u8,
    /// Texts with a new value.
    pub texts: Vec<Text>,
    /// Elements with other attributes.
    pub attributes: Vec<Attributes>,
    /// Nodes that went, in order.
    pub removes: Vec<Remove>,
    /// Nodes that came, each after its parent and after its next sibling.
    pub adds: Vec<Add>,
    /// The document of a frame came.
    #[serde(skip_serializing_if = "is_false")]
    pub is_attach_iframe: bool,
}

impl Mutation {
    /// One attribute with another value.
    pub fn of_attribute(id: u64, name: &str, value: &str) -> Mutation {
        let attributes = BTreeMap::from([(name.to_owned(), Json::from(value))]);
        Mutation { attributes: vec![Attributes { id, attributes }], ..Mutation::default() }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.attributes.is_empty() && self.removes.is_empty() && self.adds.is_empty()
    }
}

/// A text with a new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    pub id: u64,
    pub value: String,
}

/// An element with other attributes; those that are null are gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attributes {
    pub id: u64,
    pub attributes: BTreeMap<String, Json>,
}

/// A node that went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remove {
    pub parent_id: u64,
    pub id: u64,
    #[serde(skip_serializing_if = "is_false")]
    pub is_shadow: bool,
}

/// A node that came: without what is below it, unless it is a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    pub parent_id: u64,
    pub next_id: Option<u64>,
    pub node: Node,
}

/// A place of the pointer, in pixels of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    pub x: u64,
    pub y: u64,
    pub id: u64,
    pub time_offset: i64,
}

/// Rules that came and went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// Always 8.
    pub source: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style_id: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removes: Vec<RuleAt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adds: Vec<NewRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_sync: Option<String>,
}

/// The number of a rule in its sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RuleAt {
    pub index: u64,
}

/// A rule, and its number in its sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRule {
    pub rule: String,
    pub index: u64,
}

/// A sheet that scripts made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Style {
    pub style_id: u64,
    pub rules: Vec<NewRule>,
}
