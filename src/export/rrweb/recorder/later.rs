//! What follows a moment's mutation: as small as it can be until it is written.

use std::rc::Rc;

use crate::export::clean::{self, Assets};
use crate::export::page::changes::Page;
use crate::export::page::node::{Node, What};
use crate::export::said::{NodeId, Rule};

use crate::export::rrweb::event::{Change, NewRule, RuleAt, Rules};
use crate::export::rrweb::ids;

/// What follows.
#[derive(Debug)]
pub(super) enum Later {
    /// A change, and the node that it is of.
    Change(Option<NodeId>, Box<Change>),
    /// What a node is like then.
    State(State),
    /// A change of rules, and where. One text is shared by all whose rules change with it.
    Rule(Of, Rc<Rule>, u64),
}

/// What is read from the page when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// What stands in this field.
    Field(NodeId),
    /// How far this node is scrolled.
    Scroll(NodeId),
}

/// Whose rules change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// Those of a style element.
    Element(NodeId),
    /// Those of a sheet, by the player's number.
    Style(u64),
}

impl Later {
    /// The node that it is of.
    pub(super) fn node(&self) -> Option<NodeId> {
        match self {
            Later::Change(node, _) => *node,
            Later::State(State::Field(node) | State::Scroll(node)) | Later::Rule(Of::Element(node), ..) => Some(*node),
            Later::Rule(Of::Style(_), ..) => None,
        }
    }

    /// The change, as the page is now.
    pub(super) fn into_change(self, page: &Page, assets: &Assets) -> Option<Change> {
        match self {
            Later::Change(_, change) => Some(*change),
            Later::State(State::Field(node)) => {
                let field = &page.tree.get(node).and_then(Node::element)?.field;
                let text = field.value.clone().unwrap_or_default();
                Some(Change::Input { source: 5, id: ids::node(node), text, is_checked: field.checked.unwrap_or(false) })
            }
            Later::State(State::Scroll(node)) => {
                let (x, y) = match &page.tree.get(node)?.what {
                    What::Element(element) => element.scroll,
                    What::Document(scroll) => *scroll,
                    _ => return None,
                };
                Some(Change::Scroll { source: 3, id: ids::document_of(node), x, y })
            }
            Later::Rule(of, rule, at) => {
                let rules = rules(page, assets, &rule, at);
                Some(Change::Rules(match of {
                    Of::Element(node) => Rules { id: Some(ids::node(node)), ..rules },
                    Of::Style(style) => Rules { style_id: Some(style), ..rules },
                }))
            }
        }
    }
}

fn rules(page: &Page, assets: &Assets, rule: &Rule, at: u64) -> Rules {
    match rule {
        Rule::Insert(rule, _) => insert(page, assets, rule, at),
        Rule::Delete(_) => delete(at),
        Rule::Replace(text) => {
            let rules = clean::rules(text);
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            let text = clean::css_rules(&rules, page.base.as_ref(), assets);
            Rules { source: 8, replace_sync: Some(text), ..Rules::default() }
        }
    }
}

/// A rule that is put in.
pub(super) fn insert(page: &Page, assets: &Assets, rule: &str, index: u64) -> Rules {
    let rule = clean::css_rule(rule, page.base.as_ref(), assets);
    Rules { source: 8, adds: vec![NewRule { rule, index }], ..Rules::default() }
}

/// A rule that is taken out.
pub(super) fn delete(index: u64) -> Rules {
    Rules { source: 8, removes: vec![RuleAt { index }], ..Rules::default() }
}
