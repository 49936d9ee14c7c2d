//! Ids of stream entries.

use std::fmt;
use std::str::FromStr;

/// An entry's id: the time at which Redis took it, and a number within that millisecond. Ordered as in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct EntryId {
    /// ms since the Unix epoch, by Redis's clock.
    pub(super) time_ms: u64,
    /// The number.
    pub(super) number: u64,
}

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time_ms, number) = text.split_once('-').ok_or(())?;
        Ok(Self { time_ms: time_ms.parse().map_err(drop)?, number: number.parse().map_err(drop)? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time_ms, self.number)
    }
}
