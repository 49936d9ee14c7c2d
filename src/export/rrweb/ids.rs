//! The numbers under which rrweb knows nodes.
//!
//! A tracker's node keeps its number, moved up by [`FIRST`]. What rrweb has and a tracker does not tell gets numbers of its own, above all of these.

use crate::export::page::tree::{ID_MAX, ROOT};
use crate::export::said::NodeId;

/// The document.
pub const DOCUMENT: u64 = 1;
/// Its type.
pub const DOCTYPE: u64 = 2;
/// The document's root element.
pub const FIRST: u64 = 3;

const SPAN: u64 = ID_MAX + FIRST + 1;

/// A node.
pub fn node(node: NodeId) -> u64 {
    node + FIRST
}

/// The text in a style element whose rules were told one by one.
pub fn css(style: NodeId) -> u64 {
    node(style) + SPAN
}

/// The type of a frame's document.
pub fn doctype(document: NodeId) -> u64 {
    node(document) + 2 * SPAN
}

/// The document that scrolls, and that uses sheets, when the tracker speaks of the root element.
pub fn document_of(root: NodeId) -> u64 {
    if root == ROOT { DOCUMENT } else { node(root) }
}
