//! Gzip bodies of JSON requests, bounded in both their forms.
//!
//! Read as Go's `compress/gzip` reads them, errors included: several members are one stream, and
//! whatever follows the last of them is an error, zeros too.

use std::fmt;

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Longest file name or comment in a member's header, its end included (Go's limit).
const HEADER_TEXT_MAX: usize = 512;
/// What one step of inflating may add.
const STEP_BYTES: usize = 16 * 1024;

/// What is wrong with a body. The texts are Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GunzipError {
    /// The body is empty.
    Empty,
    /// The body ends in mid member.
    Truncated,
    /// Not the header of a member.
    Header,
    /// The data is not what was packed.
    Checksum,
    /// Not deflate data; the offset counts within the member's data.
    Corrupt {
        /// Bytes of the data that had been taken by then.
        offset: u64,
    },
    /// It would inflate to more than is allowed.
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
pub enum BodyError {
    /// In the first header.
    #[error("can't create gzip reader: {0}")]
    Open(GunzipError),
    /// Behind it.
    #[error("can't read gzip body: {0}")]
    Read(GunzipError),
}

/// An inflater whose state is reused.
#[derive(Debug)]
pub struct Gunzip {
    state: Decompress,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self::new()
    }
}

impl Gunzip {
    /// A fresh one.
    pub fn new() -> Self {
        Self { state: Decompress::new(false) }
    }

    /// Replaces the content of `out` by the inflated `body`, of `limit` bytes at most.
    pub fn inflate(&mut self, body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
        out.clear();
        let mut rest = header(body).map_err(BodyError::Open)?;
        loop {
            rest = self.member(rest, limit, out).map_err(BodyError::Read)?;
            if rest.is_empty() {
                return Ok(());
            }
            rest = header(rest).map_err(BodyError::Read)?;
        }
    }

    /// Inflates the data of one member, checks its trailer, and returns what follows.
    fn member<'a>(&mut self, data: &'a [u8], limit: usize, out: &mut Vec<u8>) -> Result<&'a [u8], GunzipError> {
        self.state.reset(false);
        let first = out.len();
        loop {
            let input = &data[self.state.total_in() as usize..];
            // One byte above the limit, so that an exact fit can be told from too much.
            let room = limit.saturating_add(1).saturating_sub(out.len()).min(STEP_BYTES);
            out.reserve(room);
            let (taken, made) = (self.state.total_in(), out.len());
            let step = self.state.decompress_vec(input, out, FlushDecompress::None);
            if out.len() > limit {
                return Err(GunzipError::TooLarge);
            }
            match step {
                Ok(Status::StreamEnd) => break,
                Ok(_) if self.state.total_in() > taken || out.len() > made => {}
                Ok(_) => return Err(GunzipError::Truncated),
                Err(_) => {
                    return Err(GunzipError::Corrupt { offset: self.state.total_in().max(1) });
                }
            }
        }
        let rest = &data[self.state.total_in() as usize..];
        let (trailer, rest) = rest.split_at_checked(8).ok_or(GunzipError::Truncated)?;
        let mut crc = Crc::new();
        crc.update(&out[first..]);
        let length = (out.len() - first) as u32;
        if trailer[..4] != crc.sum().to_le_bytes() || trailer[4..] != length.to_le_bytes() {
            return Err(GunzipError::Checksum);
        }
        Ok(rest)
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
#[path = "gunzip_tests.rs"]
mod tests;
