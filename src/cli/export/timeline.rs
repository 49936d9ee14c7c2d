//! What happened in a session, in words: what a person, or a program that reads text, wants to know first.

use crate::export::timeline::Timeline;

use crate::cli::error::CliError;
use crate::cli::events::offset_text;
use crate::cli::output::{Out, plain};

use super::args::TimelineForm;
use super::collect::Collected;

/// The longest text of a line.
const TEXT_MAX: usize = 300;

/// Writes the timeline.
pub fn write(collected: Collected, form: TimelineForm, out: &mut Out) -> Result<(), CliError> {
    let mut ordered = collected.batches.in_order();
    let mut began_ms = None;
    let mut timeline = Timeline::default();
    while let Some(told) = ordered.next_told().map_err(CliError::Temporary)? {
        let began_ms = *began_ms.get_or_insert(told.at_ms);
        let Some(line) = timeline.line(&told) else { continue };
        match form {
            TimelineForm::Json => out.json(&line)?,
            TimelineForm::Md => {
                let offset = offset_text(told.at_ms.saturating_sub(began_ms));
                let text = format!("- `{offset}` **{}** {}", line.kind, markdown(&line.text));
                // A page begins a part of its own.
                if matches!(line.kind, "page" | "screen") {
                    out.line("")?;
                }
                out.line(&text)?;
            }
        }
    }
    Ok(())
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
