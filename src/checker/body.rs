//! The check of a stored batch: its body is inflated in the record's coding, up to a limit, and its structure is checked along the way.

use crate::codec::inflate::{InflateError, Inflater};
use crate::log::format::record::Record;
use crate::records::coding_of;
use crate::tracker::{BatchFacts, BatchFault, Checker, Era, FaultKind};

/// Why a body failed its check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It does not inflate.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The batch is malformed.
    #[error(transparent)]
    Batch(#[from] BatchFault),
}

/// The kinds of faults, as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFaultKind {
    /// It does not inflate.
    Compression,
    /// It does not begin with metadata, or has metadata elsewhere.
    Metadata,
    /// A message's size points beyond the end.
    Size,
    /// It ends too early.
    Truncated,
    /// No second batch begins at its split.
    Split,
    /// Anything else.
    Other,
}

impl BodyFaultKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Compression, Self::Metadata, Self::Size, Self::Truncated, Self::Split, Self::Other];

    /// Its name in metrics and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compression => "compression",
            Self::Metadata => "metadata",
            Self::Size => "size",
            Self::Truncated => "truncated",
            Self::Split => "split",
            Self::Other => "other",
        }
    }

    /// What OpenReplay does with such a batch; its services read a batch as a whole or not at all.
    pub const fn cost(self) -> &'static str {
        match self {
            Self::Compression => "refused: its tracker tries ten times more, then stops recording",
            Self::Split => "cut in the wrong place: both halves are dropped",
            _ => "dropped as a whole: its messages are missing from the session",
        }
    }
}

impl BodyFault {
    /// Its kind.
    pub const fn kind(&self) -> BodyFaultKind {
        match self {
            Self::Inflate(_) => BodyFaultKind::Compression,
            Self::Batch(fault) => match fault.kind {
                FaultKind::NoMetadata { .. } | FaultKind::MetadataMisplaced => BodyFaultKind::Metadata,
                FaultKind::SizeOverrun { .. } => BodyFaultKind::Size,
                FaultKind::Truncated | FaultKind::Empty => BodyFaultKind::Truncated,
                FaultKind::Split { .. } => BodyFaultKind::Split,
                FaultKind::UintOverflow | FaultKind::StringTooLong { .. } | FaultKind::UnknownUnsized { .. } => {
                    BodyFaultKind::Other
                }
            },
        }
    }

    /// Where the fault is, in bytes from the start of the inflated body. `None`: the body does not inflate.
    pub const fn offset(&self) -> Option<u64> {
        match self {
            Self::Inflate(_) => None,
            Self::Batch(fault) => Some(fault.offset),
        }
    }
}

/// Inflates and checks bodies. Its decoders are reused.
#[derive(Debug, Default)]
pub struct BodyReader {
    inflater: Inflater,
    inflated: Vec<u8>,
}

impl BodyReader {
    /// Checks the structure of a record's body, of at most `limit` inflated bytes, without keeping it. If the tracker's generation is
    /// unknown, the body is valid if it is valid for either of the two.
    pub fn check(&mut self, record: &Record<'_>, limit: usize, era: Option<Era>) -> Result<BatchFacts, BodyFault> {
        let split = (record.split > 0).then_some(record.split as usize);
        let mut first = Ok(Checker::new(split, era.unwrap_or(Era::Main)));
        let mut second = Ok(Checker::new(split, era.unwrap_or(Era::Seed)));
        let mut push = |piece: &[u8]| {
            advance(&mut first, piece);
            advance(&mut second, piece);
            match (&first, &second) {
                (Err(fault), Err(_)) => Err(BodyFault::Batch(*fault)),
                _ => Ok(()),
            }
        };
        match coding_of(record.encoding) {
            None => push(record.payload)?,
            Some(coding) => self.inflater.pieces::<BodyFault>(coding, record.payload, limit, push)?,
        }
        let first = first.and_then(Checker::finish);
        Ok(first.or_else(|fault| second.and_then(Checker::finish).map_err(|_| fault))?)
    }

    /// A record's body, inflated to at most `limit` bytes.
    pub fn plain<'a>(&'a mut self, record: &Record<'a>, limit: usize) -> Result<&'a [u8], InflateError> {
        let Some(coding) = coding_of(record.encoding) else { return Ok(record.payload) };
        self.inflater.inflate(coding, record.payload, limit, &mut self.inflated)?;
        Ok(&self.inflated)
    }
}

fn advance(checker: &mut Result<Checker, BatchFault>, piece: &[u8]) {
    if let Ok(at) = checker
        && let Err(fault) = at.push(piece)
    {
        *checker = Err(fault);
    }
}
