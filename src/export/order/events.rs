//! Messages that tell what happened, by their own names.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use crate::export::said::text_of;
use crate::tracker::{Body, Era, IdSet, Message, Value, message_spec};

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

/// Their ids. The one that was reassigned is of none of them.
static IDS: LazyLock<IdSet> = LazyLock::new(|| {
    let is_event = |id: &u64| message_spec(*id).is_some_and(|spec| EVENTS.contains(&spec.name(Era::Main)));
    (0..128).filter(is_event).fold(IdSet::NONE, IdSet::with)
});

/// What happened, by the message's own names.
pub(super) fn event(message: &Message<'_>) -> Option<What> {
    if matches!(message.body, Body::Broken(_) | Body::Unknown) || !IDS.has(message.id) {
        return None;
    }
    let mut fields = Map::new();
    for (name, value) in message.fields() {
        let value = match value {
            Value::Uint(value) => Json::from(value),
            Value::Int(value) => Json::from(value),
            Value::Bool(value) => Json::from(value),
            Value::Str(bytes) => Json::from(text_of(bytes)),
        };
        fields.insert(name.to_owned(), value);
    }
    Some(What::Event(message.name, Json::Object(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_these_names_is_of_one_id_in_either_era() {
        for era in [Era::Main, Era::Seed] {
            let names = |id| message_spec(id).map(|spec| spec.name(era));
            let mut found: Vec<&str> = (0..128).filter(|id| IDS.has(*id)).filter_map(names).collect();
            found.sort_unstable();
            assert_eq!(found, EVENTS, "{era:?}");
        }
    }
}
