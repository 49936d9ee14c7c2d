//! `gzip`, read as Go's `compress/gzip` reads it, errors included: several members form one stream, and anything after the last member is an
//! error, even zeros.

use std::fmt;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::decoder::{DecodeProgress, TAKEN_BYTES_MAX};

/// Longest file name or comment in a member's header, including its terminator (Go's limit).
const HEADER_TEXT_MAX: usize = 512;

/// What is wrong with a body. The texts are Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GunzipError {
    /// The body is empty.
    Empty,
    /// The body ends inside a member.
    Truncated,
    /// Not a valid member header.
    Header,
    /// The data does not match its checksum or length.
    Checksum,
    /// Not valid deflate data.
    Corrupt {
        /// How many bytes of the member's data had been read.
        offset: u64,
    },
    /// It would inflate to more than the limit.
    TooLarge,
}

impl fmt::Display for GunzipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("EOF"),
            Self::Truncated => f.write_str("unexpected EOF"),
            Self::Header => f.write_str("gzip: invalid header"),
            Self::Checksum => f.write_str("gzip: invalid checksum"),
            Self::Corrupt { offset } => {
                write!(f, "flate: corrupt input before offset {offset}")
            }
            Self::TooLarge => f.write_str("http: request body too large"),
        }
    }
}

/// Where reading failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GzipBodyError {
    /// In the first header.
    #[error("can't create gzip reader: {0}")]
    Open(GunzipError),
    /// After it.
    #[error("can't read gzip body: {0}")]
    Read(GunzipError),
}

/// The decoder.
#[derive(Debug)]
pub(super) struct Gzip {
    state: Decompress,
    crc: Crc,
    at: At,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The first member's header.
    First,
    /// The data of a member.
    Data,
    /// The checksum and length after the data.
    Trailer,
    /// Another member's header, or nothing.
    Next,
}

impl Default for Gzip {
    fn default() -> Self {
        Self { state: Decompress::new(false), crc: Crc::new(), at: At::First }
    }
}

impl Gzip {
    pub(super) fn begin(&mut self) {
        self.at = At::First;
    }

    pub(super) fn step(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<DecodeProgress, GzipBodyError> {
        match self.at {
            At::First => self.header(rest).map_err(GzipBodyError::Open),
            At::Data => self.data(rest, piece).map_err(GzipBodyError::Read),
            At::Trailer => self.trailer(rest).map_err(GzipBodyError::Read),
            At::Next if rest.is_empty() => Ok(DecodeProgress { done: true, ..DecodeProgress::default() }),
            At::Next => self.header(rest).map_err(GzipBodyError::Read),
        }
    }

    fn header(&mut self, rest: &[u8]) -> Result<DecodeProgress, GunzipError> {
        let taken = rest.len() - header(rest)?.len();
        self.state.reset(false);
        self.crc.reset();
        self.at = At::Data;
        Ok(DecodeProgress { taken, ..DecodeProgress::default() })
    }

    fn data(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<DecodeProgress, GunzipError> {
        let input = &rest[..rest.len().min(TAKEN_BYTES_MAX)];
        let (taken, made) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(input, piece, FlushDecompress::None)
            .map_err(|_| GunzipError::Corrupt { offset: self.state.total_in().max(1) })?;
        // Both differences are at most the length of a slice.
        let taken = (self.state.total_in() - taken) as usize;
        let made = (self.state.total_out() - made) as usize;
        self.crc.update(&piece[..made]);
        match status {
            Status::StreamEnd => self.at = At::Trailer,
            _ if taken == 0 && made == 0 => return Err(GunzipError::Truncated),
            _ => {}
        }
        Ok(DecodeProgress { taken, made, done: false })
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<DecodeProgress, GunzipError> {
        let trailer = rest.get(..8).ok_or(GunzipError::Truncated)?;
        let length = self.state.total_out() as u32;
        if trailer[..4] != self.crc.sum().to_le_bytes() || trailer[4..] != length.to_le_bytes() {
            return Err(GunzipError::Checksum);
        }
        self.at = At::Next;
        Ok(DecodeProgress { taken: 8, made: 0, done: rest.len() == 8 })
    }
}

/// Checks a member's header and returns what follows it.
fn header(bytes: &[u8]) -> Result<&[u8], GunzipError> {
    const HAS_CRC: u8 = 1 << 1;
    const HAS_EXTRA: u8 = 1 << 2;
    const HAS_NAME: u8 = 1 << 3;
    const HAS_COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    if bytes.is_empty() {
        return Err(GunzipError::Empty);
    }
    let (fixed, mut rest) = bytes.split_at_checked(10).ok_or(GunzipError::Truncated)?;
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] || flags & RESERVED != 0 {
        return Err(GunzipError::Header);
    }
    if flags & HAS_EXTRA != 0 {
        let (length, tail) = rest.split_at_checked(2).ok_or(GunzipError::Truncated)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        rest = tail.get(length..).ok_or(GunzipError::Truncated)?;
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 {
            let window = &rest[..rest.len().min(HEADER_TEXT_MAX)];
            match window.iter().position(|&byte| byte == 0) {
                Some(end) => rest = &rest[end + 1..],
                None if window.len() == HEADER_TEXT_MAX => return Err(GunzipError::Header),
                None => return Err(GunzipError::Truncated),
            }
        }
    }
    if flags & HAS_CRC != 0 {
        let covered = &bytes[..bytes.len() - rest.len()];
        let (sum, tail) = rest.split_at_checked(2).ok_or(GunzipError::Truncated)?;
        let mut crc = Crc::new();
        crc.update(covered);
        if (crc.sum() as u16).to_le_bytes() != sum {
            return Err(GunzipError::Header);
        }
        rest = tail;
    }
    Ok(rest)
}

#[cfg(test)]
mod tests;
