//! The extension of a record: type u8, length u16, bytes, again and again.

/// The largest extension that a header can describe.
pub const EXT_BYTES_MAX: usize = u16::MAX as usize;

/// The longest query text kept with a batch; longer ones are cut.
pub const QUERY_BYTES_MAX: usize = 200;

/// The types of the entries in an extension. Readers skip types that they do not know.
pub mod ext_type {
    /// The name of an uploaded file.
    pub const FILE_NAME: u8 = 1;
    /// Wall time in milliseconds, u64.
    pub const WALL_TIME_MS: u8 = 2;
    /// The session's row, JSON.
    pub const SESSION_ROW: u8 = 3;
    /// The text of a data type that has no code.
    pub const DATA_TYPE: u8 = 4;
    /// The query text of the batch's request.
    pub const QUERY: u8 = 5;
    /// The table that a row is for.
    pub const TABLE: u8 = 6;
    /// Where a part begins in its whole, in bytes, u64.
    pub const OFFSET: u8 = 7;
}

/// An entry did not fit into the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the extension would pass {EXT_BYTES_MAX} bytes")]
pub struct ExtFull;

/// Writes an extension: type u8, length u16, bytes, again and again. The buffer is the caller's, to be used again.
#[derive(Debug)]
pub struct ExtWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> ExtWriter<'a> {
    /// Begins an extension in `out`, which is cleared.
    pub fn new(out: &'a mut Vec<u8>) -> ExtWriter<'a> {
        out.clear();
        ExtWriter { out }
    }

    /// Adds an entry. An entry that does not fit is left out whole.
    pub fn push(&mut self, ext_type: u8, value: &[u8]) -> Result<(), ExtFull> {
        if self.out.len() + 3 + value.len() > EXT_BYTES_MAX {
            return Err(ExtFull);
        }
        self.out.push(ext_type);
        self.out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.out.extend_from_slice(value);
        Ok(())
    }

    /// Adds the wall time.
    pub fn push_wall_time_ms(&mut self, wall_ms: u64) -> Result<(), ExtFull> {
        self.push(ext_type::WALL_TIME_MS, &wall_ms.to_le_bytes())
    }

    /// Adds a batch's query text, cut to [`QUERY_BYTES_MAX`].
    pub fn push_query(&mut self, query: &[u8]) -> Result<(), ExtFull> {
        self.push(ext_type::QUERY, &query[..query.len().min(QUERY_BYTES_MAX)])
    }
}

/// Reads an extension: an iterator of type and bytes. It ends early where the bytes are cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ext<'a>(pub &'a [u8]);

impl<'a> Ext<'a> {
    /// The first entry of a type.
    pub fn get(&self, ext_type: u8) -> Option<&'a [u8]> {
        let mut entries = *self;
        entries.find(|&(found, _)| found == ext_type).map(|(_, value)| value)
    }

    /// The wall time in milliseconds.
    pub fn wall_time_ms(&self) -> Option<u64> {
        self.get(ext_type::WALL_TIME_MS).and_then(|value| value.try_into().ok()).map(u64::from_le_bytes)
    }
}

impl<'a> Iterator for Ext<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[found, low, high], rest) = self.0.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at_checked(u16::from_le_bytes([low, high]).into())?;
        self.0 = rest;
        Some((found, value))
    }
}
