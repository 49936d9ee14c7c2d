use std::sync::Arc;

use proptest::prelude::*;

use super::super::KeptAssets;
use super::*;

const BASE: &str = "https://shop.example/";

fn css(text: &str, base: &str, assets: &Assets) -> String {
    super::css(text, Url::parse(base).ok().as_ref(), assets)
}

fn css_part(text: &str, base: &str, assets: &Assets) -> String {
    super::css_part(text, Url::parse(base).ok().as_ref(), assets)
}

/// Pieces that mean something beside each other, whole or cut.
const PIECES: &[&str] = &[
    "u",
    "url",
    "url(",
    "rl(",
    "U+26-7F",
    "u",
    "URL(",
    "ur\\6c(",
    "import",
    "im",
    "port",
    "@",
    "@import",
    "@import x;",
    "@\\69mport",
    "@media",
    "src(",
    "image-set(",
    "-webkit-image-set(",
    "image(",
    "var(",
    "type(",
    "none",
    "url(\"",
    "\"",
    "'",
    "\"*/",
    "/*",
    "*/",
    "/**/",
    "/",
    "*",
    "\\",
    "\\\n",
    "\\/",
    "\\2f ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ";",
    ":",
    ",",
    " ",
    "\n",
    "<",
    "!",
    "<!--",
    "-->",
    "-",
    "--",
    ">",
    "#",
    "#a",
    "$",
    "=",
    "~",
    "|",
    "|=",
    "^",
    "*=",
    "%",
    ".",
    "+",
    "1",
    "1.5",
    "5",
    "+5",
    "-5",
    "e",
    "1e",
    "1e3",
    "1e999",
    "e-",
    "E1",
    "1\\65 1m",
    "px",
    "5%",
    ".5",
    "?",
    "a:hover",
    "http://evil.example/x",
    "http:",
    "//evil.example/y",
    "//",
    "\"http://evil.example/z\"",
    "'http://evil.example/q'",
    "url(http://evil.example/u)",
    "url(a\"b)",
    "url(a b)",
    "url(\"\n",
    "/kept/a",
    "'/kept/a.css'",
    "url(/kept/b)",
    "#frag",
    "url(#g)",
    "data:image/png,",
    "\u{d7}",
    "\u{feff}",
    "\u{a0}",
    "\u{2028}",
    "\u{e9}",
    "\0",
    "\u{c}",
    "\r\n",
    "\t",
    "\u{1}",
    "\u{7f}",
];

fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![12 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => "\\PC{0,3}"];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// What is read, token by token, blocks and comments included.
fn tokens(text: &str) -> Vec<Token<'_>> {
    fn read<'i>(parser: &mut Parser<'i>, all: &mut Vec<Token<'i>>) {
        while let Ok(token) = parser.next_including_whitespace_and_comments().cloned() {
            let close = match token {
                Token::Function(_) | Token::ParenthesisBlock => Some(Token::CloseParenthesis),
                Token::SquareBracketBlock => Some(Token::CloseSquareBracket),
                Token::CurlyBracketBlock => Some(Token::CloseCurlyBracket),
                _ => None,
            };
            all.push(token);
            if let Some(close) = close {
                let _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<()>> {
                    read(parser, all);
                    Ok(())
                });
                all.push(close);
            }
        }
    }
    let mut all = Vec::new();
    read(&mut Parser::new(text), &mut all);
    all
}

/// A site of which `/kept/…` is kept.
struct KeptFolder;

impl KeptAssets for KeptFolder {
    fn place_of(&self, url: &url::Url) -> Option<String> {
        url.path().starts_with("/kept/").then(|| "../assets/7/ab".to_owned())
    }
}

/// The addresses that a browser would ask for, by a reader that has nothing in common with the one that is tested.
fn followed(text: &str) -> Vec<String> {
    let mut followed = Vec::new();
    let mut open: Vec<bool> = Vec::new();
    let mut is_import = false;
    for token in tokens(text) {
        match &token {
            Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => is_import = true,
            Token::Semicolon => is_import = false,
            Token::UnquotedUrl(address) | Token::BadUrl(address) => followed.push(address.to_string()),
            Token::Function(name) => {
                open.push(name.eq_ignore_ascii_case("url") || takes_pictures(name));
                if name.eq_ignore_ascii_case("src") {
                    followed.push("src()".to_owned());
                }
            }
            Token::ParenthesisBlock => open.push(open.last().copied().unwrap_or(false)),
            Token::SquareBracketBlock | Token::CurlyBracketBlock => open.push(false),
            token if closes(token) => drop(open.pop()),
            Token::QuotedString(address) if open.last() == Some(&true) || (is_import && open.is_empty()) => {
                followed.push(address.to_string())
            }
            _ => {}
        }
    }
    followed.retain(|address| address != NOWHERE && !address.starts_with('#') && !address.starts_with("data:image/"));
    followed
}

