//! The table of messages that are events, in the order of their ids. Fields that it does not name go to the details.
//!
//! Left out are messages that only the player needs, the contents of state stores and web sockets, and the values of fields while they are
//! typed: `batches` has them all.

use super::event::EventKind::{
    Click, Console, Custom, Error, Graphql, Input, Issue, Metadata, Network, Page, Performance, Resource, State, Swipe,
    Tag, User,
};
use super::mapping::{Mapping, To};

/// What the fields of a phone's message begin with. The time is the message's, and the length says nothing.
macro_rules! phone {
    ($($field:expr),* $(,)?) => {
        &[("Timestamp", To::Nowhere), ("Length", To::Nowhere) $(, $field)*]
    };
}

/// The table.
pub(super) static MESSAGES: [Mapping; 57] = [
    Mapping::new(4, "SetPageLocationDeprecated", Page, &[("URL", To::Url), ("Referrer", To::Value)]),
    Mapping::new(17, "SetInputTarget", Input, &[("Label", To::Label)]),
    Mapping::new(
        21,
        "NetworkRequestDeprecated",
        Network,
        &[("Method", To::Method), ("URL", To::Url), ("Status", To::Status), ("Duration", To::Duration)],
    ),
    Mapping::new(22, "ConsoleLog", Console, &[("Level", To::Level), ("Value", To::Message)]),
    Mapping::new(23, "PageLoadTiming", Performance, &[("LoadEventEnd", To::Duration)]),
    Mapping::new(24, "PageRenderTiming", Performance, &[]),
    Mapping::new(
        25,
        "JSExceptionDeprecated",
        Error,
        &[("Name", To::Name), ("Message", To::Message), ("Payload", To::Value)],
    ),
    Mapping::new(
        26,
        "IntegrationEvent",
        Error,
        &[("Source", To::Label), ("Name", To::Name), ("Message", To::Message), ("Payload", To::Value)],
    ),
    Mapping::new(27, "CustomEvent", Custom, &[("Name", To::Name), ("Payload", To::Value)]),
    Mapping::new(28, "UserID", User, &[("ID", To::Value)]),
    Mapping::new(29, "UserAnonymousID", User, &[("ID", To::Value)]),
    Mapping::new(30, "Metadata", Metadata, &[("Key", To::Name), ("Value", To::Value)]),
    Mapping::new(31, "PageEventDeprecated", Page, &[("URL", To::Url), ("Referrer", To::Value)]),
    Mapping::new(32, "InputEvent", Input, &[("Value", To::Value), ("ValueMasked", To::Masked), ("Label", To::Label)]),
    Mapping::new(33, "PageEvent", Page, &[("URL", To::Url), ("Referrer", To::Value)]),
    Mapping::new(
        39,
        "Fetch",
        Network,
        &[("Method", To::Method), ("URL", To::Url), ("Status", To::Status), ("Duration", To::Duration)],
    ),
    Mapping::new(40, "Profiler", Performance, &[("Name", To::Name), ("Duration", To::Duration)]),
    Mapping::new(42, "StateAction", State, &[("Type", To::Name)]),
    Mapping::new(
        48,
        "GraphQLDeprecated",
        Graphql,
        &[("OperationKind", To::Method), ("OperationName", To::Name), ("Duration", To::Duration)],
    ),
    Mapping::new(49, "PerformanceTrack", Performance, &[]),
    Mapping::new(
        53,
        "ResourceTimingDeprecatedDeprecated",
        Resource,
        &[("Duration", To::Duration), ("URL", To::Url), ("Initiator", To::Name)],
    ),
    Mapping::new(54, "ConnectionInformation", Performance, &[("Type", To::Name)]),
    Mapping::new(56, "PerformanceTrackAggr", Performance, &[]),
    Mapping::new(59, "LongTask", Performance, &[("Duration", To::Duration)]),
    Mapping::new(
        62,
        "IssueEventDeprecated",
        Issue,
        &[("Type", To::Name), ("ContextString", To::Label), ("Context", To::Selector), ("Payload", To::Value)],
    ),
    Mapping::new(64, "CustomIssue", Issue, &[("Name", To::Name), ("Payload", To::Value)]),
    Mapping::new(
        68,
        "MouseClick",
        Click,
        &[("HesitationTime", To::Hesitation), ("Label", To::Label), ("Selector", To::Selector)],
    ),
    Mapping::new(
        69,
        "MouseClickDeprecated",
        Click,
        &[("HesitationTime", To::Hesitation), ("Label", To::Label), ("Selector", To::Selector)],
    ),
    Mapping::new(78, "JSException", Error, &[("Name", To::Name), ("Message", To::Message), ("Payload", To::Value)]),
    Mapping::new(
        83,
        "NetworkRequest",
        Network,
        &[
            ("Method", To::Method),
            ("URL", To::Url),
            ("Status", To::Status),
            ("Duration", To::Duration),
            ("TransferredBodySize", To::Bytes),
        ],
    ),
    Mapping::new(
        85,
        "ResourceTiming",
        Resource,
        &[("Duration", To::Duration), ("URL", To::Url), ("Initiator", To::Name), ("TransferredSize", To::Bytes)],
    ),
    Mapping::new(87, "Incident", Issue, &[("Label", To::Label), ("StartTime", To::Start), ("EndTime", To::End)])
        .fixed(To::Name, "incident"),
    Mapping::new(89, "LongAnimationTask", Performance, &[("Name", To::Name), ("Duration", To::Duration)]),
    Mapping::new(92, "MobileMetadata", Metadata, phone![("Key", To::Name), ("Value", To::Value)]),
    Mapping::new(93, "MobileEvent", Custom, phone![("Name", To::Name), ("Payload", To::Value)]),
    Mapping::new(94, "MobileUserID", User, phone![("ID", To::Value)]),
    Mapping::new(95, "MobileUserAnonymousID", User, phone![("ID", To::Value)]),
    Mapping::new(
        97,
        "MobileCrash",
        Error,
        phone![("Name", To::Name), ("Reason", To::Message), ("Stacktrace", To::Value)],
    ),
    Mapping::new(
        98,
        "MobileViewComponentEvent",
        Page,
        phone![("ScreenName", To::Name), ("ViewName", To::Label), ("Visible", To::Visible)],
    ),
    Mapping::new(100, "MobileClickEvent", Click, phone![("Label", To::Label)]),
    Mapping::new(
        101,
        "MobileInputEvent",
        Input,
        phone![("Value", To::Value), ("ValueMasked", To::Masked), ("Label", To::Label)],
    ),
    Mapping::new(102, "MobilePerformanceEvent", Performance, phone![("Name", To::Name), ("Value", To::Value)]),
    Mapping::new(103, "MobileLog", Console, phone![("Severity", To::Level), ("Content", To::Message)]),
    Mapping::new(104, "MobileInternalError", Console, phone![("Content", To::Message)]).fixed(To::Level, "internal"),
    Mapping::new(
        105,
        "MobileNetworkCall",
        Network,
        phone![("Method", To::Method), ("URL", To::Url), ("Status", To::Status), ("Duration", To::Duration)],
    ),
    Mapping::new(106, "MobileSwipeEvent", Swipe, phone![("Label", To::Label), ("Direction", To::Value)]),
    Mapping::new(
        109,
        "MobileGraphQL",
        Graphql,
        phone![("OperationKind", To::Method), ("OperationName", To::Name), ("Duration", To::Duration)],
    ),
    Mapping::new(110, "MobilePerformanceAggregated", Performance, &[]),
    Mapping::new(
        111,
        "MobileIssueEvent",
        Issue,
        phone![("Type", To::Name), ("ContextString", To::Label), ("Context", To::Selector), ("Payload", To::Value)],
    ),
    Mapping::new(
        112,
        "InputChange",
        Input,
        &[
            ("Value", To::Value),
            ("ValueMasked", To::Masked),
            ("Label", To::Label),
            ("HesitationTime", To::Hesitation),
            ("InputDuration", To::Duration),
        ],
    ),
    Mapping::new(114, "MouseThrashing", Issue, &[]).fixed(To::Name, "mouse_thrashing"),
    Mapping::new(
        116,
        "ResourceTimingDeprecated",
        Resource,
        &[("Duration", To::Duration), ("URL", To::Url), ("Initiator", To::Name), ("TransferredSize", To::Bytes)],
    ),
    Mapping::new(120, "TagTrigger", Tag, &[("TagId", To::Value)]),
    Mapping::new(
        122,
        "SetPageLocation",
        Page,
        &[("URL", To::Url), ("Referrer", To::Value), ("DocumentTitle", To::Name)],
    ),
    Mapping::new(
        123,
        "GraphQL",
        Graphql,
        &[("OperationKind", To::Method), ("OperationName", To::Name), ("Duration", To::Duration)],
    ),
    Mapping::new(124, "WebVitals", Performance, &[("Name", To::Name), ("Value", To::Value)]),
    Mapping::new(
        125,
        "IssueEvent",
        Issue,
        &[
            ("Type", To::Name),
            ("ContextString", To::Label),
            ("Context", To::Selector),
            ("Payload", To::Value),
            ("URL", To::Url),
        ],
    ),
];

/// The table's line for a message.
pub(super) fn mapping_of(id: u64) -> Option<&'static Mapping> {
    let line = *LINES.get(usize::try_from(id).ok()?)?;
    MESSAGES.get(usize::from(line))
}

/// The line for each id; beyond the table if there is none.
static LINES: [u8; 128] = {
    let mut lines = [u8::MAX; 128];
    let mut line = 0;
    while line < MESSAGES.len() {
        lines[MESSAGES[line].id as usize] = line as u8;
        line += 1;
    }
    lines
};

#[cfg(test)]
mod tests;
