//! Forms (`multipart/form-data`, RFC 7578 and RFC 2046, 5.1) without I/O: pieces of a body in, parts and their bytes out.
//!
//! - A boundary line is CRLF, `--`, the boundary, blanks, CRLF; the last one has `--` behind the boundary, and nothing but the end of the
//!   body may stand in place of its CRLF. The first needs no CRLF before it. A line that begins as a boundary does and goes on otherwise
//!   is data.
//! - Before the first boundary line blanks may stand, which are dropped, as is what stands behind the last. Anything else before the first would be a
//!   part whose boundary was lost: no client sends a preamble.
//! - A part says what it is in `Content-Disposition: form-data`. One that does not, or in an encoding that is not its bytes, is an error: nothing
//!   is left out without a word.

use std::ops::Range;

use memchr::memmem::Finder;

use super::params::{Param, Parameterised};

/// Blanks that may stand behind a boundary.
const PADDING_BYTES_MAX: usize = 64;

/// Lines that the head of a part may have.
const HEAD_LINES_MAX: usize = 32;

/// Why a body cannot be read as a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormFault {
    /// It does not begin with a boundary line.
    NoPart,
    /// It ends within a part.
    CutOff,
    /// The lines before a part's bytes cannot be read, or it is no part of a form.
    Head,
    /// They are over the limit, as is what stands before the first boundary line.
    HeadTooLarge,
}

/// What the parser has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// This.
    Ready(T),
    /// It needs more of the body, or to hear that it has ended.
    NeedsMore,
}

/// What a part says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the field; empty if it has none.
    pub name: Vec<u8>,
    /// The name of the file, if it is one. A name that cannot be read is empty; an empty one makes no file.
    pub file_name: Option<Vec<u8>>,
}

/// A form on its way in.
pub struct Multipart {
    /// `CRLF -- boundary`.
    delimiter: Finder<'static>,
    buf: Vec<u8>,
    /// Where what has not been handed out begins.
    start: usize,
    state: State,
    ended: bool,
    head_bytes_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary line.
    Preamble {
        /// Bytes seen so far that are no blanks.
        bytes: usize,
    },
    /// Behind a boundary line.
    Head,
    /// Behind the head of a part, with its last CRLF still there.
    DataBegins,
    /// Within a part.
    Data,
    /// Behind the last boundary line.
    Over,
}

/// What stands at a place where a boundary line may begin.
enum Line {
    /// One; what it announces begins behind so many bytes.
    Part(usize),
    /// The last one.
    Last,
    /// None.
    Data,
    /// That is not to be seen yet.
    Cut,
}

