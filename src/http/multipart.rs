//! Forms (`multipart/form-data`, RFC 7578 and RFC 2046, 5.1) without I/O: a body is shown as it arrives, parts and their bytes come out.
//!
//! The body's bytes stay with the caller. Each call is shown those that have arrived and were not dropped yet; where it needs more, the caller
//! drops what [`Multipart::used_up`] says, receives more behind the rest, and calls again.
//!
//! - A boundary line is CRLF, `--`, the boundary, blanks, CRLF. The last one has `--` after the boundary, and the end of the body may replace
//!   its CRLF. The first needs no CRLF before it. A line that begins like a boundary line and continues differently is data.
//! - Blanks before the first boundary line are dropped, and so is everything after the last. Anything else before the first is an error: no
//!   client sends a preamble, so it would be a part whose boundary was lost.
//! - A part has a `Content-Disposition: form-data`. A part without one, or with a transfer encoding that changes its bytes, is an error: no part
//!   is dropped silently.

use std::ops::Range;

use memchr::memmem::Finder;

use super::params::{Param, Parameterised};

/// The most blanks after a boundary.
const PADDING_BYTES_MAX: usize = 64;

/// The most lines in the head of a part.
const HEAD_LINES_MAX: usize = 32;

/// Why a body cannot be read as a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormFault {
    /// The body does not begin with a boundary line.
    NoPart,
    /// The body ends inside a part.
    CutOff,
    /// A part's head cannot be parsed, or is not that of a form's part.
    Head,
    /// A part's head, or what comes before the first boundary line, exceeds the limit.
    HeadTooLarge,
}

/// A result of the parser, if it is ready.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// The result.
    Ready(T),
    /// The parser needs more of the body, or to be told that it has ended. First what is used up has to be dropped.
    NeedsMore,
}

/// The head of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    /// The field's name; empty if it has none.
    pub name: Vec<u8>,
    /// The file's name, if the part is a file; empty if the name cannot be decoded. A part whose file name was sent empty is not a file.
    pub file_name: Option<Vec<u8>>,
}

/// A form that is being received.
pub struct Multipart {
    /// `CRLF -- boundary`.
    delimiter: Finder<'static>,
    /// Where the bytes begin that have not been returned yet, among those that are shown.
    start: usize,
    state: State,
    ended: bool,
    head_bytes_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the very beginning, where a boundary line needs no CRLF before it.
    Beginning,
    /// Before the first boundary line.
    Preamble {
        /// Bytes so far that are not blanks.
        bytes: usize,
    },
    /// At the head of a part.
    Head,
    /// After the head of a part, but before its last CRLF.
    DataBegins,
    /// Inside a part's data.
    Data,
    /// After the last boundary line.
    Over,
}

/// What was found where a boundary line may begin.
enum Line {
    /// A boundary line that ends here, followed by a part.
    Part(usize),
    /// The last boundary line.
    Last,
    /// Not a boundary line.
    Data,
    /// Undecided: more bytes are needed.
    Cut,
}

