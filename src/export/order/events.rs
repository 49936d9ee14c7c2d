//! Messages that tell what happened, by their own names.

use serde_json::{Map, Value as Json};

use crate::tracker::{Body, Message, Value};

use super::told::What;

/// The messages that tell what happened, besides what is seen.
const EVENTS: [&str; 68] = [
    "AssetCache",
    "ConnectionInformation",
    "ConsoleLog",
    "CustomEvent",
    "CustomIssue",
    "Fetch",
    "GraphQL",
    "GraphQLDeprecated",
    "Incident",
    "InputChange",
    "IntegrationEvent",
    "IssueEvent",
    "IssueEventDeprecated",
    "JSException",
    "JSExceptionDeprecated",
    "LongAnimationTask",
    "LongTask",
    "Metadata",
    "MobX",
    "MobileClickEvent",
    "MobileCrash",
    "MobileEvent",
    "MobileGraphQL",
    "MobileInputEvent",
    "MobileInternalError",
    "MobileIssueEvent",
    "MobileLog",
    "MobileMetadata",
    "MobileNetworkCall",
    "MobilePerformanceEvent",
    "MobileScreenChanges",
    "MobileSwipeEvent",
    "MobileUserAnonymousID",
    "MobileUserID",
    "MobileViewComponentEvent",
    "MouseClick",
    "MouseClickDeprecated",
    "MouseThrashing",
    "NetworkRequest",
    "NetworkRequestDeprecated",
    "NgRx",
    "OTable",
    "PageEvent",
    "PageEventDeprecated",
    "PageLoadTiming",
    "PageRenderTiming",
    "PerformanceTrack",
    "Profiler",
    "Redux",
    "ReduxDeprecated",
    "ResourceTiming",
    "ResourceTimingDeprecated",
    "ResourceTimingDeprecatedDeprecated",
    "SelectionChange",
    "SetInputTarget",
    "SetPageLocation",
    "SetPageLocationDeprecated",
    "SetPageVisibility",
    "StateAction",
    "TabChange",
    "TagTrigger",
    "TechnicalInfo",
    "UserAnonymousID",
    "UserID",
    "Vuex",
    "WSChannel",
    "WebVitals",
    "Zustand",
];

/// What happened, by the message's own names.
pub(super) fn event(message: &Message<'_>) -> Option<What> {
    if matches!(message.body, Body::Broken(_) | Body::Unknown) || EVENTS.binary_search(&message.name).is_err() {
        return None;
    }
    let mut fields = Map::new();
    for (name, value) in message.fields() {
        let value = match value {
            Value::Uint(value) => Json::from(value),
            Value::Int(value) => Json::from(value),
            Value::Bool(value) => Json::from(value),
            Value::Str(bytes) => Json::from(String::from_utf8_lossy(bytes)),
        };
        fields.insert(name.to_owned(), value);
    }
    Some(What::Event(message.name, Json::Object(fields)))
}
