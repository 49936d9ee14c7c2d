//! One event.

use std::borrow::Cow;

use crate::archive::known_text::KnownText;
use crate::log::format::record::Record;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A page or a screen was opened.
    Page,
    /// A click or a tap.
    Click,
    /// A swipe on a phone.
    Swipe,
    /// A field of a form was changed.
    Input,
    /// A request that the page or the app made.
    Network,
    /// A file that the browser loaded for the page.
    Resource,
    /// A GraphQL operation. Its request is a [`EventKind::Network`] of its own.
    Graphql,
    /// An exception or a crash.
    Error,
    /// A line of the console or of an app's log.
    Console,
    /// An event that the site itself reported.
    Custom,
    /// A problem that the tracker noticed or the site reported.
    Issue,
    /// A measurement.
    Performance,
    /// An action of the page's state store.
    State,
    /// An element with a tag came into view or was clicked.
    Tag,
    /// The user became known.
    User,
    /// Metadata of the session was set.
    Metadata,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Page,
        Self::Click,
        Self::Swipe,
        Self::Input,
        Self::Network,
        Self::Resource,
        Self::Graphql,
        Self::Error,
        Self::Console,
        Self::Custom,
        Self::Issue,
        Self::Performance,
        Self::State,
        Self::Tag,
        Self::User,
        Self::Metadata,
    ];

    /// Its name in the archive.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Click => "click",
            Self::Swipe => "swipe",
            Self::Input => "input",
            Self::Network => "network",
            Self::Resource => "resource",
            Self::Graphql => "graphql",
            Self::Error => "error",
            Self::Console => "console",
            Self::Custom => "custom",
            Self::Issue => "issue",
            Self::Performance => "performance",
            Self::State => "state",
            Self::Tag => "tag",
            Self::User => "user",
            Self::Metadata => "metadata",
        }
    }
}

/// One event. What the columns mean for each kind is in `docs/archive.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// The project; 0 if unknown.
    pub project: u32,
    /// The session.
    pub session: u64,
    /// When its batch was received, in µs.
    pub received_us: u64,
    /// The client's time in µs; `None` if the batch has none, or an impossible one.
    pub happened_us: Option<i64>,
    /// The page of the batch's label.
    pub page: Option<u32>,
    /// The number of the batch's label.
    pub number: Option<u32>,
    /// The position of the message in the record's body, from 0, so that record and index are a key; for the analytics SDK, that of the
    /// event. The index that the batch claims for its messages is no key: a body can hold two batches with the same ones.
    pub index: u64,
    /// The position in the session's stream that the batch claims, as `takeup events` shows it; the analytics SDK has none.
    pub stream_index: Option<u64>,
    /// The kind.
    pub kind: EventKind,
    /// The catalogue's name of the message, or `sdk`.
    pub source: &'static str,
    /// The browser's tab.
    pub tab: Option<KnownText<'a>>,
    /// The address of the page on which it happened.
    pub page_url: Option<KnownText<'a>>,
    /// The address that was opened or requested.
    pub url: Option<Cow<'a, str>>,
    /// The text of the element, or the label of the field.
    pub label: Option<Cow<'a, str>>,
    /// The element's CSS selector.
    pub selector: Option<Cow<'a, str>>,
    /// The name of what happened.
    pub name: Option<Cow<'a, str>>,
    /// Its value.
    pub value: Option<Cow<'a, str>>,
    /// The text of an error or of a line of the console.
    pub message: Option<Cow<'a, str>>,
    /// The method of a request.
    pub method: Option<Cow<'a, str>>,
    /// The level of a line of the console.
    pub level: Option<Cow<'a, str>>,
    /// The HTTP status; 0 if there was no answer.
    pub status: Option<i64>,
    /// How long it took, in ms.
    pub duration_ms: Option<i64>,
    /// How long the user hesitated, in ms.
    pub hesitation_ms: Option<i64>,
    /// Bytes received.
    pub bytes: Option<i64>,
    /// The message's other fields, as a JSON object.
    pub details: Option<&'a str>,
    /// Whether a text was cut.
    pub cut: bool,
    /// The record, as the commands print it.
    pub record: KnownText<'a>,
}

impl<'a> Event<'a> {
    /// An event of `record`, whose id is also given as text, about which nothing else is known.
    pub(super) fn of(
        record: &Record<'_>,
        record_text: KnownText<'a>,
        index: u64,
        kind: EventKind,
        source: &'static str,
    ) -> Event<'a> {
        Event {
            project: record.project,
            session: record.session,
            received_us: record.order_us,
            happened_us: None,
            page: record.label.map(|label| label.page),
            number: record.label.map(|label| label.number),
            index,
            stream_index: None,
            kind,
            source,
            tab: None,
            page_url: None,
            url: None,
            label: None,
            selector: None,
            name: None,
            value: None,
            message: None,
            method: None,
            level: None,
            status: None,
            duration_ms: None,
            hesitation_ms: None,
            bytes: None,
            details: None,
            cut: false,
            record: record_text,
        }
    }
}
