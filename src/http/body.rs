//! A request's body, decoded in place in the connection's buffer: as a whole, or piece by piece, with each piece removed from the buffer before
//! the next is read.

use std::ops::Range;

use super::bytes::{is_text_byte, is_token_byte};
use super::{Buffer, Framing, Limits, Reject};

/// The most that [`BodyStatus::More`] asks for at once.
const WANT_BYTES_MAX: usize = 256 * 1024;

/// What is asked for while the length of a chunked body's next chunk is not known.
const WANT_BYTES_LINE: usize = 1024;

/// The CRLF after a chunk's data, and a last chunk without extensions and trailers.
const CHUNK_END_BYTES: usize = b"\r\n0\r\n\r\n".len();

/// Whether a body is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyStatus {
    /// Read more bytes to the end of the buffer, then call again.
    More {
        /// How much room to make, at most 256 KiB. It is not a promise of how much will come.
        want: usize,
    },
    /// The body is whole.
    Done,
}

/// A body that is being received. The decoded bytes are contiguous in the buffer, from the place where the body began, without those that were
/// taken out.
#[derive(Clone, Debug)]
pub struct Body {
    start: usize,
    /// End of the decoded bytes.
    end: usize,
    /// Where the bytes begin that have not been decoded.
    raw: usize,
    /// Decoded bytes that were taken out of the buffer.
    taken: u64,
    limit: u64,
    chunk_line_bytes: usize,
    trailer_bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Length(usize),
    Chunked { place: Place, line_bytes: usize },
    Done,
}

/// The exact position in a chunked body's grammar, so that no byte is looked at twice.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At a chunk line's first digit.
    SizeStart,
    /// After at least one digit.
    Size(u64),
    /// In blanks between the size and a semicolon.
    SizeBlank(u64),
    Extension(u64),
    /// After a chunk line's CR.
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the empty line that ends the body.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    /// After the last CR.
    EndLf,
    End,
}

impl Body {
    /// A body whose bytes begin at index `start` of the buffer, after the head. `limit` is the route's, in decoded bytes.
    ///
    /// # Errors
    ///
    /// 413 if the announced length exceeds the limit.
    pub fn new(framing: Framing, start: usize, limit: u64, limits: &Limits) -> Result<Self, Reject> {
        let state = match framing {
            Framing::None => State::Done,
            Framing::Length(length) if length > limit => return Err(TOO_LARGE),
            Framing::Length(length) => State::Length(usize::try_from(length).map_err(|_| TOO_LARGE)?),
            Framing::Chunked => State::Chunked { place: Place::SizeStart, line_bytes: 0 },
        };
        Ok(Self {
            start,
            end: start,
            raw: start,
            taken: 0,
            limit,
            chunk_line_bytes: limits.chunk_line_bytes,
            trailer_bytes: limits.trailer_bytes,
            state,
        })
    }

    /// Decodes the new bytes in `buf`. The data of a chunked body is moved down over the chunk lines, and until the body is complete, `buf` is
    /// truncated to the decoded bytes.
    ///
    /// # Errors
    ///
    /// 400 for malformed chunks, 413 for a body over its limit, 431 for trailers over theirs. The buffer's content after the body's start is
    /// then unspecified.
    pub fn advance(&mut self, buf: &mut Buffer) -> Result<BodyStatus, Reject> {
        match self.state {
            State::Done => Ok(BodyStatus::Done),
            State::Length(length) => Ok(self.advance_length(length, buf.len())),
            State::Chunked { place, line_bytes } => self.advance_chunked(place, line_bytes, buf),
        }
    }

    /// The range of the decoded bytes so far.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Removes the first `count` decoded bytes from the buffer, or all of them if there are fewer.
    pub fn take(&mut self, count: usize, buf: &mut Buffer) {
        let count = count.min(self.end - self.start);
        buf.remove(self.start..self.start + count);
        self.taken += count as u64;
        self.end -= count;
        self.raw -= count;
        if let State::Length(length) = &mut self.state {
            *length -= count;
        }
    }

    /// The number of decoded bytes so far, including those taken out.
    pub fn received(&self) -> u64 {
        self.taken + (self.end - self.start) as u64
    }

    /// Where the next request's bytes begin, once the body is done.
    pub fn consumed(&self) -> usize {
        self.raw
    }

    fn advance_length(&mut self, length: usize, buf_len: usize) -> BodyStatus {
        let received = buf_len.saturating_sub(self.start).min(length);
        self.end = self.start + received;
        self.raw = self.end;
        if received == length {
            self.state = State::Done;
            return BodyStatus::Done;
        }
        BodyStatus::More { want: (length - received).min(WANT_BYTES_MAX) }
    }

