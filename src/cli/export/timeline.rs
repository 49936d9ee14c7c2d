//! What happened in a session, in words: what a person, or a program that reads text, wants to know first.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value as Json;

use crate::export::order::{Told, What};

use crate::cli::error::CliError;
use crate::cli::events::offset_text;
use crate::cli::output::{Out, plain};

use super::collect::Collected;

/// How a timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimelineForm {
    /// Markdown, for people.
    Md,
    /// A line of JSON for each event.
    Json,
}

/// The longest text of a line.
const TEXT_MAX: usize = 300;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Client time in Unix ms.
    at_ms: i64,
    /// The browser's tab.
    #[serde(skip_serializing_if = "String::is_empty")]
    tab: String,
    /// `page`, `click`, `input`, `request`, `error`, `console`, `custom`, `issue`, `user` or `gap`.
    kind: &'static str,
    /// What happened.
    text: String,
}

/// Writes the timeline.
pub fn write(collected: Collected, form: TimelineForm, out: &mut Out) -> Result<(), CliError> {
    let mut ordered = collected.batches.in_order();
    let mut began_ms = None;
    let mut location = BTreeMap::new();
    while let Some(told) = ordered.next_told().map_err(CliError::Temporary)? {
        let began_ms = *began_ms.get_or_insert(told.at_ms);
        let Some(line) = line(&told, &mut location) else { continue };
        match form {
            TimelineForm::Json => out.json(&line)?,
            TimelineForm::Md => {
                let offset = offset_text(told.at_ms.saturating_sub(began_ms));
                let text = format!("- `{offset}` **{}** {}", line.kind, markdown(&line.text));
                // A page begins a part of its own.
                if line.kind == "page" {
                    out.line("")?;
                }
                out.line(&text)?;
            }
        }
    }
    Ok(())
}

/// The line for a message; `None` for one that nobody asks about.
fn line(told: &Told, location: &mut BTreeMap<String, String>) -> Option<Line> {
    let (kind, text) = match &told.what {
        What::Gap => ("gap", "batches are missing here".to_owned()),
        What::Page(_) => return None,
        What::Event(name, fields) => event(name, fields)?,
    };
    let tab = told.tab.to_string();
    if kind == "page" && location.insert(tab.clone(), text.clone()).as_ref() == Some(&text) {
        return None;
    }
    Some(Line { at_ms: told.at_ms, tab, kind, text })
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
        _ => return None,
    })
}

/// A text of a stranger as Markdown that shows it and does nothing else.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in plain(text, TEXT_MAX).chars() {
        if char.is_ascii_punctuation() && !matches!(char, ',' | '.' | ':' | ';' | '/' | '?' | '%' | '=' | '\'' | '"') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}
