//! The fast path for plain documents: simd-json, in place.
//!
//! It accepts only documents on which both readers certainly agree, and leaves all others to the full reader, which decides and makes the
//! error texts. It leaves: what simd-json refuses (lone surrogates, bytes that are not UTF-8, numbers beyond 64 bits, deep nesting, syntax
//! errors), anything but an object, values that their fields cannot take, and, among the members that are read, fractions and `-0`, because
//! the tape does not say how a number was written.

use std::{fmt, mem};

use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape, fill_tape_padded};

use super::fields::{Depth, Fields, KEY_BYTES_MAX, Value, fold};

/// Longer documents are left to the full reader. No real start request is that long, and this keeps the buffers below 1 MiB.
const BYTES_MAX: usize = 16 * 1024;

/// Buffers of the fast path, reused from document to document.
pub(super) struct Fast {
    /// The document, with the padding that simd-json may read. Strings are unescaped in place.
    document: Vec<u8>,
    buffers: Buffers,
    /// Empty between documents.
    tape: Tape<'static>,
}

impl Default for Fast {
    fn default() -> Self {
        Self { document: Vec::new(), buffers: Buffers::new(0), tape: Tape(Vec::new()) }
    }
}

impl fmt::Debug for Fast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fast").finish_non_exhaustive()
    }
}

impl Fast {
    /// Reads `input` into `fields`. Returns false if it is not plain; `fields` are then partly set.
    pub(super) fn read<F: Fields>(&mut self, input: &[u8], fields: &mut F) -> bool {
        if input.len() > BYTES_MAX {
            return false;
        }
        self.document.clear();
        self.document.extend_from_slice(input);
        self.document.resize(input.len() + INPUT_PADDING, b' ');
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = fill_tape_padded(&mut self.document, input.len(), &mut self.buffers, &mut tape);
        let read = parsed.is_ok() && walk(&tape.0, fields).is_some();
        self.tape = tape.reset();
        read
    }
}

/// Takes the members of the outermost object in order. Deeper objects are skipped unless `fields` enter them.
fn walk<F: Fields>(nodes: &[Node<'_>], fields: &mut F) -> Option<()> {
    let (Node::Object { .. }, members) = nodes.split_first()? else { return None };
    take_members(members, fields, Depth::Outermost)
}

fn take_members<F: Fields>(mut members: &[Node<'_>], fields: &mut F, depth: Depth) -> Option<()> {
    while let [Node::String(key), value, rest @ ..] = members {
        members = rest;
        let mut folded = [0; KEY_BYTES_MAX];
        let key = fold(key, &mut folded);
        if let Node::Object { count, .. } = *value
            && depth == Depth::Outermost
            && key.is_some_and(|key| fields.enters(key))
        {
            let (inner, behind) = rest.split_at_checked(count)?;
            take_members(inner, fields, Depth::Entered)?;
            members = behind;
            continue;
        }
        let value = match *value {
            Node::String(text) => Value::String(text),
            Node::Static(StaticNode::Null) => Value::Null,
            Node::Static(StaticNode::Bool(truth)) => Value::Bool(truth),
            Node::Static(StaticNode::U64(number)) => Value::Integer(number.into()),
            Node::Static(StaticNode::I64(number)) if number != 0 => Value::Integer(number.into()),
            Node::Static(_) => return None,
            Node::Object { count, .. } => {
                members = rest.get(count..)?;
                Value::Object
            }
            Node::Array { count, .. } => {
                members = rest.get(count..)?;
                Value::Array
            }
        };
        if let Some(key) = key {
            fields.set(key, value).ok()?;
        }
    }
    members.is_empty().then_some(())
}

#[cfg(test)]
mod tests;