    fn advance_chunked(
        &mut self,
        mut place: Place,
        mut line_bytes: usize,
        buf: &mut Buffer,
    ) -> Result<BodyStatus, Reject> {
        while let Some(&byte) = buf.get(self.raw) {
            if let Place::Data(remaining) = place {
                let available = buf.len() - self.raw;
                let taken = usize::try_from(remaining).map_or(available, |remaining| remaining.min(available));
                if self.raw != self.end {
                    buf.copy_within(self.raw..self.raw + taken, self.end);
                }
                self.raw += taken;
                self.end += taken;
                let left = remaining - taken as u64;
                place = if left == 0 { Place::DataCr } else { Place::Data(left) };
                continue;
            }
            self.raw += 1;
            place = self.step(place, byte, &mut line_bytes)?;
            if matches!(place, Place::End) {
                self.state = State::Done;
                return Ok(BodyStatus::Done);
            }
        }
        buf.truncate(self.end);
        self.raw = self.end;
        self.state = State::Chunked { place, line_bytes };
        let want = match place {
            Place::Data(remaining) => usize::try_from(remaining)
                .map_or(WANT_BYTES_MAX, |remaining| remaining.saturating_add(CHUNK_END_BYTES).min(WANT_BYTES_MAX)),
            _ => WANT_BYTES_LINE,
        };
        Ok(BodyStatus::More { want })
    }

    /// Takes one byte that is not data. `line_bytes` counts the bytes of a chunk line, and later those of all trailers.
    fn step(&self, place: Place, byte: u8, line_bytes: &mut usize) -> Result<Place, Reject> {
        match place {
            Place::SizeStart | Place::Size(_) | Place::SizeBlank(_) | Place::Extension(_) => {
                self.step_chunk_line(place, byte, line_bytes)
            }
            Place::SizeLf(size) => {
                expect(byte, b'\n')?;
                *line_bytes = 0;
                Ok(if size == 0 { Place::Trailer } else { Place::Data(size) })
            }
            Place::DataCr => expect(byte, b'\r').map(|()| Place::DataLf),
            Place::DataLf => expect(byte, b'\n').map(|()| Place::SizeStart),
            Place::Trailer | Place::TrailerName | Place::TrailerValue | Place::TrailerLf | Place::EndLf => {
                self.step_trailer(place, byte, line_bytes)
            }
            // Data is handled by the caller, and nothing is read after the end.
            Place::Data(_) | Place::End => Ok(place),
        }
    }

    fn step_chunk_line(&self, place: Place, byte: u8, line_bytes: &mut usize) -> Result<Place, Reject> {
        let size = match place {
            Place::Size(size) | Place::SizeBlank(size) | Place::Extension(size) => Some(size),
            _ => None,
        };
        if let (b'\r', Some(size)) = (byte, size)
            && !matches!(place, Place::SizeBlank(_))
        {
            return Ok(Place::SizeLf(size));
        }
        *line_bytes += 1;
        if *line_bytes > self.chunk_line_bytes {
            return Err(Reject::bad_request("a chunk line is too long"));
        }
        match (place, byte) {
            (Place::SizeStart | Place::Size(_), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.add_digit(size.unwrap_or(0), byte).map(Place::Size)
            }
            (Place::Size(size) | Place::SizeBlank(size), b';') => Ok(Place::Extension(size)),
            (Place::Size(size) | Place::SizeBlank(size), b' ' | b'\t') => Ok(Place::SizeBlank(size)),
            (Place::Extension(size), _) if is_text_byte(byte) => Ok(Place::Extension(size)),
            _ => Err(Reject::bad_request("malformed chunk size")),
        }
    }

    /// Refuses a size as soon as its digits so far exceed what the limit leaves, since more digits only make it larger.
    fn add_digit(&self, size: u64, digit: u8) -> Result<u64, Reject> {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        };
        let room = self.limit.saturating_sub(self.received());
        size.checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)))
            .filter(|size| *size <= room)
            .ok_or(TOO_LARGE)
    }

    fn step_trailer(&self, place: Place, byte: u8, line_bytes: &mut usize) -> Result<Place, Reject> {
        *line_bytes += 1;
        if *line_bytes > self.trailer_bytes {
            return Err(Reject::new(431, "the trailers are too large"));
        }
        match (place, byte) {
            (Place::Trailer, b'\r') => Ok(Place::EndLf),
            (Place::Trailer | Place::TrailerName, _) if is_token_byte(byte) => Ok(Place::TrailerName),
            (Place::TrailerName, b':') => Ok(Place::TrailerValue),
            (Place::TrailerValue, b'\r') => Ok(Place::TrailerLf),
            (Place::TrailerValue, _) if is_text_byte(byte) => Ok(Place::TrailerValue),
            (Place::TrailerLf, b'\n') => Ok(Place::Trailer),
            (Place::EndLf, b'\n') => Ok(Place::End),
            _ => Err(Reject::bad_request("malformed trailer line")),
        }
    }
}

const TOO_LARGE: Reject = Reject::new(413, "the request's body is too large");

fn expect(byte: u8, expected: u8) -> Result<(), Reject> {
    if byte == expected { Ok(()) } else { Err(Reject::bad_request("a chunk is not followed by CRLF")) }
}
