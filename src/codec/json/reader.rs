//! The full reader: JSON's grammar, in one pass over the bytes.

use super::error::{JsonError, type_error};
use super::fields::{Depth, Fields, KEY_BYTES_MAX, Value, fold};

/// Deepest nesting that is read (Go's limit).
pub(super) const DEPTH_MAX: usize = 10_000;

/// The buffers of a reader, reused from document to document.
#[derive(Debug, Default)]
pub(super) struct ReaderBuffers {
    /// The last string that needed unescaping, unescaped.
    pub(super) text: Vec<u8>,
    /// The containers that are open: `{` or `[`.
    pub(super) open: Vec<u8>,
}

/// A position in a document.
pub(super) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    pub(super) fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn fail<T>(&self, context: &'static str) -> Result<T, JsonError> {
        Err(match self.peek() {
            Some(byte) => JsonError::Character { byte, context },
            None => JsonError::UnexpectedEnd,
        })
    }

    /// Reads an object and passes its members to `fields`.
    pub(super) fn object<F: Fields>(
        &mut self,
        fields: &mut F,
        buffers: &mut ReaderBuffers,
        fault: &mut Option<JsonError>,
        depth: Depth,
    ) -> Result<(), JsonError> {
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let mut key = [0; KEY_BYTES_MAX];
            let key = fold(self.key(buffers)?, &mut key);
            self.blanks();
            if depth == Depth::Outermost && self.peek() == Some(b'{') && key.is_some_and(|key| fields.enters(key)) {
                self.object(fields, buffers, fault, Depth::Entered)?;
            } else {
                let value = self.value(buffers)?;
                if let Some(key) = key
                    && let Err(mismatch) = fields.set(key, value)
                    && fault.is_none()
                {
                    *fault = Some(type_error(F::TYPE, mismatch, value));
                }
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("after object key:value pair"),
            }
            self.blanks();
        }
    }

    /// The number of bytes that have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Skips the opening brace of an object. `false`: what comes is not an object, or it is empty.
    pub(super) fn enters_object(&mut self) -> bool {
        self.blanks();
        if self.peek() != Some(b'{') {
            return false;
        }
        self.at += 1;
        self.blanks();
        self.peek() != Some(b'}')
    }

    /// Skips the opening bracket of an array. `false`: what comes is not an array, or it is empty.
    pub(super) fn enters_array(&mut self) -> bool {
        self.blanks();
        if self.peek() != Some(b'[') {
            return false;
        }
        self.at += 1;
        self.blanks();
        self.peek() != Some(b']')
    }

    /// Skips what follows an element. `true`: another one comes.
    pub(super) fn passes_array_comma(&mut self) -> Result<bool, JsonError> {
        self.blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b']') => Ok(false),
            _ => self.fail("after array element"),
        }
    }

    /// Skips what follows a member. `true`: another one comes.
    pub(super) fn passes_comma(&mut self) -> Result<bool, JsonError> {
        self.blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            Some(b'}') => Ok(false),
            _ => self.fail("after object key:value pair"),
        }
    }

    /// A key and its colon.
    pub(super) fn key<'t>(&mut self, buffers: &'t mut ReaderBuffers) -> Result<&'t str, JsonError>
    where
        'a: 't,
    {
        if self.peek() != Some(b'"') {
            return self.fail("looking for beginning of object key string");
        }
        let key = self.string(&mut buffers.text)?;
        self.blanks();
        if self.peek() != Some(b':') {
            return self.fail("after object key");
        }
        self.at += 1;
        Ok(key)
    }

    /// Any value inside the outermost object, or a top-level value that is not an object.
    pub(super) fn value<'t>(&mut self, buffers: &'t mut ReaderBuffers) -> Result<Value<'t>, JsonError>
    where
        'a: 't,
    {
        self.blanks();
        Ok(match self.peek() {
            Some(b'"') => Value::String(self.string(&mut buffers.text)?),
            Some(b'{') => {
                self.skip(buffers)?;
                Value::Object
            }
            Some(b'[') => {
                self.skip(buffers)?;
                Value::Array
            }
            _ => self.scalar()?,
        })
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(b't') => self.literal(TRUE).map(|()| Value::Bool(true)),
            Some(b'f') => self.literal(FALSE).map(|()| Value::Bool(false)),
            Some(b'n') => self.literal(NULL).map(|()| Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.fail("looking for beginning of value"),
        }
    }

    fn literal(&mut self, expected: &[(u8, &'static str)]) -> Result<(), JsonError> {
        self.at += 1;
        for &(byte, context) in expected {
            if self.peek() != Some(byte) {
                return self.fail(context);
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let first = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.fail("in numeric literal"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("after decimal point in numeric literal");
            }
            self.digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("in exponent of numeric literal");
            }
            self.digits();
        }
        let text = &self.input[first..self.at];
        Ok(str::from_utf8(text).expect("a number is written in ASCII"))
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips an object or array of any depth.
    fn skip(&mut self, buffers: &mut ReaderBuffers) -> Result<(), JsonError> {
        let ReaderBuffers { text, open } = buffers;
        open.clear();
        loop {
            // At a value.
            self.blanks();
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    // The outermost object counts too.
                    if open.len() + 2 > DEPTH_MAX {
                        return self.fail("exceeded max depth");
                    }
                    self.at += 1;
                    open.push(bracket);
                    self.blanks();
                    match (bracket, self.peek()) {
                        (b'{', Some(b'}')) | (b'[', Some(b']')) => {}
                        (b'{', _) => {
                            self.skip_key(text)?;
                            continue;
                        }
                        _ => continue,
                    }
                }
                Some(b'"') => {
                    self.string(text)?;
                }
                _ => {
                    self.scalar()?;
                }
            }
            // After a value, or before the bracket that closes an empty container.
            loop {
                self.blanks();
                match (open.last(), self.peek()) {
                    (None, _) => return Ok(()),
                    (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => {
                        self.at += 1;
                        open.pop();
                        if open.is_empty() {
                            return Ok(());
                        }
                    }
                    (Some(b'['), Some(b',')) => {
                        self.at += 1;
                        break;
                    }
                    (Some(_), Some(b',')) => {
                        self.at += 1;
                        self.blanks();
                        self.skip_key(text)?;
                        break;
                    }
                    (Some(b'['), _) => return self.fail("after array element"),
                    (Some(_), _) => return self.fail("after object key:value pair"),
                }
            }
        }
    }

    fn skip_key(&mut self, text: &mut Vec<u8>) -> Result<(), JsonError> {
        if self.peek() != Some(b'"') {
            return self.fail("looking for beginning of object key string");
        }
        self.string(text)?;
        self.blanks();
        if self.peek() != Some(b':') {
            return self.fail("after object key");
        }
        self.at += 1;
        Ok(())
    }

    /// A string. It borrows from the input unless it has escapes or invalid bytes.
    fn string<'t>(&mut self, text: &'t mut Vec<u8>) -> Result<&'t str, JsonError>
    where
        'a: 't,
    {
        self.at += 1;
        let first = self.at;
        self.plain();
        if self.peek() == Some(b'"')
            && let Ok(plain) = str::from_utf8(&self.input[first..self.at])
        {
            self.at += 1;
            return Ok(plain);
        }
        self.at = first;
        text.clear();
        loop {
            let first = self.at;
            self.plain();
            push_lossy(text, &self.input[first..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(text)?;
                }
                _ => return self.fail("in string literal"),
            }
        }
        Ok(str::from_utf8(text).expect("only whole characters were pushed"))
    }

    /// Skips the bytes of a string that stand for themselves.
    fn plain(&mut self) {
        let rest = &self.input[self.at..];
        self.at += rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ').unwrap_or(rest.len());
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), JsonError> {
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                let unit = self.code_unit()?;
                let character = self.character(unit);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return self.fail("in string escape code"),
        };
        self.at += 1;
        text.push(byte);
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            match self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => unit = unit << 4 | digit,
                None => return self.fail(r"in \u hexadecimal character escape"),
            }
            self.at += 1;
        }
        Ok(unit)
    }

    /// The character of a code unit, combined with a low surrogate if one follows. A lone surrogate becomes U+FFFD, and what follows it is
    /// read by itself.
    fn character(&mut self, unit: u32) -> char {
        if let Some(character) = char::from_u32(unit) {
            return character;
        }
        let rest = &self.input[self.at..];
        if unit < 0xdc00
            && let [b'\\', b'u', digits @ ..] = rest
            && let Some(digits) = digits.first_chunk::<4>()
            && let Some(low) = digits.iter().try_fold(0, |low, &byte| Some(low << 4 | char::from(byte).to_digit(16)?))
            && (0xdc00..0xe000).contains(&low)
        {
            self.at += 6;
            let whole = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return char::from_u32(whole).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        char::REPLACEMENT_CHARACTER
    }
}

const TRUE: &[(u8, &str)] = &[
    (b'r', "in literal true (expecting 'r')"),
    (b'u', "in literal true (expecting 'u')"),
    (b'e', "in literal true (expecting 'e')"),
];
const FALSE: &[(u8, &str)] = &[
    (b'a', "in literal false (expecting 'a')"),
    (b'l', "in literal false (expecting 'l')"),
    (b's', "in literal false (expecting 's')"),
    (b'e', "in literal false (expecting 'e')"),
];
const NULL: &[(u8, &str)] = &[
    (b'u', "in literal null (expecting 'u')"),
    (b'l', "in literal null (expecting 'l')"),
    (b'l', "in literal null (expecting 'l')"),
];

/// Appends `bytes`; each byte that is not part of a valid character becomes U+FFFD.
fn push_lossy(text: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            text.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}
