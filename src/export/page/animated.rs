//! A `style` attribute, with what animations have ended with.

use std::collections::HashSet;

use cssparser::{Delimiter, ParseError, Parser, Token};

/// In a longer attribute nothing is looked for: an animation may end at any moment, and each end would cost that much again.
const READ_BYTES_MAX: usize = 4 << 10;

/// The attribute with these styles behind what it has: a property that they have counts no more as it was.
pub fn with(before: &str, styles: &str) -> String {
    let mut all = String::with_capacity(before.len() + 1 + styles.len());
    if before.len() <= READ_BYTES_MAX {
        let newest: HashSet<String> = declared(styles).map(|declared| declared.property).collect();
        // What is important stays above all that is not.
        let counts = |declared: &Declared<'_>| declared.is_important || !newest.contains(&declared.property);
        declared(before).filter(counts).for_each(|declared| push(&mut all, declared.text));
    } else {
        all.push_str(before.trim_end_matches(';'));
    }
    push(&mut all, styles);
    all
}

fn push(all: &mut String, text: &str) {
    if !all.is_empty() && !text.is_empty() {
        all.push(';');
    }
    all.push_str(text);
}

/// A declaration, and what it is of: empty if it is none.
struct Declared<'a> {
    text: &'a str,
    property: String,
    is_important: bool,
}

/// What stands between semicolons. None of those that stand in brackets or strings.
fn declared(style: &str) -> impl Iterator<Item = Declared<'_>> {
    let mut parser = Parser::new(style);
    let mut is_over = false;
    std::iter::from_fn(move || {
        while !is_over {
            let (start, mut property, mut is_important) = (parser.position(), String::new(), false);
            // It stops ahead of the semicolon, whatever was read.
            let _ = parser.parse_until_before(Delimiter::Semicolon, |parser| -> Result<(), ParseError<()>> {
                property = parser.expect_ident().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
                while let Ok(token) = parser.next() {
                    is_important |= matches!(token, Token::Delim('!'));
                }
                Ok(())
            });
            let text = parser.slice_from(start).trim_ascii();
            is_over = parser.next().is_err();
            if !text.is_empty() {
                return Some(Declared { text, property, is_important });
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_animation_ends_with_takes_the_place_of_what_the_property_was() {
        let told = "top: 1px; COLOR: red; left:2px;";
        assert_eq!(with(told, "color:blue"), "top: 1px;left:2px;color:blue");
        assert_eq!(with("", "color:blue"), "color:blue");
        assert_eq!(with(";;", "color:blue"), "color:blue");
        assert_eq!(with("color:red", ""), "color:red");
        assert_eq!(with("color:red!important", "color:blue"), "color:red!important;color:blue");
    }

    #[test]
    fn no_semicolon_in_brackets_or_strings_ends_a_declaration() {
        let told = "background:url(data:image/png;base64,color:red);content:';color:red;'";
        assert_eq!(with(told, "color:blue"), format!("{told};color:blue"));
        assert_eq!(with(&format!("color:red;{told}"), "color:blue"), format!("{told};color:blue"));
        for broken in [";", "}", "{", "(", "a(;b", "\"", "'\n;", "\\", "@x;", "}}a:b"] {
            assert!(with(broken, "top:0").ends_with("top:0"), "{broken}");
        }
    }
}
