//! Style sheets, rules and `style` attributes, read with the tokens of CSS, so that no escape or comment hides an address.
//!
//! What is read is never passed on: each token that may be shown is written anew. Left out are comments, addresses and imports that may not be followed,
//! and whatever closes nothing. What stood around them stays apart, see [`writer`].

mod rules;
mod writer;

use cssparser::{Delimiter, ParseError, Parser, Token};
use url::Url;

pub use self::rules::rules;
use self::writer::Writer;
use super::{Assets, fetched, room_by_length, room_for_addresses, strip_prefix_of_any_case};

/// Blocks inside blocks, further than any style sheet goes.
const DEPTH_MAX: usize = 32;

/// The address in the place of one that may not be followed.
const NOWHERE: &str = "about:invalid";

/// The text with only those addresses that may be fetched, and only those imports that are kept.
pub fn css(text: &str, base: Option<&Url>, assets: &Assets) -> String {
    cleaned(text, base, assets, &mut room_for_addresses(text))
}

/// The same for one rule of a sheet. Where nothing of it may be shown, or it is no rule, another stands for it that does nothing: those behind it are named
/// by their numbers.
pub fn css_rule(text: &str, base: Option<&Url>, assets: &Assets) -> String {
    rule(text, base, assets, &mut room_for_addresses(text))
}

/// The same for all rules of a sheet, as one text.
pub fn css_rules(texts: &[&str], base: Option<&Url>, assets: &Assets) -> String {
    let mut room = texts.iter().fold(room_for_addresses(""), |room, text| room + room_by_length(text));
    let rules: Vec<String> = texts.iter().map(|text| rule(text, base, assets, &mut room)).collect();
    rules.join("\n")
}

fn rule(text: &str, base: Option<&Url>, assets: &Assets, room: &mut usize) -> String {
    Some(cleaned(text, base, assets, room))
        .filter(|rule| rules::is_one(rule))
        .unwrap_or_else(|| rules::NO_RULE.to_owned())
}

/// `room` is how many bytes of addresses may still be written.
fn cleaned(text: &str, base: Option<&Url>, assets: &Assets, room: &mut usize) -> String {
    // A mark of the byte order is no part of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut walk = Walk { base, assets, room: *room, out: Writer::with_capacity(text.len()) };
    walk.block(&mut Parser::new(text), 0, false);
    *room = walk.room;
    walk.out.into_text()
}

/// The same for a text that others may follow in the same style sheet: nothing in it goes on in them.
pub fn css_part(text: &str, base: Option<&Url>, assets: &Assets) -> String {
    let mut part = css(text, base, assets);
    let is_over = |last: char| last.is_ascii_whitespace() || matches!(last, '}' | ']' | ')' | ';' | '"');
    if !part.is_empty() && !part.ends_with(is_over) {
        part.push('\n');
    }
    part
}

struct Walk<'a> {
    base: Option<&'a Url>,
    assets: &'a Assets,
    /// How many bytes of addresses may still be written.
    room: usize,
    out: Writer,
}

