//! Where in a text one rule ends and the next begins.

use cssparser::{ParseError, Parser, Token};

/// What takes the place of a rule that may not be shown, so that those behind it keep their numbers.
pub(super) const NO_RULE: &str = "@media not all{}";

/// The rules of a sheet that a script made, as browsers count them: they have no number for imports there.
pub fn rules(text: &str) -> Vec<String> {
    let mut parser = Parser::new(text);
    let mut rules = Vec::new();
    while let Some(Found { rule, is_whole, is_import }) = next(&mut parser) {
        if is_whole && !is_import {
            rules.push(rule.to_owned());
        }
    }
    rules
}

/// Whether a text is one rule, of any kind.
pub(super) fn is_one(text: &str) -> bool {
    let mut parser = Parser::new(text);
    next(&mut parser).is_some_and(|found| found.is_whole) && next(&mut parser).is_none()
}

struct Found<'a> {
    rule: &'a str,
    is_whole: bool,
    is_import: bool,
}

fn next<'a>(parser: &mut Parser<'a>) -> Option<Found<'a>> {
    parser.skip_whitespace();
    let start = parser.position();
    let first = parser.next().cloned().ok()?;
    let at_rule = matches!(&first, Token::AtKeyword(_));
    let is_import = matches!(&first, Token::AtKeyword(name) if ["import", "charset"].iter().any(|other| name.eq_ignore_ascii_case(other)));
    let mut is_whole = at_rule;
    let mut token = Some(first);
    while let Some(now) = token {
        match now {
            Token::CurlyBracketBlock => {
                // The closure never fails.
                let _ = parser.parse_nested_block(|block| -> Result<(), ParseError<()>> {
                    while block.next().is_ok() {}
                    Ok(())
                });
                is_whole = true;
                break;
            }
            Token::Semicolon if at_rule => break,
            _ => token = parser.next().cloned().ok(),
        }
    }
    Some(Found { rule: parser.slice_from(start).trim_end(), is_whole, is_import })
}
