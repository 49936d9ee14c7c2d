//! What of a recorded page may reach a browser.
//!
//! Recorded pages come from strangers. Nothing here runs a script, sends a form, leads the viewer's browser elsewhere, or asks the recorded site for
//! anything unless the viewer has switched its assets on. A list of what may pass would break pages, so names are judged: scripts, handlers,
//! frames' addresses and everything that navigates are dropped; addresses that would be fetched are kept under another name.
//!
//! A player's frame forbids scripts too, and its page's policy forbids requests. Each of these alone must hold.

mod assets;
mod attribute;
mod css;
mod element;

use url::Url;

pub use assets::{Assets, KeptAssets};
pub use attribute::{apart, attribute, is_name};
pub use css::{css, css_part, css_rule, css_rules, rules};
pub use element::{element_name, tag};

/// The tag of an element that may not be shown.
pub const REMOVED_TAG: &str = "takeup-removed";

/// The longest address of a page that addresses in it are taken to be relative to: each becomes that much longer.
const BASE_BYTES_MAX: usize = 2 << 10;
/// The longest name of an attribute or an element.
const NAME_BYTES_MAX: usize = 256;

/// What addresses in a page are relative to, from the page's own.
pub fn base(location: &str) -> Option<Url> {
    (location.len() <= BASE_BYTES_MAX).then(|| Url::parse(location).ok()).flatten()
}

/// How much of addresses may be written for a text: page and place make each longer, and a text may have little else.
fn room_for_addresses(text: &str) -> usize {
    (64 << 10) + room_by_length(text)
}

/// The part of it that a longer text has more of.
fn room_by_length(text: &str) -> usize {
    8 * text.len()
}

/// An address that may be fetched, as it is written there; `None` for all others.
fn fetched(address: &str, base: Option<&Url>, assets: &Assets) -> Option<String> {
    // Browsers drop these from addresses, wherever they stand.
    let address: String = address.chars().filter(|char| !matches!(char, '\t' | '\n' | '\r')).collect();
    let address = address.trim_matches(|char: char| char <= ' ');
    if is_picture(address) {
        return Some(address.to_owned());
    }
    if assets.are_withheld() {
        return None;
    }
    let whole = Url::options().base_url(base).parse(address).ok()?;
    if matches!(whole.scheme(), "http" | "https") { assets.place_of(&whole) } else { None }
}

/// Whether an address has a picture in itself.
fn is_picture(address: &str) -> bool {
    let Some(rest) = strip_prefix_of_any_case(address, "data:image/") else { return false };
    ["png", "jpeg", "jpg", "gif", "webp", "avif", "bmp", "x-icon", "svg+xml"]
        .iter()
        .any(|kind| strip_prefix_of_any_case(rest, kind).is_some_and(|rest| rest.starts_with([';', ','])))
}

fn strip_prefix_of_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests;
