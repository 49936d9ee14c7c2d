//! What is last set by the messages of real trackers, by a reading of its own: nothing of it is lost on the way to the player.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::super::ids;
use super::Options;
use super::tests::{batches, events, is_snapshot, sessions, shown};
use crate::tracker::captured::{Upload, uploads};
use crate::tracker::{Value, read_batch, split_parts};

/// The text of what is no element, and the tag and the attributes of what is one.
#[derive(Default)]
struct Node {
    parent: u64,
    tag: String,
    text: Option<String>,
    attributes: HashMap<String, String>,
}

/// A tab's page.
#[derive(Default)]
struct Tab {
    page: u64,
    nodes: HashMap<u64, Node>,
    words: HashMap<Vec<u8>, String>,
}

/// A message with what its batch says: its time, its page, its tab.
struct Sent {
    at_ms: i64,
    page: u64,
    tab: String,
    name: &'static str,
    fields: Vec<Field>,
}

enum Field {
    Number(u64),
    Text(Vec<u8>),
}

impl Sent {
    fn number(&self, at: usize) -> u64 {
        if let Some(Field::Number(number)) = self.fields.get(at) { *number } else { 0 }
    }

    fn bytes(&self, at: usize) -> Vec<u8> {
        match self.fields.get(at) {
            Some(Field::Number(number)) => number.to_le_bytes().to_vec(),
            Some(Field::Text(bytes)) => bytes.clone(),
            None => Vec::new(),
        }
    }

    fn text(&self, at: usize) -> String {
        String::from_utf8_lossy(&self.bytes(at)).into_owned()
    }
}

/// All messages of these, by time; those of one time in the order in which they were sent.
fn sent(uploads: &[Upload]) -> Vec<Sent> {
    let mut all = Vec::new();
    for upload in uploads {
        let (first, second) = split_parts(&upload.bytes, upload.split).unwrap();
        for part in [Some(first), second].into_iter().flatten() {
            let (mut reader, mut tab) = (read_batch(part, upload.era), String::new());
            while let Some(Ok(message)) = reader.next() {
                let fields = message.fields().map(|(_, value)| match value {
                    Value::Uint(number) => Field::Number(number),
                    Value::Int(number) => Field::Number(number as u64),
                    Value::Bool(value) => Field::Number(u64::from(value)),
                    Value::Str(bytes) => Field::Text(bytes.to_vec()),
                });
                let fields: Vec<Field> = fields.collect();
                let page = reader.meta().unwrap().page;
                let mut sent =
                    Sent { at_ms: message.timestamp_ms, page, tab: String::new(), name: message.name, fields };
                if sent.name == "TabData" {
                    tab = sent.text(0);
                }
                sent.tab.clone_from(&tab);
                all.push(sent);
            }
        }
    }
    all.sort_by_key(|sent| sent.at_ms);
    all
}

