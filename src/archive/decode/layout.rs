//! Where the fields of a message go, worked out once for each layout rather than for each message.

use std::sync::LazyLock;

use crate::tracker::{Era, FieldSpec, message_spec};

use super::mapping::{Mapping, To};
use super::messages::MESSAGES;

/// What becomes of a field.
#[derive(Debug)]
pub(super) struct Field {
    /// Where it goes.
    pub(super) to: To,
    /// How it begins in the details: its name in quotes, and a colon.
    pub(super) key: String,
}

/// By id, each layout with its fields: one, or two over the years.
type ById = Vec<Vec<(&'static [FieldSpec], Vec<Field>)>>;

static FIELDS: LazyLock<ById> = LazyLock::new(|| {
    let mut by_id = ById::new();
    for mapping in &MESSAGES {
        let id = usize::from(mapping.id);
        by_id.resize_with(by_id.len().max(id + 1), Vec::new);
        let spec = message_spec(mapping.id.into());
        let layouts = [Era::Main, Era::Seed].into_iter().filter_map(|era| Some(spec?.fields(era)));
        let field = |spec: &FieldSpec| Field { to: mapping.place_of(spec.name), key: format!("\"{}\":", spec.name) };
        by_id[id].extend(layouts.map(|layout| (layout, layout.iter().map(field).collect())));
    }
    by_id
});

/// The fields of a message with this line of the table and this layout of the catalogue, in its order.
#[inline]
pub(super) fn fields_of(mapping: &Mapping, layout: &'static [FieldSpec]) -> &'static [Field] {
    let layouts = FIELDS.get(usize::from(mapping.id)).map(Vec::as_slice).unwrap_or_default();
    let found = layouts.iter().find(|(known, _)| std::ptr::eq(*known, layout));
    found.map(|(_, fields)| fields.as_slice()).unwrap_or_default()
}
