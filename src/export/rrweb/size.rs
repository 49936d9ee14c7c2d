//! How long events become: about what their JSON has, without writing it.

use serde_json::Value as Json;

use super::event::{Attributes, Change, Data, Event, Mutation, Node, Rules};

/// What an event has besides what it says.
const EVENT_BYTES: usize = 48;
/// What a node, or a change of one, has besides its texts.
const NODE_BYTES: usize = 96;

impl Event {
    /// How many bytes of JSON this becomes, about.
    pub fn json_bytes(&self) -> usize {
        EVENT_BYTES
            + match &self.data {
                Data::Full { node, .. } => of_node(node),
                Data::Change(change) => change.json_bytes(),
                Data::Meta { href, .. } => of_text(href),
                Data::Custom { tag, payload } => tag.len() + of_json(payload),
            }
    }
}

impl Change {
    /// How many bytes of JSON this becomes, about.
    fn json_bytes(&self) -> usize {
        match self {
            Change::Mutation(mutation) => of_mutation(mutation),
            Change::Input { text, .. } => NODE_BYTES + of_text(text),
            Change::Rules(rules) => of_rules(rules),
            Change::Adopted { styles, style_ids, .. } => {
                let rules = styles.iter().flat_map(|style| &style.rules).map(|rule| of_text(&rule.rule) + 24);
                NODE_BYTES + 8 * style_ids.len() + 32 * styles.len() + rules.sum::<usize>()
            }
            Change::MouseMove { .. } | Change::Interaction { .. } | Change::Scroll { .. } | Change::Viewport { .. } => {
                NODE_BYTES
            }
        }
    }

    /// What it takes until it is written, in bytes.
    pub fn held_bytes(&self) -> usize {
        size_of::<Change>() + self.json_bytes()
    }
}

fn of_mutation(mutation: &Mutation) -> usize {
    let texts: usize = mutation.texts.iter().map(|text| 24 + of_text(&text.value)).sum();
    let attributes = |changed: &Attributes| {
        24 + changed.attributes.iter().map(|(name, value)| name.len() + 4 + of_json(value)).sum::<usize>()
    };
    let adds: usize = mutation.adds.iter().map(|add| 32 + of_node(&add.node)).sum();
    texts + mutation.attributes.iter().map(attributes).sum::<usize>() + 32 * mutation.removes.len() + adds + 64
}

fn of_rules(rules: &Rules) -> usize {
    let adds: usize = rules.adds.iter().map(|rule| of_text(&rule.rule) + 24).sum();
    NODE_BYTES + 16 * rules.removes.len() + adds + rules.replace_sync.as_deref().map_or(0, of_text)
}

/// As deep as the page is, which has a limit.
fn of_node(node: &Node) -> usize {
    let attributes = node.attributes.iter().flatten().map(|(name, value)| name.len() + 4 + of_json(value));
    let below = node.child_nodes.iter().flatten().map(of_node);
    let texts = [&node.tag_name, &node.text_content].into_iter().flatten().map(|text| of_text(text));
    NODE_BYTES + attributes.sum::<usize>() + below.sum::<usize>() + texts.sum::<usize>()
}

fn of_json(value: &Json) -> usize {
    match value {
        Json::String(text) => 2 + of_text(text),
        Json::Array(values) => 2 + values.iter().map(|value| 1 + of_json(value)).sum::<usize>(),
        Json::Object(values) => 2 + values.iter().map(|(name, value)| name.len() + 4 + of_json(value)).sum::<usize>(),
        _ => 8,
    }
}

/// JSON writes some characters as two bytes, and those that control as six.
fn of_text(text: &str) -> usize {
    let more = |byte: u8| match byte {
        0..0x20 => 5,
        b'"' | b'\\' => 1,
        _ => 0,
    };
    text.len() + text.bytes().map(more).sum::<usize>()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::export::order::Batches;
    use crate::export::rrweb::session::{Converter, Options};
    use crate::tracker::captured::uploads;

    #[test]
    fn what_is_counted_is_about_what_is_written() {
        let mut batches = Batches::new(tempfile::tempfile().unwrap());
        for upload in uploads().into_iter().filter(|upload| upload.split.is_none()) {
            batches.add(&upload.bytes, upload.era, upload.number).unwrap();
        }
        let mut converter = Converter::new(Options::default());
        let (mut counted, mut written) = (0, 0);
        let mut ordered = batches.in_order();
        while let Some(told) = ordered.next_told().unwrap() {
            let _ = converter.tell(&told, &mut |event| {
                counted += event.json_bytes();
                written += serde_json::to_vec(&event).unwrap().len();
                std::ops::ControlFlow::Continue(())
            });
        }
        assert!(written > 1 << 20 && counted > written / 2 && counted < written * 2, "{counted} of {written}");
        assert_eq!(of_text("a\u{1}\"\\é"), serde_json::to_vec("a\u{1}\"\\é").unwrap().len() - 2);
    }
}
