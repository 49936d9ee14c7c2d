//! Style sheets, rules and `style` attributes, read with the tokens of CSS, so that no escape or comment hides an address.

use cssparser::{Delimiter, ParseError, Parser, ToCss, Token, serialize_string};

use super::{Assets, fetched};

/// Blocks inside blocks, further than any style sheet goes.
const DEPTH_MAX: usize = 32;

/// The text without imports, and with only those addresses that may be fetched.
pub fn css(text: &str, base: Option<&str>, assets: Assets) -> String {
    let mut out = String::with_capacity(text.len());
    Walk { base, assets, out: &mut out }.block(&mut Parser::new(text), 0, false);
    out
}

struct Walk<'a> {
    base: Option<&'a str>,
    assets: Assets,
    out: &'a mut String,
}

impl Walk<'_> {
    /// Writes the tokens of one block. In a function that takes addresses its strings are such.
    fn block(&mut self, parser: &mut Parser<'_>, depth: usize, addresses: bool) {
        while let Ok(token) = parser.next_including_whitespace_and_comments().cloned() {
            match token {
                Token::UnquotedUrl(address) => self.url(&address),
                Token::QuotedString(address) if addresses => self.address(&address),
                Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => skip_statement(parser),
                Token::BadUrl(_) | Token::BadString(_) => {}
                Token::Comment(_) => self.out.push_str("/**/"),
                Token::Function(ref name) if self.assets == Assets::Withheld && takes_pictures(name) => {
                    // The parser passes over a block that nobody reads.
                    self.out.push_str("none");
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
        let _ = serialize_string(kept.as_deref().unwrap_or("about:invalid"), self.out);
    }
}

/// The functions besides `url()` whose strings are addresses of pictures.
fn takes_pictures(name: &str) -> bool {
    ["src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Passes over the rest of an at-rule without a block.
fn skip_statement(parser: &mut Parser<'_>) {
    let _ = parser.parse_until_after(Delimiter::Semicolon, |parser| -> Result<(), ParseError<()>> {
        while parser.next().is_ok() {}
        Ok(())
    });
}
