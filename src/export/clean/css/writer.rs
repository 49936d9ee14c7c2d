//! Tokens of CSS as text that every reader takes apart into the same tokens.
//!
//! Where something between two tokens is left out, they may not become one: `@` and `import` are no import, `/` and `*` begin no comment. And there is a
//! second reader: the Replayer runs PostCSS over style sheets before the browser has them, and PostCSS drops comments and reads `\/` as a slash.
//! So nothing is separated by a comment, and names have no such escape.

use std::fmt::Write;

use cssparser::{ToCss, Token, TokenSerializationType as Type, serialize_string};

/// Characters that may stand in a name behind a backslash. All others are written by their numbers.
const ESCAPED: &str = ":.[]%#!,&>+=@~^$|<?";

/// Writes tokens one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    last: Last,
    /// Whether something was left out behind the last token.
    gap: bool,
}

/// What was written last.
#[derive(Debug, Default, Clone, Copy)]
struct Last {
    kind: Type,
    delim: Option<char>,
    /// Whether it was written as it was read.
    exact: bool,
}

impl Writer {
    /// With room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Writer {
        Writer { out: String::with_capacity(bytes), ..Writer::default() }
    }

    /// Something is left out here.
    pub fn leave_out(&mut self) {
        self.gap = true;
    }

    /// A token, and the text that it was read from.
    pub fn token(&mut self, token: &Token<'_>, source: &str) {
        // A backslash before a line's end means nothing, and would mean much before anything else.
        if matches!(token, Token::Comment(_) | Token::BadUrl(_) | Token::BadString(_) | Token::Delim('\\')) {
            return self.leave_out();
        }
        let (before, begin) = (self.last, self.out.len());
        write(token, source, &mut self.out);
        let exact = &self.out[begin..] == source;
        let delim = if let Token::Delim(char) = token { Some(*char) } else { None };
        self.last = Last { kind: token.serialization_type(), delim, exact };
        // What stood together in the source, and does so here, is read as it was.
        let together = !self.gap && before.exact && exact;
        if !together && would_join(before, token, self.last) {
            self.out.insert(begin, ' ');
        }
        self.gap = false;
    }

    /// A string.
    pub fn string(&mut self, text: &str) {
        self.token(&Token::QuotedString(text.into()), "");
    }

    /// `url("…"`.
    pub fn open_url(&mut self, address: &str) {
        self.token(&Token::Function("url".into()), "");
        self.string(address);
    }

    /// `url("…")`.
    pub fn url(&mut self, address: &str) {
        self.open_url(address);
        self.token(&Token::CloseParenthesis, ")");
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.out
    }
}

/// Whether two tokens could be read as others if nothing stood between them.
fn would_join(before: Last, token: &Token<'_>, last: Last) -> bool {
    if before.kind.needs_separator_when_before(last.kind) {
        return true;
    }
    // What CSS's own table leaves to comments that are kept: `-->` and `<!--`, made of others.
    match (before.kind, before.delim) {
        (Type::Ident, _) => last.delim == Some('>'),
        (Type::Number | Type::DelimMinus | Type::DelimHash | Type::DelimAt, _) => matches!(token, Token::CDC),
        (_, Some('<')) => last.delim == Some('!'),
        (_, Some('!')) => matches!(token, Token::Ident(_) | Token::Function(_) | Token::CDC | Token::Delim('-')),
        _ => false,
    }
}

/// Appends a token. Writing to a String can't fail.
fn write(token: &Token<'_>, source: &str, out: &mut String) {
    match token {
        Token::Ident(text) => identifier(text, out),
        Token::AtKeyword(text) => {
            out.push('@');
            identifier(text, out);
        }
        Token::IDHash(text) => {
            out.push('#');
            identifier(text, out);
        }
        Token::Hash(text) => {
            out.push('#');
            name(text, out);
        }
        Token::Function(text) => {
            identifier(text, out);
            out.push('(');
        }
        Token::UnquotedUrl(address) => {
            out.push_str("url(");
            let _ = serialize_string(address, out);
            out.push(')');
        }
        Token::Number { .. } | Token::Percentage { .. } | Token::Dimension { .. } if is_plain_number(source) => {
            // As it was: a range of characters (`U+26-7F`) is written with numbers, too.
            out.push_str(source);
        }
        Token::Dimension { has_sign, value, int_value, unit } => {
            let number = Token::Number { has_sign: *has_sign, value: finite(*value), int_value: *int_value };
            let _ = number.to_css(out);
            // `e1` behind a number would be its exponent.
            match unit.strip_prefix(['e', 'E']) {
                Some(rest) => {
                    let _ = write!(out, "\\{:x} ", unit.as_bytes()[0]);
                    name(rest, out);
                }
                None => identifier(unit, out),
            }
        }
        Token::Number { has_sign, value, int_value } => {
            let number = Token::Number { has_sign: *has_sign, value: finite(*value), int_value: *int_value };
            let _ = number.to_css(out);
        }
        token => {
            let _ = token.to_css(out);
        }
    }
}

fn is_plain_number(source: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'%' | b'_');
    !source.is_empty() && source.bytes().all(is_plain)
}

/// What is larger than all numbers has no digits.
fn finite(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(f32::MIN, f32::MAX) }
}

fn identifier(text: &str, out: &mut String) {
    let bare = text.strip_prefix('-').unwrap_or(text);
    match bare.chars().next() {
        None => out.push_str("\\-"),
        Some(digit @ '0'..='9') => {
            out.push_str(&text[..text.len() - bare.len()]);
            let _ = write!(out, "\\{:x} ", u32::from(digit));
            name(&bare[1..], out);
        }
        Some(_) => name(text, out),
    }
}

fn name(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => out.push(char),
            '\0' => out.push(char::REPLACEMENT_CHARACTER),
            _ if ESCAPED.contains(char) => out.extend(['\\', char]),
            _ if may_be_named(char) => out.push(char),
            _ => {
                let _ = write!(out, "\\{:x} ", u32::from(char));
            }
        }
    }
}

/// Whether all versions of CSS have this character in names: the newest has fewer of them than those before, see
/// <https://drafts.csswg.org/css-syntax/#non-ascii-ident-code-point>.
fn may_be_named(char: char) -> bool {
    matches!(char, '\u{b7}' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
        | '\u{200c}' | '\u{200d}' | '\u{203f}' | '\u{2040}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}
