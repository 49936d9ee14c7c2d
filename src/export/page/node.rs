//! One node of a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::export::said::{NodeId, Rule};

use super::list::List;

/// A change of a style element's rules, kept because the rules in its text are not known one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleChange {
    /// A rule was put in before the rule with this number.
    Insert(String, u64),
    /// The rule with this number was taken out.
    Delete(u64),
}

impl RuleChange {
    /// The change, unless it replaces the whole text.
    pub fn of(rule: &Rule) -> Option<Self> {
        match rule {
            Rule::Insert(rule, index) => Some(Self::Insert(rule.to_string(), *index)),
            Rule::Delete(index) => Some(Self::Delete(*index)),
            Rule::Replace(_) => None,
        }
    }

    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Insert(rule, _) => size_of::<Self>() + rule.len(),
            Self::Delete(_) => size_of::<Self>(),
        }
    }
}

/// What stands in a form's field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// The text, masked as the tracker has masked it.
    pub value: Option<String>,
    /// Whether the box is checked.
    pub checked: Option<bool>,
}

/// An element.
#[derive(Debug, Clone, Default)]
pub struct Element {
    /// The name that [`element_name`](crate::export::clean::element_name) gives it.
    pub tag: String,
    /// Whether it is part of a drawing.
    pub svg: bool,
    /// Its attributes. A value that stands in the page's dictionary too is not there twice.
    pub attributes: BTreeMap<String, Arc<str>>,
    /// What stands in it, if it is a field.
    pub field: Field,
    /// How far it is scrolled, in pixels.
    pub scroll: (i64, i64),
    /// The document in it, if it is a frame; else its shadow root.
    pub root: Option<NodeId>,
    /// The text of the sheet, if it is a style element that was told as a whole.
    pub css: Option<String>,
    /// Later changes of its rules, oldest first.
    pub rules: Vec<RuleChange>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum What {
    /// An element.
    Element(Box<Element>),
    /// A text.
    Text(String),
    /// The document of a frame, scrolled to these pixels.
    Document((i64, i64)),
    /// A shadow root.
    Shadow,
}

/// A node, and its place in the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// The node above it: its host, for the root in a frame or of a shadow tree; none for the page's root element.
    pub parent: Option<NodeId>,
    /// The nodes below it, in order.
    pub children: List<NodeId>,
    /// The piece of its parent's list that it is in.
    pub piece: u32,
    /// How far it is from here down to the lowest node, at most: what was removed from below may have been lower.
    pub height: u16,
    /// What it is.
    pub what: What,
}

impl Node {
    /// The element, if it is one.
    pub fn element(&self) -> Option<&Element> {
        match &self.what {
            What::Element(element) => Some(element),
            _ => None,
        }
    }

    /// The element, to be changed.
    pub fn element_mut(&mut self) -> Option<&mut Element> {
        match &mut self.what {
            What::Element(element) => Some(element),
            _ => None,
        }
    }

    /// Whether it is an element with this tag.
    pub fn is(&self, tag: &str) -> bool {
        self.element().is_some_and(|element| element.tag == tag)
    }
}
