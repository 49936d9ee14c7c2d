//! What happened in a session, in words: what a person, or a program that reads text, wants to know first.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::order::{Told, What};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Client time in Unix ms.
    pub at_ms: i64,
    /// The browser's tab.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tab: String,
    /// `page`, `screen`, `click`, `swipe`, `input`, `request`, `error`, `console`, `custom`, `issue`, `performance`, `user` or `gap`.
    pub kind: &'static str,
    /// What happened.
    pub text: String,
}

/// More tabs than a visitor has. Beyond it, a page may be told twice.
const TABS_MAX: usize = 256;
/// Longer addresses are told each time.
const LOCATION_BYTES_MAX: usize = 64 << 10;

/// Makes lines of a session's messages, given in the order of their times.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The page of each tab.
    location: BTreeMap<String, String>,
}

impl Timeline {
    /// The line for a message; `None` for one that nobody asks about.
    pub fn line(&mut self, told: &Told) -> Option<Line> {
        let (kind, text) = match &told.what {
            What::Gap => ("gap", "batches are missing here".to_owned()),
            What::Page(_) => return None,
            What::Event(name, fields) => event(name, fields)?,
        };
        let tab = told.tab.to_string();
        if self.location.len() >= TABS_MAX {
            self.location.clear();
        }
        if kind == "page"
            && text.len() <= LOCATION_BYTES_MAX
            && self.location.insert(tab.clone(), text.clone()).as_ref() == Some(&text)
        {
            return None;
        }
        Some(Line { at_ms: told.at_ms, tab, kind, text })
    }
}

fn event(name: &str, fields: &Json) -> Option<(&'static str, String)> {
    let text = |field: &str| fields.get(field).and_then(Json::as_str).unwrap_or_default().to_owned();
    let number = |field: &str| fields.get(field).and_then(Json::as_u64).unwrap_or_default();
    Some(match name {
        "SetPageLocation" | "SetPageLocationDeprecated" => {
            let title = text("DocumentTitle");
            ("page", if title.is_empty() { text("URL") } else { format!("{} ({title})", text("URL")) })
        }
        "MouseClick" | "MouseClickDeprecated" => {
            let label = text("Label");
            ("click", if label.is_empty() { text("Selector") } else { label })
        }
        "InputChange" => {
            let value =
                if fields.get("ValueMasked") == Some(&Json::Bool(true)) { "(masked)".into() } else { text("Value") };
            ("input", format!("{}: {value}", text("Label")))
        }
        "NetworkRequest" | "NetworkRequestDeprecated" | "Fetch" => {
            let request =
                format!("{} {} → {} in {} ms", text("Method"), text("URL"), number("Status"), number("Duration"));
            ("request", request)
        }
        "GraphQL" | "GraphQLDeprecated" => ("request", format!("{} {}", text("OperationKind"), text("OperationName"))),
        "JSException" | "JSExceptionDeprecated" => ("error", format!("{}: {}", text("Name"), text("Message"))),
        "ConsoleLog" => ("console", format!("{}: {}", text("Level"), text("Value"))),
        "CustomEvent" => ("custom", format!("{} {}", text("Name"), text("Payload"))),
        "CustomIssue" => ("issue", format!("{} {}", text("Name"), text("Payload"))),
        "IssueEvent" | "IssueEventDeprecated" => ("issue", format!("{} {}", text("Type"), text("ContextString"))),
        "MouseThrashing" => ("issue", "the pointer was shaken".to_owned()),
        "UserID" => ("user", text("ID")),
        _ => return of_phone(name, fields),
    })
}

/// What happened on a phone.
fn of_phone(name: &str, fields: &Json) -> Option<(&'static str, String)> {
    let text = |field: &str| fields.get(field).and_then(Json::as_str).unwrap_or_default();
    let number = |field: &str| fields.get(field).and_then(Json::as_u64).unwrap_or_default();
    let is = |field: &str| fields.get(field) == Some(&Json::Bool(true));
    let place = |label: &str| match label {
        "" => format!("at {}, {}", number("X"), number("Y")),
        label => label.to_owned(),
    };
    Some(match name {
        "MobileViewComponentEvent" if is("Visible") => {
            ("screen", format!("{} ({})", text("ScreenName"), text("ViewName")))
        }
        "MobileClickEvent" => ("click", place(text("Label"))),
        "MobileSwipeEvent" => ("swipe", format!("{}: {}", place(text("Label")), text("Direction"))),
        "MobileInputEvent" => {
            let value = if is("ValueMasked") { "(masked)" } else { text("Value") };
            ("input", format!("{}: {value}", text("Label")))
        }
        "MobileNetworkCall" => {
            let request =
                format!("{} {} → {} in {} ms", text("Method"), text("URL"), number("Status"), number("Duration"));
            ("request", request)
        }
        "MobileGraphQL" => ("request", format!("{} {}", text("OperationKind"), text("OperationName"))),
        "MobileLog" => ("console", format!("{}: {}", text("Severity"), text("Content"))),
        "MobileCrash" => ("error", format!("crash: {}: {}", text("Name"), text("Reason"))),
        "MobileInternalError" => ("error", text("Content").to_owned()),
        "MobilePerformanceEvent" => ("performance", format!("{}: {}", text("Name"), number("Value"))),
        "MobileEvent" => ("custom", format!("{} {}", text("Name"), text("Payload"))),
        "MobileMetadata" => ("custom", format!("{}: {}", text("Key"), text("Value"))),
        "MobileIssueEvent" => ("issue", format!("{} {}", text("Type"), text("ContextString"))),
        "MobileUserID" => ("user", text("ID").to_owned()),
        _ => return None,
    })
}
