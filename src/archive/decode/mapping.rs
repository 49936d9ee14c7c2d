//! The form of the table of messages: what a message is, and where its fields go.

use super::event::EventKind;

/// Where a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The details, as all fields that the table does not name.
    Details,
    /// Nowhere: what it says stands elsewhere.
    Nowhere,
    /// A column of this name.
    Url,
    /// The same for these.
    Label,
    Selector,
    Name,
    Value,
    Message,
    Method,
    Level,
    Status,
    Duration,
    Hesitation,
    Bytes,
    /// The details; if true, the value before it is masked and must not be given out.
    Masked,
    /// Nowhere; if false, there is no event.
    Visible,
    /// The details; the duration is the time between the two.
    Start,
    End,
}

impl To {
    /// Whether a field with this place stands in the details.
    pub(super) const fn is_in_details(self) -> bool {
        matches!(self, To::Details | To::Masked | To::Start | To::End)
    }
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Mapping {
    /// The id on the wire.
    pub(super) id: u8,
    /// The message's newest name.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) kind: EventKind,
    /// The fields that do not just go to the details.
    pub(super) fields: &'static [(&'static str, To)],
    /// The event's name or level if the message itself has none.
    pub(super) fixed: Option<(To, &'static str)>,
}

impl Mapping {
    pub(super) const fn new(
        id: u8,
        name: &'static str,
        kind: EventKind,
        fields: &'static [(&'static str, To)],
    ) -> Mapping {
        Mapping { id, name, kind, fields, fixed: None }
    }

    pub(super) const fn fixed(self, to: To, text: &'static str) -> Mapping {
        Mapping { fixed: Some((to, text)), ..self }
    }

    /// Where a field goes.
    pub(super) fn place_of(&self, field: &str) -> To {
        self.fields.iter().find(|(name, _)| *name == field).map_or(To::Details, |(_, to)| *to)
    }
}
