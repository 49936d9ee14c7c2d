//! What a message of a web tracker says about the page, in one enum: read once, here, with the names of all generations made one.

mod animated;
mod read;

pub use read::{read, text_of};

/// A node of the page, as the tracker numbers it: 0 is the root element.
pub type NodeId = u64;

/// Where a text stands in a dictionary of the page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The number of generations up to 15, and of those from 18 on.
    Number(u64),
    /// The text of those between.
    Text(Vec<u8>),
}

/// An attribute's name or value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The text itself.
    Plain(String),
    /// A text of the dictionary.
    Of(Key),
}

/// A change of a style sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// A rule is put in before the rule with this number.
    Insert(String, u64),
    /// The rule with this number is taken out.
    Delete(u64),
    /// The text of the whole sheet is replaced.
    Replace(String),
}

impl Rule {
    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        match self {
            Rule::Insert(text, _) | Rule::Replace(text) => size_of::<Self>() + text.len(),
            Rule::Delete(_) => size_of::<Self>(),
        }
    }
}

/// What a message says about the page that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "what each field is stands in the line above its variant")]
pub enum Said {
    /// The messages that follow in this batch are of this tab.
    Tab(String),
    /// The visitor looks at this tab.
    ActiveTab(String),
    /// The page's address, and its title where the tracker tells it.
    Location(String, Option<String>),
    /// Width and height of the window, in CSS pixels.
    Viewport(u32, u32),
    /// The window is scrolled to these pixels.
    ViewportScroll(i64, i64),
    /// Whether nobody can see the page.
    Hidden(bool),
    /// The page begins anew, with nothing but its root element.
    Document,
    /// `node` is an element without children, put in as the child of `parent` with this number.
    Element { node: NodeId, parent: NodeId, index: u64, tag: String, svg: bool },
    /// `node` is an empty text, put in as the child of `parent` with this number.
    Text { node: NodeId, parent: NodeId, index: u64 },
    /// `node`, with all below it, becomes the child of `parent` with this number.
    Move { node: NodeId, parent: NodeId, index: u64 },
    /// `node`, with all below it, is gone.
    Remove(NodeId),
    /// `root` is the document of the frame, or the shadow root of the element, `host`.
    Root { host: NodeId, root: NodeId },
    /// An attribute gets this value. Addresses in it are relative to the base.
    Attribute { node: NodeId, name: Word, value: Word, base: Option<String> },
    /// An attribute is gone.
    NoAttribute(NodeId, String),
    /// The text of a text node.
    Data(NodeId, String),
    /// The text of a style element, or of the text node in one. Addresses in it are relative to the base.
    Css(NodeId, String, Option<String>),
    /// A rule of a style element.
    CssRule(NodeId, Rule, Option<String>),
    /// A style sheet that scripts made is used by this document, shadow root or style element.
    SheetOwner { sheet: u64, owner: NodeId },
    /// It is not used by it any more.
    NoSheetOwner { sheet: u64, owner: NodeId },
    /// A change of such a sheet.
    SheetRule(u64, Rule, Option<String>),
    /// An element is scrolled to these pixels.
    Scroll(NodeId, i64, i64),
    /// What stands in a field: the text, and how many characters of it were masked, or -1 if all were held back.
    Value(NodeId, String, i64),
    /// Whether a box is checked.
    Checked(NodeId, bool),
    /// The element with the focus.
    Focus(Option<NodeId>),
    /// `node` is assigned to the slot by script.
    Slot { node: NodeId, slot: NodeId },
    /// Styles that an animation has ended with, as CSS.
    Animated(NodeId, String),
    /// The pointer, in pixels of the window.
    Mouse(u64, u64),
    /// A click, with the element's label.
    Click(NodeId, String),
    /// Frames of this canvas are sent as pictures, in a stream that began at this time (Unix ms).
    Canvas(String, u64),
    /// A text for the dictionary.
    Word(Key, String),
}