impl Multipart {
    /// A form with this boundary. `head_bytes_max` limits the head of each part.
    pub fn new(boundary: &[u8], head_bytes_max: usize) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            start: 0,
            state: State::Beginning,
            ended: false,
            head_bytes_max,
        }
    }

    /// How many bytes are used up. The caller drops so many from the front of those that it shows.
    pub fn used_up(&mut self) -> usize {
        std::mem::take(&mut self.start)
    }

    /// Tells the parser that the body has ended.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The head of the next part. The rest of the current part is skipped. `None`: the form has ended.
    pub fn next_part(&mut self, body: &[u8]) -> Result<Step<Option<PartHead>>, FormFault> {
        loop {
            match self.state {
                State::Over => return Ok(Step::Ready(None)),
                State::Head => return self.read_head(body),
                State::Beginning => {
                    if !self.begin(body) {
                        return Ok(Step::NeedsMore);
                    }
                }
                State::Preamble { bytes } => match self.read_data(body) {
                    Ok(Step::Ready(Some(range))) => {
                        let bytes = bytes + body[range].trim_ascii().len();
                        if bytes > self.head_bytes_max {
                            return Err(FormFault::HeadTooLarge);
                        }
                        self.state = State::Preamble { bytes };
                    }
                    Ok(Step::Ready(None)) if bytes > 0 => return Err(FormFault::NoPart),
                    Ok(Step::Ready(None)) => {}
                    Ok(Step::NeedsMore) => return Ok(Step::NeedsMore),
                    Err(_) => return Err(FormFault::NoPart),
                },
                // The caller has not read all of the current part, so it does not want the rest.
                State::DataBegins | State::Data => {
                    if self.next_bytes(body)? == Step::NeedsMore {
                        return Ok(Step::NeedsMore);
                    }
                }
            }
        }
    }

    /// The range of the part's next bytes in `body`. `None`: the part has ended.
    pub fn next_bytes(&mut self, body: &[u8]) -> Result<Step<Option<Range<usize>>>, FormFault> {
        if self.state == State::DataBegins && !self.begin_data(body) {
            return Ok(Step::NeedsMore);
        }
        match self.state {
            State::DataBegins | State::Data => self.read_data(body),
            State::Beginning | State::Preamble { .. } | State::Head | State::Over => Ok(Step::Ready(None)),
        }
    }

    /// Reads a boundary line at the very beginning, if there is one. Returns false if more bytes are needed to decide.
    fn begin(&mut self, body: &[u8]) -> bool {
        let needle = &self.delimiter.needle()[2..];
        if body.len() < needle.len() && needle.starts_with(body) && !self.ended {
            return false;
        }
        let line = if body.starts_with(needle) { self.line_behind(body, needle.len()) } else { Line::Data };
        match line {
            Line::Cut => return false,
            Line::Data => self.state = State::Preamble { bytes: 0 },
            Line::Part(end) => (self.start, self.state) = (end, State::Head),
            Line::Last => (self.start, self.state) = (body.len(), State::Over),
        }
        true
    }

    /// The range of the next bytes of data, up to a boundary line or to where one may begin. `None`: a boundary line was read.
    fn read_data(&mut self, body: &[u8]) -> Result<Step<Option<Range<usize>>>, FormFault> {
        let delimiter_bytes = self.delimiter.needle().len();
        let mut from = self.start;
        loop {
            let Some(at) = self.delimiter.find(&body[from..]).map(|at| from + at) else {
                if self.ended {
                    return Err(FormFault::CutOff);
                }
                // A boundary line may begin in the last bytes.
                let safe = (body.len() + 1).saturating_sub(delimiter_bytes).max(from);
                return Ok(self.hand_out(safe));
            };
            match self.line_behind(body, at + delimiter_bytes) {
                Line::Data => from = at + 2,
                // The data before the line comes first.
                _ if at > self.start => return Ok(self.hand_out(at)),
                Line::Cut => return Ok(Step::NeedsMore),
                Line::Part(end) => {
                    self.start = end;
                    self.state = State::Head;
                    return Ok(Step::Ready(None));
                }
                Line::Last => {
                    self.start = body.len();
                    self.state = State::Over;
                    return Ok(Step::Ready(None));
                }
            }
        }
    }

    fn hand_out(&mut self, end: usize) -> Step<Option<Range<usize>>> {
        let range = self.start..end;
        self.start = end;
        if range.is_empty() { Step::NeedsMore } else { Step::Ready(Some(range)) }
    }

    /// Skips the CRLF after a part's head, unless it begins a boundary line, which means that the part is empty. Returns false if more bytes are
    /// needed to decide.
    fn begin_data(&mut self, body: &[u8]) -> bool {
        let (behind, needle) = (&body[self.start..], self.delimiter.needle());
        if behind.len() < needle.len() && needle.starts_with(behind) && !self.ended {
            return false;
        }
        let is_line = behind.starts_with(needle);
        let line = if is_line { self.line_behind(body, self.start + needle.len()) } else { Line::Data };
        match line {
            Line::Cut => return false,
            Line::Data => self.start += 2,
            Line::Part(_) | Line::Last => {}
        }
        self.state = State::Data;
        true
    }

    /// What a line turns out to be whose delimiter ends at `at`.
    fn line_behind(&self, body: &[u8], at: usize) -> Line {
        let behind = &body[at..];
        if behind == b"-" && !self.ended {
            return Line::Cut;
        }
        let (last, behind) = behind.strip_prefix(b"--").map_or((false, behind), |rest| (true, rest));
        let padding = behind.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
        if padding > PADDING_BYTES_MAX {
            return Line::Data;
        }
        match &behind[padding..] {
            [b'\r', b'\n', ..] if last => Line::Last,
            [b'\r', b'\n', ..] => Line::Part(at + padding + 2),
            [] if last && self.ended => Line::Last,
            [] | [b'\r'] if !self.ended => Line::Cut,
            _ => Line::Data,
        }
    }

    /// Reads the head of a part: lines, and an empty line.
    fn read_head(&mut self, body: &[u8]) -> Result<Step<Option<PartHead>>, FormFault> {
        let head = &body[self.start..];
        let lines_bytes = if head.starts_with(b"\r\n") {
            Some(0)
        } else {
            let searched = &head[..head.len().min(self.head_bytes_max + 4)];
            memchr::memmem::find(searched, b"\r\n\r\n").map(|at| at + 2)
        };
        match lines_bytes {
            Some(bytes) => {
                let part = part_head(&head[..bytes + 2])?;
                // The empty line's CRLF may begin the next boundary line.
                self.start += bytes;
                self.state = State::DataBegins;
                Ok(Step::Ready(Some(part)))
            }
            None if head.len() > self.head_bytes_max => Err(FormFault::HeadTooLarge),
            None if self.ended => Err(FormFault::CutOff),
            None => Ok(Step::NeedsMore),
        }
    }
}

/// Parses a part's head: its lines, and the empty line after them.
fn part_head(lines: &[u8]) -> Result<PartHead, FormFault> {
    let mut slots = [httparse::EMPTY_HEADER; HEAD_LINES_MAX];
    let Ok(httparse::Status::Complete((_, headers))) = httparse::parse_headers(lines, &mut slots) else {
        return Err(FormFault::Head);
    };
    let mut disposition = None;
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-disposition") {
            let read = Parameterised::parse(header.value).ok_or(FormFault::Head)?;
            if disposition.replace(read).is_some() {
                return Err(FormFault::Head);
            }
        } else if header.name.eq_ignore_ascii_case("content-transfer-encoding") {
            let plain = [&b"binary"[..], b"8bit", b"7bit"];
            if !plain.iter().any(|plain| header.value.trim_ascii().eq_ignore_ascii_case(plain)) {
                return Err(FormFault::Head);
            }
        }
    }
    let disposition = disposition.filter(|disposition| disposition.value == "form-data").ok_or(FormFault::Head)?;
    let name = match disposition.param("name") {
        Param::Value(name) => name,
        Param::Absent | Param::Unreadable => Vec::new(),
    };
    let file_name = match disposition.param("filename") {
        Param::Value(name) => (!name.is_empty()).then_some(name),
        Param::Unreadable => Some(Vec::new()),
        Param::Absent => None,
    };
    Ok(PartHead { name, file_name })
}

#[cfg(test)]
mod tests;
