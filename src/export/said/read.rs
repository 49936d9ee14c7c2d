//! Messages read into [`Said`].

use crate::tracker::{Message, Value};

use super::animated::css_of;
use super::{Key, Rule, Said, Word};

/// The fields of one message, in wire order. What is missing, because the message is broken, reads as zero or as an empty text.
struct Fields<'a>(crate::tracker::Fields<'a>);

impl<'a> Fields<'a> {
    fn bytes(&mut self) -> &'a [u8] {
        match self.0.next() {
            Some((_, Value::Str(bytes))) => bytes,
            _ => &[],
        }
    }

    fn text(&mut self) -> String {
        text_of(self.bytes())
    }

    fn uint(&mut self) -> u64 {
        match self.0.next() {
            Some((_, Value::Uint(value))) => value,
            _ => 0,
        }
    }

    fn int(&mut self) -> i64 {
        match self.0.next() {
            Some((_, Value::Int(value))) => value,
            _ => 0,
        }
    }

    fn bool(&mut self) -> bool {
        matches!(self.0.next(), Some((_, Value::Bool(true))))
    }

    fn pixels(&mut self) -> u32 {
        u32::try_from(self.uint()).unwrap_or(u32::MAX)
    }
}

/// A field's text: what is not UTF-8 in it is replaced.
pub fn text_of(bytes: &[u8]) -> String {
    // Far quicker than to look for what is to be replaced, and nearly always enough.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

/// What `message` says about the page; `None` for a message about something else, for one that the catalogue does not have, and for one whose
/// fields are cut short.
pub fn read(message: &Message<'_>) -> Option<Said> {
    if matches!(message.body, crate::tracker::Body::Broken(_)) {
        return None;
    }
    let mut fields = Fields(message.fields());
    // By name: the ids changed their meaning over the years, the catalogue's names did not.
    page(message.name, &mut fields).or_else(|| looks(message.name, &mut fields))
}

/// The tree of nodes.
fn page(name: &str, fields: &mut Fields<'_>) -> Option<Said> {
    Some(match name {
        "TabData" => Said::Tab(fields.text()),
        "TabChange" => Said::ActiveTab(fields.text()),
        "CreateDocument" => Said::Document,
        "CreateElementNode" => Said::Element {
            node: fields.uint(),
            parent: fields.uint(),
            index: fields.uint(),
            tag: fields.text(),
            svg: fields.bool(),
        },
        "CreateTextNode" => Said::Text { node: fields.uint(), parent: fields.uint(), index: fields.uint() },
        "MoveNode" => Said::Move { node: fields.uint(), parent: fields.uint(), index: fields.uint() },
        "RemoveNode" => Said::Remove(fields.uint()),
        "CreateIFrameDocument" => Said::Root { host: fields.uint(), root: fields.uint() },
        "SetNodeAttribute" => {
            let (node, name, value) = (fields.uint(), fields.text(), fields.text());
            Said::Attribute { node, name: Word::Plain(name), value: Word::Plain(value), base: None }
        }
        "SetNodeAttributeURLBased" => {
            let (node, name, value) = (fields.uint(), fields.text(), fields.text());
            Said::Attribute { node, name: Word::Plain(name), value: Word::Plain(value), base: Some(fields.text()) }
        }
        "SetNodeAttributeDictGlobal" | "SetNodeAttributeDictDeprecated" => {
            let (node, name, value) = (fields.uint(), Key::Number(fields.uint()), Key::Number(fields.uint()));
            Said::Attribute { node, name: Word::Of(name), value: Word::Of(value), base: None }
        }
        "SetNodeAttributeDict" => {
            let (node, name, value) =
                (fields.uint(), Key::Text(fields.bytes().to_vec()), Key::Text(fields.bytes().to_vec()));
            Said::Attribute { node, name: Word::Of(name), value: Word::Of(value), base: None }
        }
        "RemoveNodeAttribute" => Said::NoAttribute(fields.uint(), fields.text()),
        "StringDictGlobal" | "StringDictDeprecated" => Said::Word(Key::Number(fields.uint()), fields.text()),
        "StringDict" => Said::Word(Key::Text(fields.bytes().to_vec()), fields.text()),
        "SetNodeData" => Said::Data(fields.uint(), fields.text()),
        "SetNodeSlot" => Said::Slot { node: fields.uint(), slot: fields.uint() },
        _ => return None,
    })
}

/// What the page looks like, and what its visitor does.
fn looks(name: &str, fields: &mut Fields<'_>) -> Option<Said> {
    Some(match name {
        "SetPageLocation" => {
            let (url, _, _) = (fields.text(), fields.text(), fields.uint());
            Said::Location(url, Some(fields.text()))
        }
        "SetPageLocationDeprecated" => Said::Location(fields.text(), None),
        "SetViewportSize" => Said::Viewport(fields.pixels(), fields.pixels()),
        "SetViewportScroll" => Said::ViewportScroll(fields.int(), fields.int()),
        "SetPageVisibility" => Said::Hidden(fields.bool()),
        "SetCSSData" => Said::Css(fields.uint(), fields.text(), None),
        "SetCSSDataURLBased" => Said::Css(fields.uint(), fields.text(), Some(fields.text())),
        "CSSInsertRule" => Said::CssRule(fields.uint(), insert(fields), None),
        "CSSInsertRuleURLBased" => Said::CssRule(fields.uint(), insert(fields), Some(fields.text())),
        "CSSDeleteRule" => Said::CssRule(fields.uint(), Rule::Delete(fields.uint()), None),
        "AdoptedSSReplace" => Said::SheetRule(fields.uint(), Rule::Replace(fields.text()), None),
        "AdoptedSSReplaceURLBased" => Said::SheetRule(fields.uint(), Rule::Replace(fields.text()), Some(fields.text())),
        "AdoptedSSInsertRule" => Said::SheetRule(fields.uint(), insert(fields), None),
        "AdoptedSSInsertRuleURLBased" => Said::SheetRule(fields.uint(), insert(fields), Some(fields.text())),
        "AdoptedSSDeleteRule" => Said::SheetRule(fields.uint(), Rule::Delete(fields.uint()), None),
        "AdoptedSSAddOwner" => Said::SheetOwner { sheet: fields.uint(), owner: fields.uint() },
        "AdoptedSSRemoveOwner" => Said::NoSheetOwner { sheet: fields.uint(), owner: fields.uint() },
        "SetNodeScroll" => Said::Scroll(fields.uint(), fields.int(), fields.int()),
        "SetInputValue" => Said::Value(fields.uint(), fields.text(), fields.int()),
        "SetInputChecked" => Said::Checked(fields.uint(), fields.bool()),
        "SetNodeFocus" => Said::Focus(u64::try_from(fields.int()).ok()),
        "NodeAnimationResult" => Said::Animated(fields.uint(), css_of(fields.text())),
        "MouseMove" => Said::Mouse(fields.uint(), fields.uint()),
        "MouseClick" | "MouseClickDeprecated" => {
            let (node, _) = (fields.uint(), fields.uint());
            Said::Click(node, fields.text())
        }
        "CanvasNode" => Said::Canvas(fields.text(), fields.uint()),
        _ => return None,
    })
}

fn insert(fields: &mut Fields<'_>) -> Rule {
    let rule = fields.text();
    Rule::Insert(rule, fields.uint())
}
