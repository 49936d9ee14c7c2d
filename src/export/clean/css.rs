//! Style sheets, rules and `style` attributes, read with the tokens of CSS, so that no escape or comment hides an address.

use cssparser::{Delimiter, ParseError, Parser, ToCss, Token, serialize_string};
use url::Url;

use super::{Assets, fetched, room_for_addresses};

/// Blocks inside blocks, further than any style sheet goes.
const DEPTH_MAX: usize = 32;

/// The text with only those addresses that may be fetched, and only those imports that are kept.
pub fn css(text: &str, base: Option<&Url>, assets: &Assets) -> String {
    let mut out = String::with_capacity(text.len());
    Walk { base, assets, room: room_for_addresses(text), out: &mut out }.block(&mut Parser::new(text), 0, false);
    out
}

struct Walk<'a> {
    base: Option<&'a Url>,
    assets: &'a Assets,
    /// How many bytes of addresses may still be written.
    room: usize,
    out: &'a mut String,
}

impl Walk<'_> {
    /// Writes the tokens of one block. In a function that takes addresses its strings are such.
    fn block(&mut self, parser: &mut Parser<'_>, depth: usize, addresses: bool) {
        while let Ok(token) = parser.next_including_whitespace_and_comments().cloned() {
            match token {
                Token::UnquotedUrl(address) => self.url(&address),
                Token::QuotedString(address) if addresses => self.address(&address),
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => self.import(parser, depth),
                Token::BadUrl(_) | Token::BadString(_) => {}
                Token::Comment(_) => self.out.push_str("/**/"),
                Token::Function(ref name) if !self.assets.are_fetched() && takes_pictures(name) => {
                    self.pictures(parser, name, &token, depth);
                }
                Token::Function(ref name) => {
                    let addresses = name.eq_ignore_ascii_case("url") || takes_pictures(name);
                    self.nested(parser, &token, ')', depth, addresses);
                }
                Token::ParenthesisBlock => self.nested(parser, &token, ')', depth, addresses),
                Token::SquareBracketBlock => self.nested(parser, &token, ']', depth, false),
                Token::CurlyBracketBlock => self.nested(parser, &token, '}', depth, false),
                // Nothing that closes a block that it did not open.
                Token::CloseParenthesis | Token::CloseSquareBracket | Token::CloseCurlyBracket => {}
                token => self.token(&token),
            }
        }
    }

    fn nested(&mut self, parser: &mut Parser<'_>, open: &Token<'_>, close: char, depth: usize, addresses: bool) {
        self.token(open);
        if depth < DEPTH_MAX {
            // The closure never fails.
            let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<()>> {
                self.block(parser, depth + 1, addresses);
                Ok(())
            });
        }
        self.out.push(close);
    }

    /// A function that takes addresses of pictures, if only those stand in it that are kept: a variable may have any.
    fn pictures(&mut self, parser: &mut Parser<'_>, name: &str, open: &Token<'_>, depth: usize) {
        let begin = self.out.len();
        let is_plain = parser.parse_nested_block(|parser| -> Result<bool, ParseError<()>> {
            let state = parser.state();
            let may_be = !self.assets.are_withheld() && !name.eq_ignore_ascii_case("src") && depth < DEPTH_MAX;
            let is_plain = may_be && has_plain_addresses(parser);
            parser.reset(&state);
            if is_plain {
                self.token(open);
                self.block(parser, depth + 1, true);
                self.out.push(')');
            }
            // The parser passes over what nobody reads.
            Ok(is_plain)
        });
        if !is_plain.unwrap_or(false) {
            self.out.truncate(begin);
            self.out.push_str("none");
        }
    }

    /// An import, if its sheet is kept, with what follows its address: layer, conditions, media.
    fn import(&mut self, parser: &mut Parser<'_>, depth: usize) {
        let _ = parser.parse_until_after(Delimiter::Semicolon, |parser| -> Result<(), ParseError<()>> {
            let place = imported(parser).and_then(|address| fetched_of_kept(&address, self.base, self.assets));
            let place = place.filter(|place| self.has_room(place));
            // An import may stand in what follows an import.
            if let Some(place) = place.filter(|_| depth < DEPTH_MAX) {
                self.out.push_str("@import ");
                self.url_of(&place);
                self.block(parser, depth + 1, false);
                self.out.push(';');
            }
            while parser.next().is_ok() {}
            Ok(())
        });
    }

    fn has_room(&mut self, address: &str) -> bool {
        let left = self.room.checked_sub(address.len());
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    fn url_of(&mut self, place: &str) {
        self.out.push_str("url(");
        let _ = serialize_string(place, self.out);
        self.out.push(')');
    }

    fn token(&mut self, token: &Token<'_>) {
        // Writing to a String can't fail.
        let _ = token.to_css(self.out);
    }

    fn url(&mut self, address: &str) {
        self.out.push_str("url(");
        self.address(address);
        self.out.push(')');
    }

    fn address(&mut self, address: &str) {
        let kept =
            if address.starts_with('#') { Some(address.to_owned()) } else { fetched(address, self.base, self.assets) };
        let kept = kept.filter(|kept| self.has_room(kept));
        let _ = serialize_string(kept.as_deref().unwrap_or("about:invalid"), self.out);
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