/// Tokens with their numbers as far as they are written, without white space.
fn comparable(tokens: &[Token<'_>]) -> Vec<String> {
    tokens
        .iter()
        .filter(|token| !matches!(token, Token::WhiteSpace(_)))
        .map(|token| match token {
            Token::Number { value, .. } => format!("number {:.3e}", value.clamp(f32::MIN, f32::MAX)),
            Token::Percentage { unit_value, .. } => format!("percentage {:.3e}", unit_value.clamp(f32::MIN, f32::MAX)),
            Token::Dimension { value, unit, .. } => format!("dimension {:.3e} {unit}", value.clamp(f32::MIN, f32::MAX)),
            token => format!("{token:?}"),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_is_read_as_the_tokens_that_were_kept(text in soup(), kept in prop::collection::vec(any::<bool>(), 64)) {
        let mut writer = Writer::default();
        let mut expected = Vec::new();
        let mut parser = Parser::new(&text);
        let mut kept = kept.iter().cycle();
        loop {
            // Blocks are entered as they come: what closes them is a token like any other.
            let begin = parser.position();
            let Ok(token) = parser.next_including_whitespace_and_comments().cloned() else { break };
            let source = parser.slice_from(begin).to_owned();
            let opens = matches!(token, Token::Function(_) | Token::ParenthesisBlock | Token::SquareBracketBlock | Token::CurlyBracketBlock);
            let closes = matches!(token, Token::CloseParenthesis | Token::CloseSquareBracket | Token::CloseCurlyBracket);
            if opens || closes || matches!(token, Token::UnquotedUrl(_)) || kept.next() == Some(&false) {
                writer.leave_out();
                if opens {
                    let _ = parser.parse_nested_block(|_| -> Result<(), ParseError<()>> { Ok(()) });
                }
                continue;
            }
            writer.token(&token, &source);
            if !matches!(token, Token::Comment(_) | Token::BadUrl(_) | Token::BadString(_) | Token::Delim('\\')) {
                expected.push(token);
            }
        }
        let out = writer.into_text();
        prop_assert_eq!(comparable(&tokens(&out)), comparable(&expected), "{:?} became {:?}", text, out);
    }

    #[test]
    fn no_soup_of_tokens_leads_anywhere_but_to_what_is_kept(text in soup()) {
        let withheld = css(&text, BASE, &Assets::WITHHELD);
        prop_assert_eq!(followed(&withheld), Vec::<String>::new(), "{:?} became {:?}", text, withheld);
        prop_assert!(!tokens(&withheld).iter().any(|token| token.is_parse_error() && !closes(token)));
        let kept = Assets::WITHHELD.with_kept(Arc::new(KeptFolder));
        let shown = css(&text, BASE, &kept);
        let others: Vec<String> = followed(&shown).into_iter().filter(|address| !address.starts_with("../assets/7/ab")).collect();
        prop_assert_eq!(others, Vec::<String>::new(), "{:?} became {:?}", text, shown);
    }

    #[test]
    fn what_is_clean_stays_as_it_is(text in soup()) {
        for assets in [Assets::WITHHELD, Assets::FETCHED, Assets::FETCHED_QUIETLY] {
            let clean = css(&text, BASE, &assets);
            let again = css(&clean, BASE, &assets);
            prop_assert_eq!(&again, &clean, "of {:?}", text);
        }
    }

    #[test]
    fn nothing_is_asked_for_with_a_referrer(text in soup()) {
        let clean = css(&text, BASE, &Assets::FETCHED_QUIETLY);
        let quiet = clean.matches("\" referrer-policy(no-referrer))").count();
        let asked = followed(&clean);
        let loud = asked.iter().filter(|address| address.starts_with("http")).count();
        prop_assert!(quiet >= loud, "{:?} became {:?}", text, clean);
    }

    #[test]
    fn readers_that_drop_comments_find_none_and_no_slash_in_a_name(text in soup()) {
        let clean = css(&text, BASE, &Assets::WITHHELD);
        let mut outside = String::new();
        let mut chars = clean.chars();
        let mut in_string = false;
        while let Some(char) = chars.next() {
            match char {
                '\\' if in_string => drop(chars.next()),
                '"' => {
                    in_string = !in_string;
                    outside.push('"');
                }
                _ if in_string => {}
                char => {
                    outside.push(char);
                    if char == '\\' {
                        outside.extend(chars.next());
                    }
                }
            }
        }
        prop_assert!(!in_string && !outside.contains("/*") && !outside.contains("\\/") && !outside.contains('\''), "{:?} became {:?}", text, clean);
    }

    #[test]
    fn the_texts_of_one_style_element_stay_apart(first in soup(), second in soup()) {
        let joined = css_part(&first, BASE, &Assets::WITHHELD) + &css_part(&second, BASE, &Assets::WITHHELD);
        prop_assert_eq!(followed(&joined), Vec::<String>::new(), "{:?} and {:?} became {:?}", first, second, joined);
    }
}

fn closes(token: &Token<'_>) -> bool {
    matches!(token, Token::CloseParenthesis | Token::CloseSquareBracket | Token::CloseCurlyBracket)
}

#[test]
fn what_is_left_out_joins_nothing() {
    for text in [
        "body{background:u)rl(http://evil.example/1)}",
        "body{background:u]rl(\"http://evil.example/1\")}",
        "@)import \"http://evil.example/1\";",
        "@@import x;import \"http://evil.example/1\";",
        "b{background:u@import x;rl(\"http://evil.example/1\")}",
        "p{background:image-set(x)url(http://evil.example/1)}",
        "@url(a\"b)import \"http://evil.example/1\";",
        "@/**/import \"http://evil.example/1\";",
        "a{background:u/**/rl(\"http://evil.example/1\")}",
        // The string of such a function ends with its line, and is none.
        "a{background:url(\"\nhttp://evil.example/1)}",
        "a{background:url(\"\nhttp://evil.example/1",
        "\u{feff}@)import \"http://evil.example/1\";",
    ] {
        assert_eq!(followed(&css(text, BASE, &Assets::WITHHELD)), Vec::<String>::new(), "{text}");
    }
    // Nothing begins a comment, which would make a string of what is in one and the other way round.
    for text in [
        "/)* \"*/ p{background:url(http://evil.example/1)} /*\"",
        "/@import x;* \"*/ p{background:url(http://evil.example/1)} /*\"{}",
        "a:hover //**/* \"*/ p{background:url(http://evil.example/1)} /*\"{}",
        "a\\/*\"*/ p:hover{background:url(http://evil.example/1)} q\"{}",
    ] {
        let clean = css(text, BASE, &Assets::WITHHELD);
        let before = clean.split('"').next().unwrap();
        assert!(!before.contains("/*") && !before.contains("\\/"), "{text} became {clean}");
    }
}

#[test]
fn styles_say_that_no_referrer_is_sent() {
    let quietly = |text: &str| css(text, BASE, &Assets::FETCHED_QUIETLY);
    let asked = "url(\"https://shop.example/a\" referrer-policy(no-referrer))";
    for text in
        ["url(/a)", "URL('/a')", "url('/a' referrer-policy(unsafe-url))", "url( \"/a\" crossorigin(use-credentials) )"]
    {
        assert_eq!(quietly(&format!("a{{b:{text}}}")), format!("a{{b:{asked}}}"), "{text}");
    }
    assert_eq!(
        quietly("a{b:image-set('/a' 1x type('image/png'))}"),
        format!("a{{b:image-set({asked} 1x type(\"image/png\"))}}")
    );
    assert_eq!(quietly("a{--x:'/a';b:image-set(var(--x) 1x),src('/a')}"), "a{--x:\"/a\";b:none,none}");
    assert_eq!(quietly("a{b:url(#a) url(data:image/gif,x)}"), "a{b:url(\"#a\") url(\"data:image/gif,x\")}");
}

#[test]
fn a_text_that_ends_in_the_middle_of_a_word_does_not_go_on_in_the_next() {
    let parts = |first, second| css_part(first, BASE, &Assets::WITHHELD) + &css_part(second, BASE, &Assets::WITHHELD);
    assert_eq!(parts("@im", "port 'http://evil.example/1';"), "@im\nport \"http://evil.example/1\";");
    assert_eq!(parts("/", "* x"), "/\n* x\n");
    assert_eq!(parts("a{}", "b{}"), "a{}b{}");
}

#[test]
fn what_honest_style_sheets_have_is_written_as_it_was() {
    for text in [
        "@font-face{unicode-range:U+0025-00FF,u+4??,U+1E00-1EFF,U+26}",
        "li:nth-child(2n+1):not(:nth-child(-n+3))>a::before{margin:-.5em+1px;width:calc(1px + 1e3em - 99999999999px)}",
        ".sm\\:w-1\\.5,.\\31 0,.caf\u{e9},#\\#a{color:#fff;color:#0a0a0a!important}",
        "a{--x:;--y: {a:b};width:33.333333%}",
        "@media (min-width:1px) and (max-width:2px){a{b:c}}",
    ] {
        assert_eq!(css(text, BASE, &Assets::WITHHELD), text);
    }
    assert_eq!(css("a{b:c/* d */;/**/e/**/:f}/* g */h/**/.i{}", BASE, &Assets::WITHHELD), "a{b:c;e:f}h.i{}");
    assert_eq!(css(".w-1\\/2{}", BASE, &Assets::WITHHELD), ".w-1\\2f 2{}");
}