impl Multipart {
    /// A form with this boundary, whose parts have heads of at most `head_bytes_max`.
    pub fn new(boundary: &[u8], head_bytes_max: usize) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            // The first boundary line may stand at the beginning.
            buf: b"\r\n".to_vec(),
            start: 0,
            state: State::Preamble { bytes: 0 },
            ended: false,
            head_bytes_max,
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, piece: &[u8]) {
        self.buf.drain(..self.start);
        self.start = 0;
        self.buf.extend_from_slice(piece);
    }

    /// The body has ended.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next part, once the one before it has been read to its end. `None`: the form is over.
    pub fn next_part(&mut self) -> Result<Step<Option<PartHead>>, FormFault> {
        loop {
            match self.state {
                State::Over => return Ok(Step::Ready(None)),
                State::Head => return self.read_head(),
                State::Preamble { bytes } => match self.read_data() {
                    Ok(Step::Ready(Some(range))) => {
                        let bytes = bytes + self.buf[range].trim_ascii().len();
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
                // Who did not read it all does not want it.
                State::DataBegins | State::Data => {
                    if self.next_bytes()? == Step::NeedsMore {
                        return Ok(Step::NeedsMore);
                    }
                }
            }
        }
    }

    /// Where the next bytes of the part stand; see [`Multipart::bytes`]. `None`: it has ended.
    pub fn next_bytes(&mut self) -> Result<Step<Option<Range<usize>>>, FormFault> {
        if self.state == State::DataBegins && !self.begin_data() {
            return Ok(Step::NeedsMore);
        }
        match self.state {
            State::DataBegins | State::Data => self.read_data(),
            State::Preamble { .. } | State::Head | State::Over => Ok(Step::Ready(None)),
        }
    }

    /// The bytes that stand there, until more are fed.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buf[range]
    }

    /// Bytes up to a boundary line, or as far as there can be none; `None`: one was read.
    fn read_data(&mut self) -> Result<Step<Option<Range<usize>>>, FormFault> {
        let mut from = self.start;
        loop {
            let Some(at) = self.delimiter.find(&self.buf[from..]).map(|at| from + at) else {
                if self.ended {
                    return Err(FormFault::CutOff);
                }
                // A boundary line may have begun in the last bytes.
                let safe = (self.buf.len() + 1).saturating_sub(self.delimiter.needle().len()).max(from);
                return Ok(self.hand_out(safe));
            };
            match self.line_at(at) {
                Line::Data => from = at + 2,
                // What stands before the line comes first.
                _ if at > self.start => return Ok(self.hand_out(at)),
                Line::Cut => return Ok(Step::NeedsMore),
                Line::Part(bytes) => {
                    self.start = at + bytes;
                    self.state = State::Head;
                    return Ok(Step::Ready(None));
                }
                Line::Last => {
                    self.start = self.buf.len();
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

    /// Takes the CRLF behind a part's head, unless it is that of a boundary line: the part is then empty. False: that is not to be
    /// seen yet.
    fn begin_data(&mut self) -> bool {
        let (behind, needle) = (&self.buf[self.start..], self.delimiter.needle());
        if behind.len() < needle.len() && needle.starts_with(behind) && !self.ended {
            return false;
        }
        let line = if behind.starts_with(needle) { self.line_at(self.start) } else { Line::Data };
        match line {
            Line::Cut => return false,
            Line::Data => self.start += 2,
            Line::Part(_) | Line::Last => {}
        }
        self.state = State::Data;
        true
    }

    /// What stands at `at`, where the delimiter was found.
    fn line_at(&self, at: usize) -> Line {
        let delimiter_bytes = self.delimiter.needle().len();
        let behind = &self.buf[at + delimiter_bytes..];
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
            [b'\r', b'\n', ..] => Line::Part(delimiter_bytes + padding + 2),
            [] if last && self.ended => Line::Last,
            [] | [b'\r'] if !self.ended => Line::Cut,
            _ => Line::Data,
        }
    }

    /// The head of a part: lines, and an empty one.
    fn read_head(&mut self) -> Result<Step<Option<PartHead>>, FormFault> {
        let head = &self.buf[self.start..];
        let lines_bytes = if head.starts_with(b"\r\n") {
            Some(0)
        } else {
            let searched = &head[..head.len().min(self.head_bytes_max + 4)];
            memchr::memmem::find(searched, b"\r\n\r\n").map(|at| at + 2)
        };
        match lines_bytes {
            Some(bytes) => {
                let part = part_head(&head[..bytes + 2])?;
                // The empty line's CRLF may be that of the next boundary line.
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

/// What the lines before a part, and the empty one behind them, say.
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
mod tests {
    use super::*;

    /// The parts of a form: field, file name, bytes.
    type Parts = Vec<(String, Option<String>, Vec<u8>)>;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("tests have plain names")
    }

    /// Reads a form that comes in pieces of `step` bytes.
    fn read(boundary: &str, body: &[u8], step: usize) -> Result<Parts, FormFault> {
        let mut form = Multipart::new(boundary.as_bytes(), 200);
        let mut pieces = body.chunks(step);
        let mut more = |form: &mut Multipart| match pieces.next() {
            Some(piece) => form.feed(piece),
            None => form.end(),
        };
        let mut parts = Parts::new();
        loop {
            match form.next_part()? {
                Step::NeedsMore => more(&mut form),
                Step::Ready(None) => return Ok(parts),
                Step::Ready(Some(head)) => {
                    let mut bytes = Vec::new();
                    loop {
                        match form.next_bytes()? {
                            Step::NeedsMore => more(&mut form),
                            Step::Ready(Some(range)) => bytes.extend_from_slice(form.bytes(range)),
                            Step::Ready(None) => break,
                        }
                    }
                    parts.push((text(head.name), head.file_name.map(text), bytes));
                }
            }
        }
    }

    /// The same, whatever the size of the pieces.
    fn parts(boundary: &str, body: &str) -> Result<Parts, FormFault> {
        let whole = read(boundary, body.as_bytes(), usize::MAX);
        for step in 1..body.len() {
            assert_eq!(read(boundary, body.as_bytes(), step), whole, "{step}: {body}");
        }
        whole
    }

    fn part(name: &str, file_name: Option<&str>, bytes: &str) -> (String, Option<String>, Vec<u8>) {
        (name.to_owned(), file_name.map(str::to_owned), bytes.as_bytes().to_vec())
    }

    #[test]
    fn parts_are_read_however_their_bytes_come() {
        let body = "\r\n \r\n--b \t\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n--b\r\n\
                    CONTENT-DISPOSITION: FORM-DATA; NAME=x; FILENAME=y\r\nContent-Type: image/webp\r\n\r\n\r\n\r\n\r\n\
                    --b\r\nContent-Disposition: form-data; name=e; filename*=UTF-8''%66\r\n\r\n\r\n--b\r\n\
                    Content-Disposition: form-data; name=n; filename=g\r\n\r\n--b--\r\nan epilogue\r\n--b\r\n";
        let expected = vec![
            part("type", None, "frames"),
            part("x", Some("y"), "\r\n\r\n"),
            part("e", Some("f"), ""),
            part("n", Some("g"), ""),
        ];
        assert_eq!(parts("b", body), Ok(expected));
        assert_eq!(parts("b", "--b--"), Ok(Parts::new()));
    }

    #[test]
    fn a_line_that_begins_as_a_boundary_and_goes_on_otherwise_is_data() {
        for data in [
            "x\r\n--bc\r\ny",
            "x\r\n--b c\r\ny",
            "\r\n--b-\r\n",
            "\r\n--b-",
            "\r\n--b--c\r\n",
            "--bc",
            "\r\n--b\n",
            "\r\n--b\r",
            "\r\r\n-\r\n--",
            &format!("\r\n--b{}", " ".repeat(PADDING_BYTES_MAX + 1)),
        ] {
            let body = format!("--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n{data}\r\n--b--\r\n");
            assert_eq!(parts("b", &body), Ok(vec![part("a", Some("f"), data)]), "{data:?}");
        }
    }

    #[test]
    fn a_form_that_breaks_off_is_an_error_wherever_it_does() {
        let body = "--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\nbytes\r\n--b--";
        assert_eq!(parts("b", body), Ok(vec![part("a", Some("f"), "bytes")]));
        for cut in 0..body.len() {
            let fault = read("b", &body.as_bytes()[..cut], usize::MAX).expect_err("is cut");
            assert_eq!(fault, if cut < 5 { FormFault::NoPart } else { FormFault::CutOff }, "{cut}");
        }
        assert_eq!(parts("other", body), Err(FormFault::NoPart));
        assert_eq!(parts("b", &format!("a part without a boundary\r\n{body}")), Err(FormFault::NoPart));
    }

    #[test]
    fn a_part_that_is_not_understood_is_an_error() {
        for head in [
            "",
            "Content-Type: image/webp\r\n",
            "Content-Disposition: attachment; filename=f\r\n",
            "Content-Disposition: form-data; name=\"a; filename=f\r\n",
            "Content-Disposition: form-data; name=a; filename=f; filename=g\r\n",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n",
            "Content-Disposition: form-data; name=a; filename=f\r\nContent-Transfer-Encoding: base64\r\n",
            "no header\r\n",
        ] {
            let body = format!("--b\r\n{head}\r\nbytes\r\n--b--\r\n");
            assert_eq!(parts("b", &body), Err(FormFault::Head), "{head}");
        }
        let unreadable = "--b\r\nContent-Disposition: form-data; name=a; filename*=utf-7''x\r\n\r\nz\r\n--b--";
        assert_eq!(parts("b", unreadable), Ok(vec![part("a", Some(""), "z")]), "a file, of a name that nobody knows");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let long = format!("--b\r\nContent-Disposition: form-data; name={}\r\n\r\nz\r\n--b--", "a".repeat(300));
        assert_eq!(parts("b", &long), Err(FormFault::HeadTooLarge));
        assert_eq!(parts("b", &"x".repeat(300)), Err(FormFault::HeadTooLarge));
        let mut form = Multipart::new(b"b", 200);
        form.feed(b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n");
        assert!(matches!(form.next_part(), Ok(Step::Ready(Some(_)))));
        for _ in 0..100 {
            form.feed(&[b'\r'; 1000]);
            while matches!(form.next_bytes(), Ok(Step::Ready(Some(_)))) {}
            assert!(form.buf.len() - form.start < 10);
        }
    }
}
