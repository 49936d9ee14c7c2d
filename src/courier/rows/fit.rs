//! A value as a column takes it.

use std::fmt::Write as _;

use crate::courier::{Cause, Trouble};

use super::schema::{FoundColumn, Takes};
use super::table::{Kind, first_chars};
use super::value::Value;

/// A value as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent<'a> {
    /// Null.
    Null,
    /// A number.
    Integer(i64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(&'a str),
}

/// Why a value cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The column's type lacks a label that every release has.
    Column(Cause),
    /// The row's own number is out of the column's range.
    Row(Cause),
}

/// The value that a column gets. Texts are cut to `chars_max` characters.
pub fn sent<'a>(value: &'a Value, found: &'a FoundColumn, chars_max: usize) -> Result<Sent<'a>, Unfit> {
    match (value, &found.takes) {
        (Value::Null, _) if !found.not_null => Ok(Sent::Null),
        (Value::Null, takes) => unknown(found, takes),
        (Value::Bool(truth), _) => Ok(Sent::Bool(*truth)),
        (&Value::Integer(number), &Takes::Integers { min, max }) => match found.column.kind {
            Kind::Id if !(min..=max).contains(&number) => Err(Unfit::Row(out_of_range(number, found))),
            _ => Ok(Sent::Integer(number.clamp(min, max))),
        },
        (Value::Integer(number), _) => Ok(Sent::Integer(*number)),
        (Value::Text(text), Takes::Labels(labels)) => label(text, found, labels),
        (Value::Text(text), _) => Ok(Sent::Text(first_chars(text, chars_max))),
    }
}

/// What stands for an unknown value where null is refused.
fn unknown<'a>(found: &'a FoundColumn, takes: &'a Takes) -> Result<Sent<'a>, Unfit> {
    Ok(match takes {
        Takes::Integers { .. } | Takes::Numbers => Sent::Integer(0),
        Takes::Texts => Sent::Text(""),
        Takes::Uuids => Sent::Text("00000000-0000-0000-0000-000000000000"),
        Takes::Bools => Sent::Bool(false),
        Takes::Labels(labels) => return label("", found, labels),
    })
}

/// The label, or the one for those that the type does not have.
fn label<'a>(text: &'a str, found: &'a FoundColumn, labels: &'a [String]) -> Result<Sent<'a>, Unfit> {
    let has = |wanted: &str| labels.iter().any(|label| label == wanted);
    if has(text) {
        return Ok(Sent::Text(text));
    }
    match found.column.kind {
        Kind::Label(Some(other)) if has(other) => Ok(Sent::Text(other)),
        _ if !found.not_null => Ok(Sent::Null),
        kind => {
            let wanted = if let Kind::Label(Some(other)) = kind { other } else { text };
            let mut said = format!("type {} of column {} lacks the label", found.type_name, found.column.name);
            // Writing to a text can't fail.
            let _ = write!(said, " {:?}", first_chars(wanted, 64));
            Err(Unfit::Column(Cause::new(Trouble::Mismatch, "22P02", said)))
        }
    }
}

fn out_of_range(number: i64, found: &FoundColumn) -> Cause {
    let text = format!("{number} is out of range for column {} of type {}", found.column.name, found.type_name);
    Cause::new(Trouble::RefusesRecord, "22003", text)
}

#[cfg(test)]
mod tests;