/// The page of the tab that its visitor looks at in the end.
fn last(uploads: &[Upload]) -> Tab {
    let (mut tabs, mut front) = (HashMap::<String, Tab>::new(), None);
    for sent in sent(uploads) {
        let tab = tabs.entry(sent.tab.clone()).or_default();
        if sent.page < tab.page {
            continue;
        }
        if sent.page > tab.page {
            *tab = Tab { page: sent.page, ..Tab::default() };
        }
        match sent.name {
            "TabChange" => front = Some(sent.text(0)),
            "SetPageVisibility" if sent.number(0) == 0 => front = Some(sent.tab.clone()),
            "CreateDocument" => {
                front.get_or_insert_with(|| sent.tab.clone());
                tab.nodes.clear();
                tab.nodes.insert(0, Node { tag: "html".to_owned(), ..Node::default() });
            }
            "CreateElementNode" => {
                let node = Node { parent: sent.number(1), tag: sent.text(3).to_lowercase(), ..Node::default() };
                tab.nodes.insert(sent.number(0), node);
            }
            "CreateTextNode" => {
                let node = Node { parent: sent.number(1), text: Some(String::new()), ..Node::default() };
                tab.nodes.insert(sent.number(0), node);
            }
            "CreateIFrameDocument" => {
                tab.nodes.insert(sent.number(1), Node { parent: sent.number(0), ..Node::default() });
            }
            "MoveNode" => {
                if let Some(node) = tab.nodes.get_mut(&sent.number(0)) {
                    node.parent = sent.number(1);
                }
            }
            "RemoveNode" => drop(tab.nodes.remove(&sent.number(0))),
            "SetNodeData" => {
                if let Some(node) = tab.nodes.get_mut(&sent.number(0)) {
                    node.text = Some(sent.text(1));
                }
            }
            "StringDictGlobal" | "StringDictDeprecated" | "StringDict" => {
                tab.words.insert(sent.bytes(0), sent.text(1));
            }
            "SetNodeAttribute" | "SetNodeAttributeURLBased" => {
                if let Some(node) = tab.nodes.get_mut(&sent.number(0)) {
                    node.attributes.insert(sent.text(1), sent.text(2));
                }
            }
            "SetNodeAttributeDictGlobal" | "SetNodeAttributeDictDeprecated" | "SetNodeAttributeDict" => {
                let words = (tab.words.get(&sent.bytes(1)).cloned(), tab.words.get(&sent.bytes(2)).cloned());
                if let ((Some(name), Some(value)), Some(node)) = (words, tab.nodes.get_mut(&sent.number(0))) {
                    node.attributes.insert(name, value);
                }
            }
            "RemoveNodeAttribute" => {
                if let Some(node) = tab.nodes.get_mut(&sent.number(0)) {
                    node.attributes.remove(&sent.text(1));
                }
            }
            _ => {}
        }
    }
    front.and_then(|front| tabs.remove(&front)).unwrap_or_default()
}

impl Tab {
    /// Whether a node is in the document, with all that is above it, and is shown as it is.
    fn is_shown(&self, id: u64) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        let is_other = matches!(&*node.tag, "script" | "style" | "noscript" | "template" | "link" | "meta" | "base");
        !is_other && (id == 0 || self.is_shown(node.parent))
    }
}

/// All nodes that a player shows, by number.
fn by_number(seen: &Json, all: &mut HashMap<u64, Json>) {
    all.insert(seen["id"].as_u64().unwrap(), json_without_children(seen));
    seen["below"].as_array().unwrap().iter().for_each(|below| by_number(below, all));
}

fn json_without_children(seen: &Json) -> Json {
    let mut node = seen.clone();
    node["below"] = Json::Null;
    node
}

/// Attributes that are shown with the value that they were sent with.
fn is_plain(name: &str) -> bool {
    name.starts_with("data-")
        || name.starts_with("aria-")
        || matches!(name, "class" | "alt" | "title" | "lang" | "role")
}

#[test]
fn what_the_messages_of_real_trackers_set_last_is_what_is_shown_in_the_end() {
    let mut all = sessions();
    // Besides, all that one file has as one session: of a visitor with a tab for each.
    for upload in uploads() {
        all.entry((upload.file.clone(), "all of them".to_owned())).or_default().push(upload);
    }
    let (mut texts, mut attributes) = (0, 0);
    for ((file, session), uploads) in all {
        let (events, left_out) = events(batches(&uploads), Options::default());
        let Some(first) = events.iter().position(is_snapshot) else { continue };
        let (mut found, tab) = (HashMap::new(), last(&uploads));
        by_number(&shown(&events[first..]), &mut found);
        let what = format!("{file} {session}, {left_out:?}");
        let mut lost = Vec::new();
        for (&id, node) in tab.nodes.iter().filter(|(id, _)| tab.is_shown(**id)) {
            let shown = found.get(&ids::node(id));
            if let Some(text) = &node.text {
                texts += 1;
                if shown.and_then(|shown| shown["textContent"].as_str()) != Some(text) {
                    lost.push(format!("{id}: {text}"));
                }
            }
            for (name, value) in node.attributes.iter().filter(|(name, _)| is_plain(name)) {
                attributes += 1;
                if shown.and_then(|shown| shown["attributes"][name].as_str()) != Some(value) {
                    lost.push(format!("{id}: {name} {value}"));
                }
            }
        }
        assert!(lost.is_empty(), "{what}: {} are lost: {:?}", lost.len(), &lost[..lost.len().min(5)]);
    }
    assert!(texts > 10_000 && attributes > 10_000, "{texts} texts, {attributes} attributes");
}
