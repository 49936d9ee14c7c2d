//! What is taken, and the type that it is served with.
//!
//! Pictures and fonts are told by their first bytes. A style sheet and a drawing have no such bytes: they are taken if they are called so and don't look like
//! something else. Whatever a server has said of a file counts for nothing.

use serde::{Deserialize, Serialize};

/// A type that a browser shows and never runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names of the formats")]
pub enum Kind {
    Css,
    Svg,
    Png,
    Jpeg,
    Gif,
    Webp,
    Avif,
    Bmp,
    Ico,
    Woff,
    Woff2,
    Ttf,
    Otf,
}

/// How far into a drawing its root element is looked for.
const SVG_HEAD_BYTES: usize = 4096;

impl Kind {
    /// What the bytes are, in a file whose name or path ends like this; `None` if it is nothing that is kept.
    pub fn of(name: &str, bytes: &[u8]) -> Option<Kind> {
        if let Some(kind) = by_bytes(bytes) {
            return Some(kind);
        }
        let ending = name.rsplit(['/', '.']).next().unwrap_or_default().to_ascii_lowercase();
        match &*ending {
            "css" if is_css(bytes) => Some(Kind::Css),
            "svg" if is_svg(bytes) => Some(Kind::Svg),
            _ => None,
        }
    }

    /// The media type that it is served with.
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Css => "text/css; charset=utf-8",
            Kind::Svg => "image/svg+xml",
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Gif => "image/gif",
            Kind::Webp => "image/webp",
            Kind::Avif => "image/avif",
            Kind::Bmp => "image/bmp",
            Kind::Ico => "image/x-icon",
            Kind::Woff => "font/woff",
            Kind::Woff2 => "font/woff2",
            Kind::Ttf => "font/ttf",
            Kind::Otf => "font/otf",
        }
    }
}

fn by_bytes(bytes: &[u8]) -> Option<Kind> {
    Some(match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Kind::Png,
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Gif,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Kind::Webp,
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Kind::Avif,
        // The size of its header follows at 14: texts that begin with BM have none.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, _, _, 12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => Kind::Bmp,
        [0, 0, 1, 0, (1..), 0, ..] => Kind::Ico,
        [b'w', b'O', b'F', b'F', ..] => Kind::Woff,
        [b'w', b'O', b'F', b'2', ..] => Kind::Woff2,
        [0, 1, 0, 0, 0, (1..), ..] | [b't', b'r', b'u', b'e', 0, ..] => Kind::Ttf,
        [b'O', b'T', b'T', b'O', 0, ..] => Kind::Otf,
        _ => return None,
    })
}

/// The text, without a mark of its byte order and without white space before it.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    Some(text.trim_start_matches('\u{feff}').trim_start())
}

/// Markup begins with `<`; no style sheet does, but for one that is hidden from browsers of the last century.
fn is_css(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| !text.starts_with('<'))
}

/// Whether the root element is `svg`.
fn is_svg(bytes: &[u8]) -> bool {
    let Some(mut rest) = text(bytes) else { return false };
    let begin = rest.len();
    while begin - rest.len() < SVG_HEAD_BYTES {
        let end = match rest {
            _ if rest.starts_with("<?") => "?>",
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<!") => ">",
            _ => break,
        };
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after.trim_start();
    }
    let after = rest.strip_prefix("<svg").and_then(|after| after.chars().next());
    after.is_some_and(|char| char.is_ascii_whitespace() || matches!(char, '>' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_fonts_are_told_by_their_bytes_whatever_they_are_called() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Kind::Png),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"GIF89a", Kind::Gif),
            (b"RIFF....WEBPVP8 ", Kind::Webp),
            (b"\0\0\0\x20ftypavif", Kind::Avif),
            (b"BM....\0\0\0\0\x36\0\0\0\x28\0\0\0", Kind::Bmp),
            (b"\0\0\x01\0\x01\0\x10\x10", Kind::Ico),
            (b"wOFF....", Kind::Woff),
            (b"wOF2....", Kind::Woff2),
            (b"\0\x01\0\0\0\x0f", Kind::Ttf),
            (b"OTTO\0", Kind::Otf),
        ] {
            for name in ["a.html", "a.css", "a", "a.js"] {
                assert_eq!(Kind::of(name, bytes), Some(kind), "{name}");
            }
        }
    }

    #[test]
    fn nothing_that_could_run_is_taken_whatever_it_is_called() {
        for bytes in [
            &b"<!doctype html><script>alert(1)</script>"[..],
            b" \n<script>alert(1)</script>",
            b"\xef\xbb\xbf<html>",
            b"<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><script/></html>",
            b"<!-- <svg> --><html>",
            b"<svgx>",
            b"alert(1)\0",
            b"\xff\xfe<\0s\0",
            b"%PDF-1.7\xe2\xe3",
        ] {
            for name in ["a.css", "a.svg", "a.png", "a.html", "a.js", "svg"] {
                assert_eq!(Kind::of(name, bytes), None, "{name} {}", bytes.escape_ascii());
            }
        }
        // A script that is called a style sheet is served as one.
        assert_eq!(Kind::of("a.css", b"alert(1)"), Some(Kind::Css));
        assert_eq!(Kind::of("a.js", b"alert(1)"), None);
        assert_eq!(Kind::of("a.html", b"a{}"), None);
    }

    #[test]
    fn style_sheets_and_drawings_are_taken_by_their_names_and_looks() {
        assert_eq!(Kind::of("css/A.CSS", b"\xef\xbb\xbf@charset \"utf-8\"; a{}"), Some(Kind::Css));
        assert_eq!(Kind::of("a.css", b""), Some(Kind::Css));
        let svg = b"<?xml version=\"1.0\"?>\n<!-- a > b --><!DOCTYPE svg>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        assert_eq!(Kind::of("logo.svg", svg), Some(Kind::Svg));
        assert_eq!(Kind::of("logo.svg", b"<svg>"), Some(Kind::Svg));
        assert_eq!(Kind::of("logo.css", svg), None);
    }
}
