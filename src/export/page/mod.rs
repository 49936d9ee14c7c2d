//! A page as its tracker has described it so far: the tree of nodes, its style sheets, and where its visitor is in it.
//!
//! Everything here comes from a stranger. No message is believed: a node whose parent is not known, that would become its own ancestor, or that
//! does not fit into the budget, is left out, and the rest goes on.
//!
//! | file | |
//! |---|---|
//! | `animated` | a `style` attribute, with what animations have ended with |
//! | `changes` | the page, and the changes that messages make to it |
//! | `list` | a list in pieces, for what may be long |
//! | `node` | one node |
//! | `room` | how much of it there may be |
//! | `tree` | the nodes and their places |
//! | `sheets` | style sheets that scripts made, and who uses them |

mod animated;
pub mod changes;
pub mod list;
pub mod node;
pub mod room;
pub mod sheets;
pub mod tree;
