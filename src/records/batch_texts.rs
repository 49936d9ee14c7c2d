//! Texts from a web batch's request that do not fit into the record's header.

use crate::log::format::record::{DataType, Ext, ExtWriter, QUERY_BYTES_MAX, ext_type};

/// How much of an unknown data type's text is kept, in bytes.
const DATA_TYPE_BYTES_MAX: usize = 200;

// Two entries, each with a type and a length, always fit into an extension.
const _: () = assert!(3 + DATA_TYPE_BYTES_MAX + 3 + QUERY_BYTES_MAX < crate::log::format::record::EXT_BYTES_MAX);

/// The extension of a web batch, usable or not. Texts are as the client sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchTexts<'a> {
    /// The `DataType`, if it has no code.
    pub data_type: Option<&'a [u8]>,
    /// The `batch` parameter; never an empty text.
    pub query: Option<&'a [u8]>,
}

impl<'a> BatchTexts<'a> {
    /// Writes the extension to `out`, which is cleared first. Long texts are cut.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut writer = ExtWriter::new(out);
        // Both fit, as asserted above.
        if let Some(text) = self.data_type {
            let _ = writer.push(ext_type::DATA_TYPE, &text[..text.len().min(DATA_TYPE_BYTES_MAX)]);
        }
        if let Some(query) = self.query {
            let _ = writer.push_query(query);
        }
    }

    /// The texts in an extension.
    pub fn read(ext: &Ext<'a>) -> Self {
        Self { data_type: ext.get(ext_type::DATA_TYPE), query: ext.get(ext_type::QUERY) }
    }
}

/// The code of a `DataType` header, and the header's text if it has no code. A missing or empty header means `all`.
pub fn data_type_of(header: Option<&[u8]>) -> (DataType, Option<&[u8]>) {
    let Some(text) = header.filter(|text| !text.is_empty()) else {
        return (DataType::All, None);
    };
    let known = match text {
        b"all" => DataType::All,
        b"player" => DataType::Player,
        b"assets" => DataType::Assets,
        b"devtools" => DataType::Devtools,
        b"analytics" => DataType::Analytics,
        b"visual" => DataType::Visual,
        b"replay" => DataType::Replay,
        _ => return (DataType::Other, Some(text)),
    };
    (known, None)
}

/// The `DataType` header of a batch; `None` for `all`. `other` is the text of a type without a code.
pub fn header_of(data_type: DataType, other: Option<&[u8]>) -> Option<&[u8]> {
    match data_type {
        // No header means the same, and is what old trackers send.
        DataType::All => None,
        DataType::Other => other,
        known => Some(known.as_str().as_bytes()),
    }
}

#[cfg(test)]
mod tests;