impl Walk<'_> {
    /// Writes the tokens of one block. In a function that takes addresses its strings are such.
    fn block(&mut self, parser: &mut Parser<'_>, depth: usize, addresses: bool) {
        loop {
            let begin = parser.position();
            let Ok(token) = parser.next_including_whitespace_and_comments().cloned() else { return };
            let source = parser.slice_from(begin);
            match token {
                Token::UnquotedUrl(address) => self.url(&address),
                // Only `url(…)` can say how it is asked for.
                Token::QuotedString(address) if addresses && self.assets.are_modified() => self.url(&address),
                Token::QuotedString(address) if addresses => {
                    let place = self.place_of(&address);
                    self.out.string(&place);
                }
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => self.import(parser, depth),
                Token::Function(ref name) if self.are_guarded() && takes_pictures(name) => {
                    self.pictures(parser, name, &token, source, depth);
                }
                Token::Function(ref name) if name.eq_ignore_ascii_case("url") => self.quoted_url(parser, depth),
                Token::Function(ref name) => {
                    let addresses = takes_pictures(name);
                    self.nested(parser, &token, source, Token::CloseParenthesis, depth, addresses);
                }
                Token::ParenthesisBlock => {
                    self.nested(parser, &token, source, Token::CloseParenthesis, depth, addresses);
                }
                Token::SquareBracketBlock => {
                    self.nested(parser, &token, source, Token::CloseSquareBracket, depth, false);
                }
                Token::CurlyBracketBlock => {
                    self.nested(parser, &token, source, Token::CloseCurlyBracket, depth, false);
                }
                // Nothing that closes a block that it did not open.
                Token::CloseParenthesis | Token::CloseSquareBracket | Token::CloseCurlyBracket => self.out.leave_out(),
                token => self.out.token(&token, source),
            }
        }
    }

    /// `url("…")`, and what may follow its string. Without a string what follows would be read as an address.
    fn quoted_url(&mut self, parser: &mut Parser<'_>, depth: usize) {
        let mut address = None;
        let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<()>> {
            address = parser.expect_string_cloned().ok();
            if let Some(address) = &address {
                if self.assets.are_modified() {
                    self.url(address);
                    return Ok(());
                }
                let place = self.place_of(address);
                self.out.open_url(&place);
                if depth < DEPTH_MAX {
                    self.block(parser, depth + 1, true);
                }
                self.out.token(&Token::CloseParenthesis, "");
            }
            Ok(())
        });
        if address.is_none() {
            self.out.url(NOWHERE);
        }
    }

    fn nested(
        &mut self,
        parser: &mut Parser<'_>,
        open: &Token<'_>,
        source: &str,
        close: Token<'_>,
        depth: usize,
        addresses: bool,
    ) {
        let is_shown = depth < DEPTH_MAX;
        if is_shown {
            self.out.token(open, source);
        }
        // The parser passes over what nobody reads, and calls that an error.
        let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<()>> {
            if is_shown {
                self.block(parser, depth + 1, addresses);
            }
            Ok(())
        });
        match is_shown {
            true => self.out.token(&close, ""),
            false => self.out.leave_out(),
        }
    }

    /// A function that takes addresses of pictures, if only those stand in it that are kept: a variable may have any.
    fn pictures(&mut self, parser: &mut Parser<'_>, name: &str, open: &Token<'_>, source: &str, depth: usize) {
        let mut is_plain = !self.assets.are_withheld() && !name.eq_ignore_ascii_case("src") && depth < DEPTH_MAX;
        let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<()>> {
            let state = parser.state();
            is_plain = is_plain && has_plain_addresses(parser);
            parser.reset(&state);
            if is_plain {
                self.out.token(open, source);
                self.block(parser, depth + 1, true);
                self.out.token(&Token::CloseParenthesis, "");
            }
            Ok(())
        });
        if !is_plain {
            self.out.token(&Token::Ident("none".into()), "");
        }
    }

    /// An import, if its sheet is kept, with what follows its address: layer, conditions, media.
    fn import(&mut self, parser: &mut Parser<'_>, depth: usize) {
        self.out.leave_out();
        let _ = parser.parse_until_after(Delimiter::Semicolon, |parser| -> Result<(), ParseError<()>> {
            let place = imported(parser).and_then(|address| fetched_of_kept(&address, self.base, self.assets));
            let place = place.filter(|place| self.has_room(place));
            // An import may stand in what follows an import.
            if let Some(place) = place.filter(|_| depth < DEPTH_MAX) {
                self.out.token(&Token::AtKeyword("import".into()), "");
                self.out.token(&Token::WhiteSpace(" "), "");
                self.out.url(&place);
                self.block(parser, depth + 1, true);
                self.out.token(&Token::Semicolon, "");
            }
            while parser.next().is_ok() {}
            Ok(())
        });
        self.out.leave_out();
    }

    fn has_room(&mut self, address: &str) -> bool {
        let left = self.room.checked_sub(address.len());
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    fn url(&mut self, address: &str) {
        let place = self.place_of(address);
        self.out.open_url(&place);
        if self.assets.are_modified() && strip_prefix_of_any_case(&place, "http").is_some() {
            self.out.token(&Token::WhiteSpace(" "), "");
            self.out.token(&Token::Function("referrer-policy".into()), "");
            self.out.token(&Token::Ident("no-referrer".into()), "");
            self.out.token(&Token::CloseParenthesis, "");
        }
        self.out.token(&Token::CloseParenthesis, "");
    }

    /// Whether functions that take addresses may have only such as are written in them.
    fn are_guarded(&self) -> bool {
        !self.assets.are_fetched() || self.assets.are_modified()
    }

    fn place_of(&mut self, address: &str) -> String {
        let kept =
            if address.starts_with('#') { Some(address.to_owned()) } else { fetched(address, self.base, self.assets) };
        kept.filter(|kept| self.has_room(kept)).unwrap_or_else(|| NOWHERE.to_owned())
    }
}

/// The functions besides `url()` whose strings are addresses of pictures.
fn takes_pictures(name: &str) -> bool {
    ["src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether nothing stands in the block that could become another address than those that are written there.
fn has_plain_addresses(parser: &mut Parser<'_>) -> bool {
    while let Ok(token) = parser.next() {
        match token {
            Token::Function(name) if name.eq_ignore_ascii_case("url") || name.eq_ignore_ascii_case("type") => {}
            Token::Function(_)
            | Token::ParenthesisBlock
            | Token::SquareBracketBlock
            | Token::CurlyBracketBlock
            | Token::BadUrl(_)
            | Token::BadString(_) => return false,
            _ => {}
        }
    }
    true
}

/// The address that an import begins with.
fn imported(parser: &mut Parser<'_>) -> Option<String> {
    match parser.next().ok()?.clone() {
        Token::QuotedString(address) | Token::UnquotedUrl(address) => Some(address.to_string()),
        Token::Function(name) if name.eq_ignore_ascii_case("url") => {
            let address = parser.parse_nested_block(|parser| -> Result<String, ParseError<()>> {
                Ok(parser.expect_string()?.to_string())
            });
            address.ok()
        }
        _ => None,
    }
}

/// Where what is kept of an address is. Imports are followed nowhere else.
fn fetched_of_kept(address: &str, base: Option<&Url>, assets: &Assets) -> Option<String> {
    let whole = Url::options().base_url(base).parse(address).ok()?;
    assets.place_of_kept(&whole)
}

#[cfg(test)]
mod tests;
