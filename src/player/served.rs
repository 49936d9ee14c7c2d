//! The served page.

use super::assets::HTML;
use super::library::{CDN, INTEGRITY, is_embedded};

/// Whose page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSource {
    /// The session. The page fetches `/api/sessions/SESSION` and `/api/sessions/SESSION/events`.
    pub session: u64,
    /// The viewer lets the recorded site be asked for its pictures, fonts and style sheets: the page's query was `assets=1`. It fetches events
    /// with the same query, and its policy is [`csp_with_assets`].
    pub assets: bool,
}

/// The page at `/play/SESSION`. It asks for its files as `../player/NAME`, so that it also works below a prefix.
pub fn page(source: &PageSource) -> String {
    let PageSource { session, assets } = source;
    let library = match is_embedded() {
        true => "<script src=\"../player/replay.js\" defer></script>".to_owned(),
        false => format!("<script src=\"{CDN}\" integrity=\"{INTEGRITY}\" crossorigin=\"anonymous\" defer></script>"),
    };
    let head = format!(
        "<link rel=\"stylesheet\" href=\"../player/player.css\">\n{library}\n\
         <script type=\"module\" src=\"../player/main.js\"></script>"
    );
    let from = if is_embedded() { "here" } else { "cdn" };
    let about = format!("data-session=\"{session}\" data-assets=\"{assets}\" data-library=\"{from}\"");
    HTML.replace("data-page", &about)
        .replace("<!--session-->", &format!(" {session}"))
        .replace("<!--head-->", &head)
        .replace("<!--tail-->", "")
}

macro_rules! policy {
    ($library:literal, $assets:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'",
            $library,
            "; style-src 'self' 'unsafe-inline'",
            $assets,
            "; img-src 'self' data: blob:",
            $assets,
            "; font-src 'self' data:",
            $assets,
            "; media-src 'none'; frame-src about:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    };
}

/// The `Content-Security-Policy` of the page: no requests but to the server that it came from.
pub fn csp() -> &'static str {
    match is_embedded() {
        true => policy!("", ""),
        false => policy!(" https://cdn.jsdelivr.net/npm/@rrweb/", ""),
    }
}

/// The same for a page with `assets`, which may fetch pictures, fonts and style sheets from anywhere.
pub fn csp_with_assets() -> &'static str {
    match is_embedded() {
        true => policy!("", " http: https:"),
        false => policy!(" https://cdn.jsdelivr.net/npm/@rrweb/", " http: https:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::player::asset;

    #[test]
    fn the_page_asks_for_nothing_that_its_policy_forbids_or_the_server_lacks() {
        let page = page(&PageSource { session: u64::MAX, assets: false });
        assert!(page.contains("data-session=\"18446744073709551615\""), "{page}");
        assert!(!page.contains("<!--"), "a mark is left in {page}");
        for (_, address) in page.match_indices("=\"../player/").map(|(at, mark)| page.split_at(at + mark.len())) {
            let name = address.split('"').next().unwrap_or_default();
            assert!(asset(name).is_some(), "there is no {name}");
        }
        assert!(!page.contains("<script>") && !page.contains("<style"), "the policy allows no script in the page");
        assert_eq!(page.contains(CDN), !is_embedded());
        assert_eq!(csp().contains("cdn.jsdelivr.net"), !is_embedded());
    }

    #[test]
    fn no_policy_lets_a_recorded_page_run_send_or_lead_anywhere() {
        for policy in [csp(), csp_with_assets()] {
            for rule in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(rule), "{policy}");
            }
            let scripts = policy.split(';').find(|rule| rule.contains("script-src")).unwrap_or_default();
            assert!(!scripts.contains("unsafe") && !scripts.contains("data:"), "{scripts}");
        }
        assert!(!csp().contains("http:"), "{}", csp());
    }
}
