//! A batch as a line of NDJSON: what [`RecordJson`] gives, written without allocations.

use uuid::Uuid;

use crate::base::base64::push_base64;
use crate::cli::error::CliError;
use crate::cli::output::write_json;
use crate::log::format::record::Record;
use crate::records::{BatchTexts, RecordJson};

/// Appends a record's line, with its line feed.
///
/// # Errors
/// None that a vector in memory could give.
pub fn put_line(record: &Record<'_>, out: &mut Vec<u8>) -> Result<(), CliError> {
    if BatchTexts::read(&record.ext).data_type.is_some() {
        // A text from the client: it may need escapes.
        write_json(&mut *out, &RecordJson::of(record))?;
        out.push(b'\n');
        return Ok(());
    }
    out.extend_from_slice(b"{\"id\":\"");
    let mut uuid = Uuid::encode_buffer();
    out.extend_from_slice(record.id.log.hyphenated().encode_lower(&mut uuid).as_bytes());
    for number in [u64::from(record.id.core), record.id.segment, record.id.offset] {
        out.push(b'/');
        put_number(number, out);
    }
    out.extend_from_slice(b"\",\"received_us\":");
    put_number(record.order_us, out);
    put_text(",\"kind\":\"", record.kind.as_str(), out);
    out.extend_from_slice(b"\",\"session_id\":\"");
    put_number(record.session, out);
    out.extend_from_slice(b"\",\"project_id\":");
    put_number(record.project.into(), out);
    put_text(",\"topic\":\"", record.topic.as_str(), out);
    put_optional("\",\"page\":", record.label.map(|label| label.page), out);
    put_optional(",\"number\":", record.label.map(|label| label.number), out);
    put_text(",\"data_type\":\"", record.data_type.as_str(), out);
    put_text("\",\"encoding\":\"", record.encoding.as_str(), out);
    out.push(b'"');
    if record.split != 0 {
        put_optional(",\"split\":", Some(record.split), out);
    }
    let flags = record.flags.names();
    if !flags.is_empty() {
        out.extend_from_slice(b",\"flags\":[");
        for (at, flag) in flags.iter().enumerate() {
            put_text(if at == 0 { "\"" } else { "\",\"" }, flag, out);
        }
        out.extend_from_slice(b"\"]");
    }
    if !record.ext.0.is_empty() {
        out.extend_from_slice(b",\"ext\":\"");
        push_base64(record.ext.0, out);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"body\":\"");
    push_base64(record.payload, out);
    out.extend_from_slice(b"\"}\n");
    Ok(())
}

/// Appends what comes before a text, and the text.
fn put_text(before: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_optional(before: &str, number: Option<u32>, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    match number {
        Some(number) => put_number(number.into(), out),
        None => out.extend_from_slice(b"null"),
    }
}

fn put_number(mut number: u64, out: &mut Vec<u8>) {
    // The largest has 20 digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests;
