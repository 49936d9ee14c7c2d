//! An address, with its redirects, its waiting and its type.

use std::time::{Duration, Instant};

use url::Url;

use crate::assets::address::Address;
use crate::assets::kind::Kind;

use super::client::{Answer, Client};
use super::left_out::LeftOut;
use super::pace::Pace;
use super::wanted::{Wanted, made_absolute};

/// How many redirects are followed.
pub const REDIRECTS_MAX: usize = 5;

/// Lets the connections notice what has happened to them while nobody looked.
const PAUSE: Duration = Duration::from_millis(1);

/// A file as it is going to be kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Asks for an address, and for each that it leads to, if that is allowed too.
///
/// # Errors
/// Why there is nothing to be kept.
pub async fn follow(named: &Address, client: &Client, wanted: &Wanted, pace: &mut Pace) -> Result<Found, LeftOut> {
    let begin = Url::parse(named.as_str()).map_err(|error| LeftOut::Failed(error.to_string()))?;
    let path = begin.path();
    let mut url = begin.clone();
    for _ in 0..=REDIRECTS_MAX {
        match ask(&url, path, client, pace).await? {
            Answer::File { bytes, is_css } => {
                let kind = kind_of(path, is_css, &bytes).ok_or(LeftOut::OtherType)?;
                let bytes = if kind == Kind::Css && url != begin { made_absolute(&bytes, &url) } else { bytes };
                return Ok(Found { kind, bytes });
            }
            Answer::Moved(next) => url = step(&url, next, wanted)?,
            Answer::Busy { status, .. } => return Err(LeftOut::Failed(format!("status {status}"))),
        }
    }
    Err(LeftOut::Failed(format!("more than {REDIRECTS_MAX} redirects")))
}

/// One answer, when it is this one's turn; a host that asks to wait is waited for.
async fn ask(url: &Url, path: &str, client: &Client, pace: &mut Pace) -> Result<Answer, LeftOut> {
    loop {
        if pace.is_left(url) {
            return Err(LeftOut::HostLeft);
        }
        tokio::time::sleep(pace.turn(Instant::now()).max(PAUSE)).await;
        let answer = client.get(url, path).await;
        match &answer {
            Ok(Answer::Busy { status, wait: Some(wait) }) => {
                if !pace.may_wait(url, *wait) {
                    let text = format!("status {status}, to be asked again in {} s", wait.as_secs());
                    return Err(LeftOut::Failed(text));
                }
                tokio::time::sleep(*wait).await;
                continue;
            }
            Ok(Answer::Busy { wait: None, .. }) | Err(LeftOut::Failed(_) | LeftOut::RefusedAddress(_)) => {
                pace.fault(url)
            }
            _ => pace.fine(url),
        }
        return answer;
    }
}

/// The next address, if it may be asked for.
fn step(from: &Url, to: Url, wanted: &Wanted) -> Result<Url, LeftOut> {
    let Ok(address) = Address::of(&to) else {
        return Err(LeftOut::NotAllowed("something that is no address of a file, or has a login in it".to_owned()));
    };
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(LeftOut::NotAllowed(format!("{address}, from https: to http:")));
    }
    if wanted.allows(&to) { Ok(to) } else { Err(LeftOut::NotAllowed(format!("{address}, which is not allowed"))) }
}

/// What a file is. What the site says of it counts for style sheets alone, whose addresses often have no name (`/css2?family=…`), and only if the file
/// could be nothing else: a text with a rule in it, that begins as no markup and no JSON.
fn kind_of(path: &str, is_css: bool, bytes: &[u8]) -> Option<Kind> {
    Kind::of(path, bytes).or_else(|| {
        let kind = Kind::of("css", bytes).filter(|_| is_css)?;
        let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
        let has_rule = text.contains('{') || text.contains("@import");
        (has_rule && !text.starts_with(['{', '[', '"', '('])).then_some(kind)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_says_of_a_file_counts_for_what_looks_like_a_style_sheet_alone() {
        assert_eq!(kind_of("/css2", true, b"/* latin */ @font-face { src: url(a.ttf) }"), Some(Kind::Css));
        assert_eq!(kind_of("/style", true, b"\xef\xbb\xbf@import 'a.css';"), Some(Kind::Css));
        assert_eq!(kind_of("/css2", false, b"@font-face {}"), None);
        for bytes in [
            &b"<!doctype html><style>a{}</style>"[..],
            b" <svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"{\"token\":\"x\"}",
            b"[{}]",
            b"(function(){})()",
            b"404 page not found",
            b"",
            b"a{}\0",
            b"a{\xff}",
        ] {
            assert_eq!(kind_of("/css2", true, bytes), None, "{}", bytes.escape_ascii());
        }
        assert_eq!(kind_of("/a.png", true, b"\x89PNG\r\n\x1a\n"), Some(Kind::Png));
        assert_eq!(kind_of("/a.css", false, b"a{}"), Some(Kind::Css));
        assert_eq!(kind_of("/a.css", true, b"<html>"), None);
    }

    #[test]
    fn a_redirect_leads_nowhere_that_is_not_allowed_and_not_out_of_tls() {
        let wanted = Wanted::new(vec!["https://a.example/v7".parse().unwrap(), "http://a.example/".parse().unwrap()]);
        let from = Url::parse("https://a.example/v7/a.css").unwrap();
        for (to, fine) in [
            ("https://a.example/v7/b.css", true),
            ("https://a.example/b.css", false),
            ("http://a.example/v7/b.css", false),
            ("https://b.example/v7/b.css", false),
            ("https://ada:x@a.example/v7/b.css", false),
            ("file:///etc/passwd", false),
            ("data:text/css,a{}", false),
        ] {
            let step = step(&from, Url::parse(to).unwrap(), &wanted);
            assert_eq!(step.is_ok(), fine, "{to}");
            assert!(fine || matches!(step, Err(LeftOut::NotAllowed(_))), "{to}");
        }
        let plain = Url::parse("http://a.example/a.css").unwrap();
        assert!(step(&plain, from, &wanted).is_ok());
    }
}
