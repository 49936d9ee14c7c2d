//! Batches as trackers make them.

use takeup::tracker::{write_string, write_uint};

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub enum Field<'a> {
    Text(&'a str),
    Number(u64),
}

use Field::{Number, Text};

fn fields(all: &[Field<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in all {
        match field {
            Text(text) => write_string(&mut out, text.as_bytes()),
            Number(number) => write_uint(&mut out, *number),
        }
    }
    out
}

/// A message of a browser, with its size.
pub fn message(id: u64, all: &[Field<'_>]) -> Vec<u8> {
    let (mut out, fields) = (Vec::new(), fields(all));
    write_uint(&mut out, id);
    out.extend(&(fields.len() as u32).to_le_bytes()[..3]);
    out.extend(fields);
    out
}

/// A batch of a browser, of one page.
pub fn batch(url: &str, messages: &[Vec<u8>]) -> Vec<u8> {
    // BatchMetadata: version, page, first index, time, address.
    let mut out = Vec::new();
    write_uint(&mut out, 81);
    out.extend(fields(&[Number(1), Number(1), Number(1), Number(2 * 1_700_000_000_000), Text(url)]));
    out.extend(messages.concat());
    out
}

/// A message of a phone, which has its time, and the length of what follows.
pub fn phone_message(id: u64, all: &[Field<'_>]) -> Vec<u8> {
    let (mut out, fields) = (Vec::new(), fields(all));
    write_uint(&mut out, id);
    write_uint(&mut out, 1_700_000_000_001);
    write_uint(&mut out, fields.len() as u64);
    out.extend(fields);
    out
}

/// A batch of a phone.
pub fn phone_batch(messages: &[Vec<u8>]) -> Vec<u8> {
    [phone_message(107, &[Number(1)]), messages.concat()].concat()
}
